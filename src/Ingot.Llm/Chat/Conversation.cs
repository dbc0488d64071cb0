namespace Ingot.Llm.Chat;

/// <summary>Who speaks.</summary>
public enum Role
{
    /// <summary>What the model is told about itself and its task.</summary>
    System,
    /// <summary>The person.</summary>
    User,
    /// <summary>The model.</summary>
    Assistant,
}

/// <summary>What a part of a message is.</summary>
public enum PartKind
{
    /// <summary>Words.</summary>
    Text,
    /// <summary>What the assistant asks a tool, such as an expression for the calculator.</summary>
    ToolCall,
    /// <summary>What the tool answers; not the assistant's own words, so no loss is taken on it.</summary>
    ToolResult,
}

/// <summary>A stretch of a message.</summary>
public sealed record Part(PartKind Kind, string Text);

/// <summary>One turn of a conversation.</summary>
public sealed record Message(Role Role, IReadOnlyList<Part> Parts)
{
    /// <summary>A turn of words alone.</summary>
    public Message(Role role, string text) : this(role, [new(PartKind.Text, text)]) { }
}

/// <summary>Turns in order.</summary>
public sealed record Conversation(IReadOnlyList<Message> Messages);
