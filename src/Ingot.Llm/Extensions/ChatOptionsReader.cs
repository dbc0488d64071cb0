using System.Text.Json;
using Ingot.Llm.Chat;
using Ingot.Llm.Constraints;
using Ingot.Llm.Generation;
using Ingot.Llm.Serving;
using Microsoft.Extensions.AI;

namespace Ingot.Llm.Extensions;

/// <summary>What Microsoft.Extensions.AI says, in this library's words.</summary>
static class ChatOptionsReader
{
    public static ChatCall Read(IEnumerable<ChatMessage> messages, ChatOptions? options, SamplingDefaults defaults)
    {
        options ??= new();
        List<ChatTurn> turns = [.. messages.SelectMany(Turns)];
        if (options.Instructions is { Length: > 0 } instructions) turns.Insert(0, new("system", instructions));
        return new(turns, Sampling(options, defaults))
        {
            Tools = [.. (options.Tools ?? []).Select(Tool)],
            Choice = options.ToolMode switch
            {
                NoneChatToolMode => new(ToolChoiceKind.None),
                RequiredChatToolMode required => new(ToolChoiceKind.Required, required.RequiredFunctionName),
                _ => ToolChoice.Auto,
            },
            AllowsParallelCalls = options.AllowMultipleToolCalls ?? true,
            Form = options.ResponseFormat is not ChatResponseFormatJson json ? null : json.Schema is { } schema ? new AnswerForm.Json(schema) : new AnswerForm.AnyJson(),
        };
    }

    static SamplingOptions Sampling(ChatOptions options, SamplingDefaults defaults)
    {
        var standard = defaults.Options(options.Seed is { } seed ? unchecked((ulong)seed) : (ulong)Random.Shared.NextInt64());
        return standard with
        {
            Temperature = options.Temperature ?? standard.Temperature,
            TopK = options.TopK ?? standard.TopK,
            TopP = options.TopP ?? standard.TopP,
            FrequencyPenalty = options.FrequencyPenalty ?? 0,
            PresencePenalty = options.PresencePenalty ?? 0,
            MaxTokens = options.MaxOutputTokens ?? int.MaxValue,
            Stop = [.. options.StopSequences ?? []],
        };
    }

    static ToolDefinition Tool(AITool tool) => tool is AIFunctionDeclaration function ? new(function.Name, function.Description, function.JsonSchema)
        : throw new IngotException($"the tool {tool.Name} is a {tool.GetType().Name}; a model in this process calls functions only");

    /// <summary>One turn, or one a result of a tool.</summary>
    static IEnumerable<ChatTurn> Turns(ChatMessage message)
    {
        var results = message.Contents.OfType<FunctionResultContent>().ToList();
        foreach (var result in results) yield return new("tool", Words(result.Result)) { ToolCallId = result.CallId };
        if (message.Contents.FirstOrDefault(c => c is DataContent or UriContent) is { } other) throw new IngotException($"a message has a {other.GetType().Name}; the model reads text only");
        ToolCall[] calls = [.. message.Contents.OfType<FunctionCallContent>().Select(c => new ToolCall(c.CallId, c.Name, JsonSerializer.Serialize(c.Arguments ?? new Dictionary<string, object?>(), AIJsonUtilities.DefaultOptions)))];
        if (results.Count > 0 && calls.Length == 0 && message.Text.Length == 0) yield break;
        yield return new(message.Role.Value, message.Text.Length == 0 && calls.Length > 0 ? null : message.Text)
        {
            ToolCalls = calls,
            Name = message.AuthorName,
            Reasoning = message.Contents.OfType<TextReasoningContent>().Select(t => t.Text).DefaultIfEmpty().Aggregate((a, b) => a + b),
        };
    }

    static string Words(object? result) => result switch
    {
        null => "",
        string text => text,
        JsonElement { ValueKind: JsonValueKind.String } json => json.GetString()!,
        _ => JsonSerializer.Serialize(result, AIJsonUtilities.DefaultOptions),
    };

    /// <summary>A call's arguments by name; a call that is no JSON object, as models write some, has its text as the only one.</summary>
    public static Dictionary<string, object?> Arguments(string json)
    {
        try { return JsonSerializer.Deserialize<Dictionary<string, object?>>(json, AIJsonUtilities.DefaultOptions) ?? []; }
        catch (JsonException) { return new() { ["arguments"] = json }; }
    }
}
