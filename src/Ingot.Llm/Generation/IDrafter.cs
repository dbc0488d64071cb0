namespace Ingot.Llm.Generation;

/// <summary>
/// Guesses how a text goes on, for one text. The model computes all guessed tokens in one step, and each is chosen as it would have been without them; a guess that is
/// what was chosen has saved a step.
/// </summary>
/// <remarks>
/// This is speculative decoding (Leviathan et al. 2023; Chen et al. 2023) with the random numbers of plain decoding: where a guess is one token, to draw from the
/// model's distribution and to accept the guess if it is what was drawn is their rejection sampling, whose residual is the distribution without the guess. So the text
/// is not only of the same distribution but the same text. A draft model that draws with the same numbers guesses right whenever both distributions put the number into
/// the same token (a coupling, as in Daliri et al. 2025).
/// </remarks>
public interface IDrafter
{
    /// <summary>Tokens that are guessed at a time, at most.</summary>
    int Most { get; }

    /// <summary>Guesses.</summary>
    /// <param name="tokens">The text so far.</param>
    /// <param name="guesses">Where they go; no more than these.</param>
    /// <param name="sampler">How the text's tokens are chosen; see <see cref="Sampler.Guess"/>.</param>
    /// <returns>How many.</returns>
    int Guess(ReadOnlySpan<int> tokens, Span<int> guesses, Sampler sampler);
}
