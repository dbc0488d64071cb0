namespace Ingot.Llm.Generation;

/// <summary>Guesses that a text goes on as it did when its last tokens were there before: for summaries, corrections, code. Costs no model.</summary>
/// <param name="most">Tokens guessed at a time.</param>
/// <param name="longest">Tokens at the end that are looked for; if they are not found, fewer.</param>
/// <param name="shortest">Not fewer than this.</param>
/// <remarks>Saxena 2023, "Prompt lookup decoding".</remarks>
public sealed class PromptLookup(int most = 8, int longest = 4, int shortest = 2) : IDrafter
{
    public int Most { get; } = most > 0 ? most : throw new ArgumentOutOfRangeException(nameof(most), most, "at least one token must be guessed");

    readonly int shortest = shortest > 0 && shortest <= longest ? shortest : throw new ArgumentOutOfRangeException(nameof(shortest), shortest, $"must be from 1 to {longest}");

    public int Guess(ReadOnlySpan<int> tokens, Span<int> guesses, Sampler sampler)
    {
        for (int n = Math.Min(longest, tokens.Length - 1); n >= shortest; n--)
        {
            // The latest place counts; one that overlaps the end is fine, as in a repetition.
            int at = tokens[..^1].LastIndexOf(tokens[^n..]);
            if (at < 0) continue;
            var after = tokens[(at + n)..];
            int count = Math.Min(after.Length, guesses.Length);
            after[..count].CopyTo(guesses);
            return count;
        }
        return 0;
    }
}
