namespace Ingot.Llm.Chat;

/// <summary>Something that the assistant's stream of text turned out to be.</summary>
public abstract record AssistantEvent;

/// <summary>Words for the user.</summary>
public sealed record ContentDelta(string Text) : AssistantEvent;

/// <summary>Words of thought, between the marks that the model puts around them.</summary>
public sealed record ReasoningDelta(string Text) : AssistantEvent;

/// <summary>A call has begun and its tool is known.</summary>
/// <param name="Index">0 for the first call of the turn, 1 for the second, ...</param>
/// <param name="Id">Made up here unless the model wrote one.</param>
/// <param name="Name">The tool.</param>
public sealed record ToolCallStarted(int Index, string Id, string Name) : AssistantEvent;

/// <summary>More of a call's arguments, which joined are the text of a JSON object.</summary>
public sealed record ToolArgumentsDelta(int Index, string Text) : AssistantEvent;

/// <summary>A call is complete.</summary>
public sealed record ToolCallEnded(int Index, ToolCall Call) : AssistantEvent;

/// <summary>A call was answered, and the assistant goes on with that.</summary>
public sealed record ToolAnswered(ToolCall Call, string Answer) : AssistantEvent;

/// <summary>What was announced as a call is none: its text went wrong after its arguments had begun.</summary>
/// <param name="Index">The call that was announced.</param>
/// <param name="Text">All that was written of it, marks included: content that came late.</param>
public sealed record ToolCallBroken(int Index, string Text) : AssistantEvent;
