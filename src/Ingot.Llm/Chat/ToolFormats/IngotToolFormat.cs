using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ingot.Llm.Constraints;

namespace Ingot.Llm.Chat;

/// <summary>Ingot's own models: an expression for the calculator between two special tokens.</summary>
sealed class IngotToolFormat : ToolFormat
{
    /// <summary>The only tool that these models know.</summary>
    public const string Tool = "calculator";

    const string Begin = "<|tool_start|>", End = "<|tool_end|>";

    static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static readonly IngotToolFormat Instance = new();

    public override string Name => "ingot";

    public override IReadOnlyList<string> Markers => [Begin, End];

    public override ToolCallParser NewParser(IReadOnlyList<ToolDefinition>? tools = null) => new Parser(tools is null || tools.Any(t => t.Name == Tool));

    internal override void Describe(CallGrammar calls, int from, int to) => calls.Join(calls.Mark(calls.Text(calls.Mark(from, Begin)), End), to);

    /// <summary>What the model wrote for a call: the expression, or the arguments of another tool as they are.</summary>
    public static string ExpressionOf(ToolCall call)
    {
        try { return JsonNode.Parse(call.Arguments)?["expression"]?.GetValue<string>() ?? call.Arguments; }
        catch (Exception e) when (e is JsonException or InvalidOperationException) { return call.Arguments; }
    }

    /// <summary>The call that such an expression is.</summary>
    public static ToolCall CallOf(string expression) => new(EventList.NewId(), Tool, JsonSerializer.Serialize(new { expression }, Plain));

    sealed class Parser(bool isOffered) : ToolCallParser
    {
        readonly EventList events = new();
        string held = "";
        bool isInCall;
        int calls;

        public override IReadOnlyList<AssistantEvent> Add(string text)
        {
            foreach (char c in text) Next(c);
            return events.Take();
        }

        public override IReadOnlyList<AssistantEvent> Finish()
        {
            events.Content((isInCall ? Begin : "") + held);
            (held, isInCall) = ("", false);
            return events.Take();
        }

        void Next(char c)
        {
            held += c;
            if (isInCall)
            {
                if (!held.EndsWith(End, StringComparison.Ordinal)) return;
                string expression = held[..^End.Length];
                if (isOffered) Call(expression);
                else events.Content(Begin + held);
                (held, isInCall) = ("", false);
                return;
            }
            if (held == Begin) (held, isInCall) = ("", true);
            else
            {
                while (!Begin.StartsWith(held, StringComparison.Ordinal))
                {
                    events.Content(held[0]);
                    held = held[1..];
                }
            }
        }

        void Call(string expression)
        {
            var call = CallOf(expression);
            events.Add(new ToolCallStarted(calls, call.Id, Tool));
            events.Argument(calls, call.Arguments);
            events.Add(new ToolCallEnded(calls++, call));
        }
    }
}
