namespace Ingot.Llm.Serving;

/// <summary>A token that was chosen, and how likely the model found it.</summary>
/// <param name="Id">The token.</param>
/// <param name="LogProbability">In nats, of the model's own distribution; NaN if it was not asked for.</param>
/// <param name="Likeliest">The likeliest tokens at this place, likeliest first; as many as were asked for.</param>
public readonly record struct ChosenToken(int Id, double LogProbability, IReadOnlyList<(int Id, double LogProbability)> Likeliest);
