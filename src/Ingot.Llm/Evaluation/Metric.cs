namespace Ingot.Llm.Evaluation;

/// <summary>One score of one stage, as report.json has it.</summary>
/// <param name="Name">What was measured, such as <c>facts, held-out phrasings</c>.</param>
/// <param name="Stage">Which model: <c>base</c>, <c>mid</c>, <c>sft</c>, <c>dpo</c>, <c>rl</c>, <c>random</c>.</param>
/// <param name="Value">A part from 0 to 1 where items are counted; else in the unit that the name states.</param>
/// <param name="N">Items it is the mean of.</param>
/// <param name="Low">Of the 95% interval.</param>
/// <param name="High">Of the 95% interval.</param>
/// <param name="Baseline">Chance, or what the simplest rule gets; null where there is none.</param>
public sealed record Metric(string Name, string Stage, double Value, int N, double Low, double High, double? Baseline);
