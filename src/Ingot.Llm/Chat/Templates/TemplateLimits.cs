namespace Ingot.Llm.Chat.Templates;

/// <summary>What a template may use: templates come with models, from anybody.</summary>
/// <param name="Steps">Expressions and statements evaluated, and work on long texts in units of 64 characters.</param>
/// <param name="Characters">Of the output, and of any text that the template makes.</param>
/// <param name="Depth">Macros that call macros, and expressions or blocks inside each other.</param>
public sealed record TemplateLimits(int Steps = 10_000_000, int Characters = 32 << 20, int Depth = 64)
{
    /// <summary>Templates longer than this are refused; the longest known have 30,000 characters.</summary>
    public int SourceCharacters { get; init; } = 1 << 20;
}
