using System.Text.Json;
using Ingot.Llm.Chat;

namespace Ingot.Llm.Data;

/// <summary>
/// Reads the records that published sets are made of: {text}, {messages|conversations: [{role|from, content|value}]}, {prompt, completion|answer|response},
/// {instruction, input|context, output|response}, {question, answer}, {instruction, instances: [{input, output}]}, {turns: [...]}, and plain strings.
/// </summary>
static class JsonRecords
{
    static readonly JsonDocumentOptions Options = new() { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip };

    public static IEnumerable<DataItem> ReadLines(string path, string text)
    {
        int number = 0;
        foreach (var line in text.Split('\n'))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            using var json = Parse(line, $"{path}: line {number}");
            yield return Read(json.RootElement, $"{path}: line {number}");
        }
    }

    /// <summary>An array of records, or one record.</summary>
    public static IEnumerable<DataItem> ReadDocument(string path, string text)
    {
        using var json = Parse(text, path);
        if (json.RootElement.ValueKind != JsonValueKind.Array)
        {
            // Any other JSON is a text like any other.
            yield return TryRead(json.RootElement, path) ?? new(path, text);
            yield break;
        }
        int number = 0;
        foreach (var record in json.RootElement.EnumerateArray()) yield return Read(record, $"{path}: record {++number}");
    }

    static JsonDocument Parse(string text, string source)
    {
        try { return JsonDocument.Parse(text, Options); }
        catch (JsonException e) { throw new IngotException($"{source} is not JSON: {e.Message}", e); }
    }

    static DataItem Read(JsonElement record, string source) => TryRead(record, source) ?? throw new IngotException(
        $"{source} has the fields {(record.ValueKind == JsonValueKind.Object ? string.Join(", ", record.EnumerateObject().Select(p => p.Name)) : record.ValueKind)}; " +
        "known are text, messages, conversations, turns, prompt with completion or answer, instruction with output, question with answer");

    static DataItem? TryRead(JsonElement record, string source)
    {
        if (record.ValueKind == JsonValueKind.String) return new(source, record.GetString()!);
        if (record.ValueKind == JsonValueKind.Array) return Talk(source, Turns(record, source));
        if (record.ValueKind != JsonValueKind.Object) return null;
        foreach (var name in new[] { "messages", "conversations", "conversation", "turns" })
            if (record.TryGetProperty(name, out var turns) && turns.ValueKind == JsonValueKind.Array) return Talk(source, Turns(turns, source));
        if (record.TryGetProperty("instances", out var instances) && instances.ValueKind == JsonValueKind.Array && instances.GetArrayLength() > 0 && String(record, "instruction") is { } task)
            return Talk(source, [new(Role.User, Join(task, String(instances[0], "input"))), new(Role.Assistant, String(instances[0], "output") ?? "")]);
        var question = String(record, "prompt", "instruction", "question", "problem");
        var answer = String(record, "completion", "answer", "response", "output", "canonical_solution", "solution");
        if (question is not null && answer is not null) return Talk(source, [new(Role.User, Join(question, String(record, "input", "context"))), new(Role.Assistant, answer)]);
        return String(record, "text", "content", "story") is { } text ? new(source, text) : null;
    }

    static List<Message> Turns(JsonElement turns, string source)
    {
        var messages = new List<Message>();
        foreach (var turn in turns.EnumerateArray())
        {
            // Bare strings take turns, the user first.
            if (turn.ValueKind == JsonValueKind.String) messages.Add(new(messages.Count % 2 == 0 ? Role.User : Role.Assistant, turn.GetString()!));
            else
            {
                var role = String(turn, "role", "from", "speaker") ?? throw new IngotException($"{source}: a turn says neither role nor from");
                var words = String(turn, "content", "value", "text") ?? throw new IngotException($"{source}: a turn of '{role}' has neither content nor value");
                messages.Add(new(role.ToLowerInvariant() switch
                {
                    "system" => Role.System,
                    "user" or "human" or "prompter" => Role.User,
                    "assistant" or "gpt" or "model" or "bot" or "chatgpt" => Role.Assistant,
                    _ => throw new IngotException($"{source}: the role '{role}' is unknown; there are system, user (human) and assistant (gpt)"),
                }, words));
            }
        }
        return messages;
    }

    static DataItem Talk(string source, List<Message> messages) => new(source, string.Join("\n", messages.Select(m => m.Parts[0].Text)), new(messages));

    static string Join(string task, string? input) => string.IsNullOrWhiteSpace(input) ? task : $"{task}\n\n{input}";

    static string? String(JsonElement record, params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
            if (record.ValueKind == JsonValueKind.Object && record.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String) return value.GetString();
        return null;
    }
}
