using System.Text.Json;
using Ingot.Llm.Chat;

namespace Ingot.Llm.Data;

/// <summary>
/// Reads the records that published sets are made of: {text}, {messages|conversations: [{role|from, content|value}]}, {prompt, completion|answer|response},
/// {instruction, input|context, output|response}, {question, answer}, {input, target}, {instruction, instances: [{input, output}]}, {turns: [...]}, plain strings; preferences as {prompt, chosen, rejected}, where the two
/// are texts or whole conversations, and {messages, edited}, the last answer as its reader would have had it. A file may be {examples|data: [records]}.
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
            if (Records(json.RootElement) is { } records)
            {
                int of = 0;
                foreach (var record in records.EnumerateArray()) yield return Read(record, $"{path}: record {++of}");
                yield break;
            }
            // Any other JSON is a text like any other.
            yield return TryRead(json.RootElement, path) ?? new(path, text);
            yield break;
        }
        int number = 0;
        foreach (var record in json.RootElement.EnumerateArray()) yield return Read(record, $"{path}: record {++number}");
    }

    static JsonElement? Records(JsonElement file)
    {
        if (file.ValueKind != JsonValueKind.Object) return null;
        foreach (var name in new[] { "examples", "data" })
            if (file.TryGetProperty(name, out var records) && records.ValueKind == JsonValueKind.Array && records.GetArrayLength() > 0 && records[0].ValueKind == JsonValueKind.Object) return records;
        return null;
    }

    static JsonDocument Parse(string text, string source)
    {
        try { return JsonDocument.Parse(text, Options); }
        catch (JsonException e) { throw new IngotException($"{source} is not JSON: {e.Message}", e); }
    }

    static DataItem Read(JsonElement record, string source) => TryRead(record, source) ?? throw new IngotException(
        $"{source} has the fields {(record.ValueKind == JsonValueKind.Object ? string.Join(", ", record.EnumerateObject().Select(p => p.Name)) : record.ValueKind)}; " +
        "known are text, messages, conversations, turns, prompt with completion or answer, instruction with output, question with answer, input with target, chosen with rejected");

    static DataItem? TryRead(JsonElement record, string source)
    {
        if (record.ValueKind == JsonValueKind.String) return new(source, record.GetString()!);
        if (record.ValueKind == JsonValueKind.Array) return Talk(source, Turns(record, source));
        if (record.ValueKind != JsonValueKind.Object) return null;
        if (Preference(record, source) is { } preferred) return preferred;
        foreach (var name in new[] { "messages", "conversations", "conversation", "turns" })
            if (record.TryGetProperty(name, out var turns) && turns.ValueKind == JsonValueKind.Array) return Talk(source, Turns(turns, source));
        if (record.TryGetProperty("instances", out var instances) && instances.ValueKind == JsonValueKind.Array && instances.GetArrayLength() > 0 && String(record, "instruction") is { } task)
            return Talk(source, [new(Role.User, Join(task, String(instances[0], "input"))), new(Role.Assistant, String(instances[0], "output") ?? "")]);
        var question = String(record, "prompt", "instruction", "question", "problem");
        var answer = String(record, "completion", "answer", "response", "output", "canonical_solution", "solution", "target");
        if (question is not null && answer is not null) return Talk(source, [new(Role.User, Join(question, String(record, "input", "context"))), new(Role.Assistant, answer)]);
        if (String(record, "input") is { } input && answer is not null) return Talk(source, [new(Role.User, input), new(Role.Assistant, answer)]);
        return String(record, "text", "content", "story") is { } text ? new(source, text) : null;
    }

    /// <summary>{prompt, chosen, rejected} and {messages, edited}.</summary>
    static DataItem? Preference(JsonElement record, string source)
    {
        if (String(record, "edited") is { } edited && record.TryGetProperty("messages", out var turns) && turns.ValueKind == JsonValueKind.Array && Turns(turns, source) is [.., { Role: Role.Assistant } said] all)
            return Better(source, all.SkipLast(1), edited, said.Parts[0].Text);
        if (!record.TryGetProperty("chosen", out var chosen) || !record.TryGetProperty("rejected", out var rejected)) return null;
        var (good, bad) = (Conversation(chosen, source), Conversation(rejected, source));
        if (good is not [.., { Role: Role.Assistant } best] || bad is not [.., { Role: Role.Assistant } worst]) throw new IngotException($"{source}: chosen and rejected are texts, or conversations that end with the assistant's turn");
        IEnumerable<Message> prompt = good.SkipLast(1);
        if (good.Count == 1)
        {
            if (record.TryGetProperty("messages", out var before) && before.ValueKind == JsonValueKind.Array) prompt = Turns(before, source);
            else prompt = [new(Role.User, Join(String(record, "prompt", "instruction", "question") ?? throw new IngotException($"{source} has chosen and rejected, but neither prompt, question nor messages"), String(record, "input", "context")))];
        }
        return Better(source, prompt, best.Parts[0].Text, worst.Parts[0].Text);

        static List<Message> Conversation(JsonElement side, string source) => side.ValueKind switch
        {
            JsonValueKind.String => [new(Role.Assistant, side.GetString()!)],
            JsonValueKind.Array => Turns(side, source),
            _ => [],
        };
    }

    /// <summary>A preference; its better side is a conversation, too.</summary>
    static DataItem Better(string source, IEnumerable<Message> prompt, string chosen, string rejected)
    {
        var before = prompt.ToList();
        if (before is not [.., { Role: Role.User }]) throw new IngotException($"{source}: what goes before the answer does not end with the user's turn");
        return Talk(source, [.. before, new(Role.Assistant, chosen)]) with { Preference = new(new(before), chosen, rejected) };
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
