using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ingot.Formats;

namespace Ingot.Llm.Chat;

/// <summary>A conversation as JSON: <c>{"messages": [{"role": "user", "parts": [{"kind": "text", "text": "..."}]}]}</c>; a message of text alone may have <c>"content": "..."</c> instead of parts.</summary>
public static class ConversationFile
{
    static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <exception cref="IngotException">The file cannot be written.</exception>
    public static void Save(Conversation conversation, string path) => AtomicFile.WriteText(path, new JsonObject
    {
        ["messages"] = new JsonArray([.. conversation.Messages.Select(m => new JsonObject
        {
            ["role"] = NameOf(m.Role),
            ["parts"] = new JsonArray([.. m.Parts.Select(p => new JsonObject { ["kind"] = NameOf(p.Kind), ["text"] = p.Text })]),
        })]),
    }.ToJsonString(Readable) + "\n");

    /// <exception cref="FormatException">The file is missing or no conversation; the message says where.</exception>
    public static Conversation Load(string path)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            return new([.. json.RootElement.GetProperty("messages").EnumerateArray().Select(ReadMessage)]);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException) { throw new FormatException($"{path} is no conversation: {e.Message}", e); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw new FormatException($"cannot read {path}: {e.Message}", e); }
    }

    static Message ReadMessage(JsonElement m)
    {
        var role = Named<Role>(m.GetProperty("role").GetString());
        if (m.TryGetProperty("content", out var content) && content.GetString() is { } text) return new(role, text);
        return new(role, [.. m.GetProperty("parts").EnumerateArray().Select(p => new Part(Named<PartKind>(p.GetProperty("kind").GetString()), p.GetProperty("text").GetString() ?? throw new JsonException("a part has no text")))]);
    }

    static string NameOf<T>(T value) where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    static T Named<T>(string? name) where T : struct, Enum
    {
        foreach (var value in Enum.GetValues<T>())
            if (NameOf(value) == name) return value;
        throw new JsonException($"there is no {typeof(T).Name.ToLowerInvariant()} '{name}'; there are {string.Join(", ", Enum.GetValues<T>().Select(NameOf))}");
    }
}
