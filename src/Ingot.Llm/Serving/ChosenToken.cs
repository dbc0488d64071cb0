using Ingot.Llm.Generation;

namespace Ingot.Llm.Serving;

/// <summary>A token that was chosen.</summary>
/// <param name="Id">The token.</param>
/// <param name="Score">How likely the model found it, and what else it found likely; null if it was not asked for.</param>
public readonly record struct ChosenToken(int Id, TokenLogProbability? Score);
