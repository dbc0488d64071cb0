namespace Ingot.Llm.Chat;

/// <summary>How a family of models writes calls of tools.</summary>
public abstract class ToolFormat
{
    /// <summary>For people: "hermes", "llama3", "mistral", ...</summary>
    public abstract string Name { get; }

    /// <summary>Special tokens that are part of the format, which a decoder that leaves special tokens out must let through.</summary>
    public abstract IReadOnlyList<string> Markers { get; }

    /// <summary>Reads one turn of the assistant.</summary>
    /// <param name="tools">Those that were offered; where given, a call of another one is plain text.</param>
    public abstract ToolCallParser NewParser(IReadOnlyList<ToolDefinition>? tools = null);
}

/// <summary>Text of one assistant's turn in, in pieces cut anywhere, events out. What comes out, deltas of a kind joined, does not depend on how the text was cut, and no text is lost: what is no call after all is content.</summary>
public abstract class ToolCallParser
{
    /// <summary>Takes the next piece of text.</summary>
    /// <returns>What is certain with it.</returns>
    public abstract IReadOnlyList<AssistantEvent> Add(string text);

    /// <summary>No more text comes.</summary>
    public abstract IReadOnlyList<AssistantEvent> Finish();
}
