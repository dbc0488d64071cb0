using System.Text.Json;

namespace Ingot.Llm.Chat;

/// <summary>One turn of a conversation as an API hands it over: any role that the model's template knows, calls of tools and their results.</summary>
/// <param name="Role">"system", "user", "assistant", "tool", or what else the template knows.</param>
/// <param name="Content">The words; null where there are only calls.</param>
public sealed record ChatTurn(string Role, string? Content)
{
    /// <summary>What the assistant asked of tools in this turn.</summary>
    public IReadOnlyList<ToolCall> ToolCalls { get; init; } = [];

    /// <summary>Of a tool's turn: the call that it answers.</summary>
    public string? ToolCallId { get; init; }

    /// <summary>Of a tool's turn: the tool; of others: who speaks.</summary>
    public string? Name { get; init; }

    /// <summary>What the assistant thought before it spoke.</summary>
    public string? Reasoning { get; init; }
}

/// <summary>A call of a tool.</summary>
/// <param name="Id">Names the call so that its result can be told from others'.</param>
/// <param name="Name">The tool.</param>
/// <param name="Arguments">A JSON object as text.</param>
public sealed record ToolCall(string Id, string Name, string Arguments);

/// <summary>A tool that the model may call.</summary>
/// <param name="Name">Letters, digits, _ and -.</param>
/// <param name="Description">What it does and when to use it, for the model.</param>
/// <param name="Parameters">JSON Schema of the arguments, an object; null: it takes none.</param>
public sealed record ToolDefinition(string Name, string? Description, JsonElement? Parameters);
