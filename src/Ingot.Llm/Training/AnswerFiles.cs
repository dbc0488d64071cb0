using System.Text.Json;
using Ingot.Llm.Chat;
using Ingot.Llm.Corpus.World;

namespace Ingot.Llm.Training;

/// <summary>
/// The user's own preferences and tasks, JSON objects a line each: {prompt, chosen, rejected} and {prompt, answer}. A prompt is a text or the messages of a conversation,
/// {role, content}, that ends with the user's; what is chosen or rejected is a text or messages, of which the last counts. An answer "... #### 42" is 42, as in GSM8K.
/// </summary>
public static class AnswerFiles
{
    /// <summary>The file's first record is one of <see cref="Pairs"/>.</summary>
    public static bool HasPairs(string path)
    {
        if (!path.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase) || !File.Exists(path)) return false;
        try { return Records(path).FirstOrDefault() is { Json: var first } && first.TryGetProperty("chosen", out _) && first.TryGetProperty("rejected", out _); }
        catch (FormatException) { return false; } // some other text
    }

    /// <summary>The preferences of a file. Examples among them, {messages} as in a feedback.jsonl, are passed over.</summary>
    /// <exception cref="FormatException">A line is no such record; the message names it.</exception>
    public static IReadOnlyList<PreferencePair> Pairs(string path) =>
        [.. Records(path).Where(r => !IsExample(r.Json)).Select(r => new PreferencePair(Prompt(r.Json, r.Source), Words(r.Json, "chosen", r.Source), Words(r.Json, "rejected", r.Source)))];

    /// <exception cref="FormatException">A line is no such record; the message names it.</exception>
    public static IReadOnlyList<VerifiableTask> Tasks(string path) => [.. Records(path).Select(r => new VerifiableTask(Path.GetFileNameWithoutExtension(path), Prompt(r.Json, r.Source), Final(Words(r.Json, "answer", r.Source))))];

    static bool IsExample(JsonElement record) => record.TryGetProperty("messages", out _) && !record.TryGetProperty("chosen", out _) && !record.TryGetProperty("rejected", out _);

    static string Final(string answer) => answer.LastIndexOf("####", StringComparison.Ordinal) is >= 0 and var at ? answer[(at + 4)..].Trim().Replace(",", "", StringComparison.Ordinal) : answer;

    static IEnumerable<(JsonElement Json, string Source)> Records(string path)
    {
        int number = 0;
        foreach (var line in Lines(path))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            string source = $"{path}: line {number}";
            JsonElement json;
            try { json = JsonDocument.Parse(line).RootElement; }
            catch (JsonException e) { throw new FormatException($"{source} is not JSON: {e.Message}", e); }
            yield return json.ValueKind == JsonValueKind.Object ? (json, source) : throw new FormatException($"{source} is {json.ValueKind}, not an object");
        }
    }

    static IEnumerable<string> Lines(string path)
    {
        try { return File.ReadLines(path); }
        catch (Exception e) when (Formats.AtomicFile.IsOfTheSystem(e)) { throw new FormatException($"cannot read {path}: {e.Message}", e); }
    }

    static Conversation Prompt(JsonElement record, string source)
    {
        foreach (var name in new[] { "prompt", "question" })
            if (record.TryGetProperty(name, out var prompt))
                return prompt.ValueKind == JsonValueKind.Array ? new([.. prompt.EnumerateArray().Select(m => new Message(RoleOf(m, source), Text(m, "content", source)))]) : new([new(Role.User, Text(record, name, source))]);
        throw new FormatException($"{source} has no prompt, only {string.Join(", ", record.EnumerateObject().Select(p => p.Name))}");
    }

    static Role RoleOf(JsonElement message, string source) => Text(message, "role", source).ToLowerInvariant() switch
    {
        "system" => Role.System,
        "user" or "human" => Role.User,
        "assistant" or "gpt" => Role.Assistant,
        var other => throw new FormatException($"{source}: the role '{other}' is unknown; there are system, user and assistant"),
    };

    static string Words(JsonElement record, string name, string source) =>
        record.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0 ? Text(value[value.GetArrayLength() - 1], "content", source) : Text(record, name, source);

    static string Text(JsonElement of, string name, string source)
    {
        if (of.ValueKind != JsonValueKind.Object || !of.TryGetProperty(name, out var value)) throw new FormatException($"{source} has no '{name}'");
        return value.ValueKind switch
        {
            JsonValueKind.String => value.GetString()!,
            JsonValueKind.Number => value.GetRawText(),
            _ => throw new FormatException($"{source}: '{name}' is {value.ValueKind}, not a text"),
        };
    }
}
