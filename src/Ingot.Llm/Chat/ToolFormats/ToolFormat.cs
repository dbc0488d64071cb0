using Ingot.Llm.Constraints;

namespace Ingot.Llm.Chat;

/// <summary>How a family of models writes calls of tools.</summary>
public abstract class ToolFormat
{
    /// <summary>For people: "hermes", "llama3", "mistral", ...</summary>
    public abstract string Name { get; }

    /// <summary>Special tokens that are part of the format, which a decoder that leaves special tokens out must let through.</summary>
    public abstract IReadOnlyList<string> Markers { get; }

    /// <summary>Qwen, Hermes and most others: <c>&lt;tool_call&gt;{"name": ..., "arguments": {...}}&lt;/tool_call&gt;</c>.</summary>
    public static ToolFormat Hermes { get; } = new FramedToolFormat("hermes", new CallFrame("<tool_call>", "</tool_call>", IsList: false));

    /// <summary>Llama 3.1 and later: <c>{"name": ..., "parameters": {...}}</c> as the whole turn, perhaps behind <c>&lt;|python_tag|&gt;</c>.</summary>
    public static ToolFormat Llama3 { get; } = new FramedToolFormat("llama3", new CallFrame("<|python_tag|>", "", IsList: false)) { AllowsBare = true, ArgumentsKey = "parameters" };

    /// <summary>Mistral: <c>[TOOL_CALLS] [{"name": ..., "arguments": {...}, "id": ...}]</c>, and since version 11 <c>[TOOL_CALLS]name[ARGS]{...}</c>.</summary>
    public static ToolFormat Mistral { get; } = new FramedToolFormat("mistral", new CallFrame("[TOOL_CALLS]", "", IsList: true)) { AllowsName = true };

    /// <summary>Phi-3 and Phi-4: <c>functools[{...}]</c>, and <c>&lt;|tool_call|&gt;[{...}]&lt;|/tool_call|&gt;</c>.</summary>
    public static ToolFormat Phi { get; } = new FramedToolFormat("phi", new CallFrame("functools", "", IsList: true), new CallFrame("<|tool_call|>", "<|/tool_call|>", IsList: true));

    /// <summary>Llama 4, and Llama 3.2 with such a template: <c>[name(key="value"), other(n=1)]</c> as the whole turn.</summary>
    public static ToolFormat Pythonic => PythonicToolFormat.Instance;

    /// <summary>Ingot's own models: an expression for the calculator.</summary>
    public static ToolFormat Ingot => IngotToolFormat.Instance;

    /// <summary>The format that a chat template teaches; Hermes' where it says nothing of any.</summary>
    /// <param name="jinja">The template.</param>
    public static ToolFormat Of(string jinja)
    {
        bool Has(string mark) => jinja.Contains(mark, StringComparison.Ordinal);
        if (Has("<tool_call>")) return Hermes;
        if (Has("[func_name1(") || Has("<|python_start|>") || Has("<|header_start|>")) return Pythonic; // what their instructions show
        if (Has("[TOOL_CALLS]") || Has("[AVAILABLE_TOOLS]")) return Mistral;
        if (Has("functools") || Has("<|tool_call|>") || Has("<|/tool_call|>")) return Phi;
        if (Has("<|python_tag|>") || Has("<|start_header_id|>")) return Llama3;
        return Hermes;
    }

    /// <summary>What a turn of calls alone looks like, for output that has to be that or of a given form.</summary>
    internal abstract void Describe(CallGrammar calls, int from, int to);

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
