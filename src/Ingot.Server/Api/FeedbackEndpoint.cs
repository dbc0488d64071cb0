using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Ingot.Server.Api;

/// <summary>
/// /api/feedback: what the page's reader thinks of an answer. Appends a line to a file that <c>ingot sft --data</c> and <c>ingot dpo --data</c> read: a liked answer
/// as {messages}, a disliked or edited one with a better one as {prompt, chosen, rejected}.
/// </summary>
sealed class FeedbackEndpoint(string? file, long mostBytes)
{
    const int MostMessages = 1000;

    readonly Lock gate = new();

    public async Task Answer(HttpContext context)
    {
        if (file is null) throw new ApiException(404, "this server keeps no feedback; start it with --feedback FILE", "no_feedback");
        using var body = await RequestBody.ReadAsync(context, mostBytes);
        var fields = new Fields(body.RootElement);
        var messages = (fields.Array("messages") ?? throw fields.Missing("messages")).Select(m => Message(Fields.Of(m.Json, m.Path))).ToList();
        if (messages.Count is 0 or > MostMessages) throw ApiException.Invalid("messages", $"'messages' has {messages.Count} messages; 1 to {MostMessages} are allowed");
        if (messages[^1].Role != "user") throw ApiException.Invalid("messages", "'messages' must end with the user's turn, which the answer answers");
        var record = new JsonObject { ["time"] = DateTimeOffset.UtcNow.ToString("o"), ["model"] = fields.Text("model") };
        var (chosen, rejected) = (fields.Text("chosen"), fields.Text("rejected"));
        switch (fields.RequiredText("kind"))
        {
            case "up":
                record["kind"] = "up";
                record["messages"] = Array([.. messages, ("assistant", chosen ?? throw fields.Missing("chosen"))]);
                break;
            case "down":
                record["kind"] = "down";
                record["messages"] = Array(messages); // the conversation without an answer: no example to follow
                record["disliked"] = rejected ?? throw fields.Missing("rejected");
                break;
            case ("edit" or "prefer") and var kind:
                record["kind"] = kind;
                record["prompt"] = Array(messages); // what ingot dpo reads
                record["messages"] = Array(messages); // and what ingot sft does
                record["chosen"] = chosen ?? throw fields.Missing("chosen");
                record["rejected"] = rejected ?? throw fields.Missing("rejected");
                break;
            case var other:
                throw ApiException.Invalid("kind", $"'kind' is '{other}'; there are up, down, edit and prefer");
        }
        Append(record);
        await Json.SendAsync(context, new JsonObject { ["status"] = "ok" });
    }

    static (string Role, string Content) Message(Fields message)
    {
        var role = message.RequiredText("role");
        return role is "system" or "user" or "assistant" ? (role, message.RequiredText("content")) : throw ApiException.Invalid(message.PathOf("role"), $"'{message.PathOf("role")}' is '{role}'; there are system, user and assistant");
    }

    static JsonArray Array(IEnumerable<(string Role, string Content)> messages) => new([.. messages.Select(m => new JsonObject { ["role"] = m.Role, ["content"] = m.Content })]);

    /// <summary>A line in one write, so that a line is there whole or, after a crash, as the last one in part.</summary>
    void Append(JsonObject record)
    {
        var line = JsonSerializer.SerializeToUtf8Bytes(record, Json.Compact);
        lock (gate)
        {
            try
            {
                if (Path.GetDirectoryName(Path.GetFullPath(file!)) is { } folder) Directory.CreateDirectory(folder);
                using var stream = new FileStream(file!, FileMode.Append, FileAccess.Write, FileShare.Read, 1);
                stream.Write([.. line, (byte)'\n']);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Console.Error.WriteLine($"ingot: feedback cannot be written: {e.Message}"); // with the file's name, which is not the page's business
                throw new ApiException(507, "the feedback cannot be written; the server's log says why", "feedback_not_written");
            }
        }
    }
}
