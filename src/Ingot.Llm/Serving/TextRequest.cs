using Ingot.Llm.Generation;

namespace Ingot.Llm.Serving;

/// <summary>A prompt to be continued.</summary>
/// <param name="Prompt">At least one token.</param>
/// <param name="Sampling">How to choose. Stop strings are of no use to the loop: it has tokens, <see cref="TextStream"/> has text. The second text's seed is one more, and so on.</param>
/// <param name="Count">Texts that continue it.</param>
public sealed record TextRequest(int[] Prompt, SamplingOptions Sampling, int Count = 1);
