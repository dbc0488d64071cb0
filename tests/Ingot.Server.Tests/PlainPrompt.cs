using System.Text.Json;
using Ingot.Llm.Chat;
using Ingot.Llm.Generation;
using Ingot.Llm.Tokenizers;

namespace Ingot.Server.Tests;

/// <summary>A prompt of the messages' words.</summary>
sealed class PlainPrompt(Tokenizer tokenizer, int end) : ChatPrompt
{
    public override ToolFormat ToolFormat => throw new NotSupportedException();

    public override IReadOnlyList<int> EndTokens => [end];

    public override int[] Render(IReadOnlyList<ChatTurn> turns, IReadOnlyList<ToolDefinition>? tools = null, bool addGenerationPrompt = true, string? prefill = null, IReadOnlyDictionary<string, JsonElement>? variables = null) =>
        tokenizer.Encode(string.Concat(turns.SkipLast(1).Select(t => $"[{t.Role}]{t.Content}")) + turns[^1].Content + prefill, addSpecial: false, parseSpecial: false);

    public override AssistantReader NewReader(IReadOnlyList<int>? prompt = null, IReadOnlyList<ToolDefinition>? tools = null, IReadOnlyList<string>? stop = null) => new Reader(new(tokenizer, stop ?? []), tools);

    sealed class Reader(TextStream stream, IReadOnlyList<ToolDefinition>? tools) : AssistantReader
    {
        string held = "";

        public override bool IsStopped => stream.IsStopped;

        public override IReadOnlyList<AssistantEvent> Add(int token) => Text(stream.Add(token));

        public override IReadOnlyList<AssistantEvent> Finish() => Text(stream.End());

        List<AssistantEvent> Text(string text)
        {
            if (tools is not { Count: > 0 } || (held.Length == 0 && !text.StartsWith("<tool_call>", StringComparison.Ordinal))) return text.Length > 0 ? [new ContentDelta(text)] : [];
            held += text;
            if (!held.EndsWith("</tool_call>", StringComparison.Ordinal)) return [];
            using var json = JsonDocument.Parse(held["<tool_call>".Length..^"</tool_call>".Length]);
            var call = new ToolCall($"call_{Guid.NewGuid():N}", json.RootElement.GetProperty("name").GetString()!, json.RootElement.GetProperty("arguments").GetRawText());
            return [new ToolCallStarted(0, call.Id, call.Name), new ToolArgumentsDelta(0, call.Arguments), new ToolCallEnded(0, call)];
        }
    }
}
