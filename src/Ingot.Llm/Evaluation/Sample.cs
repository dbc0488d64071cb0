namespace Ingot.Llm.Evaluation;

/// <summary>What a model wrote for people to read, as samples.jsonl has it.</summary>
/// <param name="Stage">Which model.</param>
/// <param name="Step">Of the stage.</param>
/// <param name="Prompt">The user's words, or the beginning of a text.</param>
/// <param name="Text">What the model wrote.</param>
public sealed record Sample(string Stage, double Step, string Prompt, string Text);
