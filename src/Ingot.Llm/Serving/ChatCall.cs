using System.Text.Json;
using Ingot.Llm.Chat;
using Ingot.Llm.Constraints;
using Ingot.Llm.Generation;

namespace Ingot.Llm.Serving;

/// <summary>Whether the model may, must or must not call tools.</summary>
/// <param name="Kind">What holds.</param>
/// <param name="Name">Of the tool that must be called; null: any.</param>
public sealed record ToolChoice(ToolChoiceKind Kind, string? Name = null)
{
    /// <summary>The model decides.</summary>
    public static ToolChoice Auto { get; } = new(ToolChoiceKind.Auto);
}

/// <summary>Whether the model may call tools.</summary>
public enum ToolChoiceKind
{
    /// <summary>It decides.</summary>
    Auto,
    /// <summary>It is not told of the tools.</summary>
    None,
    /// <summary>It must call one.</summary>
    Required,
}

/// <summary>A conversation to be answered.</summary>
/// <param name="Turns">It usually ends with the user's or a tool's.</param>
/// <param name="Sampling">How to choose, stop strings among it. The second answer's seed is one more, and so on.</param>
public sealed record ChatCall(IReadOnlyList<ChatTurn> Turns, SamplingOptions Sampling)
{
    /// <summary>What the model may call.</summary>
    public IReadOnlyList<ToolDefinition> Tools { get; init; } = [];

    /// <summary>Whether it may.</summary>
    public ToolChoice Choice { get; init; } = ToolChoice.Auto;

    /// <summary>Several calls in one turn are fine; otherwise the answer ends with the first.</summary>
    public bool AllowsParallelCalls { get; init; } = true;

    /// <summary>Null: any text.</summary>
    public AnswerForm? Form { get; init; }

    /// <summary>Answers, all to the same conversation.</summary>
    public int Count { get; init; } = 1;

    /// <summary>What the answer is to begin with.</summary>
    public string? Prefill { get; init; }

    /// <summary>Further variables of the chat template.</summary>
    public IReadOnlyDictionary<string, JsonElement>? Variables { get; init; }
}
