using Ingot.Llm.Generation;

namespace Ingot.Llm.Serving;

/// <summary>A text to be continued.</summary>
/// <param name="Prompt">At least one token.</param>
/// <param name="Sampling">How to choose. Stop strings are of no use to the loop: it has tokens, <see cref="TextStream"/> has text.</param>
public sealed record TextRequest(int[] Prompt, SamplingOptions Sampling)
{
    /// <summary>Tokens that end this text, beside those that end all texts of the model.</summary>
    public IReadOnlySet<int> EndTokens { get; init; } = new HashSet<int>();
}
