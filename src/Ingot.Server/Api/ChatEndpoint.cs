using System.Text;
using System.Text.Json.Nodes;
using Ingot.Llm.Chat;
using Ingot.Llm.Serving;
using Microsoft.AspNetCore.Http;

namespace Ingot.Server.Api;

/// <summary>/v1/chat/completions.</summary>
sealed class ChatEndpoint(Models models, ServerMetrics metrics, long mostBytes)
{
    public async Task Answer(HttpContext context)
    {
        using var body = await RequestBody.ReadAsync(context, mostBytes);
        var fields = new Fields(body.RootElement);
        var model = models.Find(fields.Text("model"));
        using var measured = metrics.Begin("chat", model.Name);
        bool isStream = fields.Flag("stream") ?? false, hasUsage = fields.Object("stream_options")?.Flag("include_usage") ?? false;
        var call = ChatFields.Read(fields, model);
        var answers = model.Ask(call);
        try
        {
            var reply = new ChatReply(model, call, answers);
            var pieces = Merged.Of([.. answers.Select(a => measured.Watch(a.ReadAsync(context.RequestAborted)))]);
            if (isStream) await Stream(context, reply, pieces, hasUsage);
            else
            {
                await foreach (var (index, piece) in pieces) reply.Add(index, piece);
                await Json.SendAsync(context, reply.Whole());
            }
            measured.End(reply.PromptTokens, reply.GeneratedTokens);
        }
        finally
        {
            foreach (var answer in answers) answer.Dispose();
        }
    }

    static async Task Stream(HttpContext context, ChatReply reply, IAsyncEnumerable<(int, AnswerPiece?)> pieces, bool hasUsage)
    {
        var events = new EventStream(context);
        await foreach (var (index, piece) in pieces)
            foreach (var chunk in reply.Chunks(index, piece, hasUsage)) await events.SendAsync(chunk);
        if (hasUsage) await events.SendAsync(reply.UsageChunk());
        await events.EndAsync();
    }
}

/// <summary>Answers to a chat call as OpenAI's JSON, whole or in chunks.</summary>
sealed class ChatReply(ServedModel model, ChatCall call, IReadOnlyList<ChatAnswer> answers)
{
    sealed class Choice
    {
        public StringBuilder Content { get; } = new();
        public StringBuilder Reasoning { get; } = new();
        public List<ToolCall> Calls { get; } = [];
        public JsonArray Scores { get; } = [];
        public bool HasContent { get; set; }
        public bool HasBegun { get; set; }
    }

    readonly string id = $"chatcmpl-{Guid.NewGuid():N}";
    readonly long created = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
    readonly Choice[] choices = [.. answers.Select(_ => new Choice())];

    bool HasScores => call.Sampling.LogProbabilities is not null;

    public int PromptTokens => answers[0].PromptTokens; // of all choices, once

    public int GeneratedTokens => answers.Sum(a => a.GeneratedTokens);

    public void Add(int index, AnswerPiece? piece)
    {
        if (piece is null) return;
        var choice = choices[index];
        if (HasScores)
            foreach (var token in piece.Tokens) choice.Scores.Add(TokenScores.Of(model, token));
        switch (piece.Event)
        {
            case ContentDelta content:
                choice.Content.Append(content.Text);
                choice.HasContent = true;
                break;
            case ReasoningDelta thought:
                choice.Reasoning.Append(thought.Text);
                break;
            case ToolCallEnded ended:
                choice.Calls.Add(ended.Call);
                break;
        }
    }

    /// <summary>The answer when all pieces are there.</summary>
    public JsonObject Whole() => new()
    {
        ["id"] = id,
        ["object"] = "chat.completion",
        ["created"] = created,
        ["model"] = model.Name,
        ["choices"] = new JsonArray([.. choices.Select((c, i) => new JsonObject
        {
            ["index"] = i,
            ["message"] = Message(c),
            ["logprobs"] = HasScores ? new JsonObject { ["content"] = c.Scores } : null,
            ["finish_reason"] = answers[i].FinishReason,
        })]),
        ["usage"] = Usage(),
        ["system_fingerprint"] = null,
    };

    static JsonObject Message(Choice c)
    {
        var message = new JsonObject { ["role"] = "assistant", ["content"] = c.HasContent || c.Calls.Count == 0 ? c.Content.ToString() : null, ["refusal"] = null };
        if (c.Reasoning.Length > 0) message["reasoning_content"] = c.Reasoning.ToString();
        if (c.Calls.Count > 0) message["tool_calls"] = new JsonArray([.. c.Calls.Select(t => new JsonObject { ["id"] = t.Id, ["type"] = "function", ["function"] = new JsonObject { ["name"] = t.Name, ["arguments"] = t.Arguments } })]);
        return message;
    }

    public JsonObject Usage() => Tokens.Usage(PromptTokens, answers[0].CachedTokens, GeneratedTokens);

    /// <summary>What a piece is in a stream: nothing, or a few chunks.</summary>
    public IEnumerable<JsonObject> Chunks(int index, AnswerPiece? piece, bool hasUsage)
    {
        var choice = choices[index];
        if (!choice.HasBegun)
        {
            choice.HasBegun = true;
            yield return Chunk(index, new() { ["role"] = "assistant", ["content"] = "" }, hasUsage);
        }
        if (piece is null)
        {
            yield return Chunk(index, [], hasUsage, finish: answers[index].FinishReason);
            yield break;
        }
        JsonObject? delta = piece.Event switch
        {
            ContentDelta content => new() { ["content"] = content.Text },
            ReasoningDelta thought => new() { ["reasoning_content"] = thought.Text },
            ToolCallStarted started => Call(started.Index, new() { ["name"] = started.Name, ["arguments"] = "" }, started.Id),
            ToolArgumentsDelta arguments => Call(arguments.Index, new() { ["arguments"] = arguments.Text }),
            _ => null,
        };
        if (delta is null && !(HasScores && piece.Tokens.Count > 0)) yield break;
        yield return Chunk(index, delta ?? [], hasUsage, scores: HasScores ? new JsonObject { ["content"] = new JsonArray([.. piece.Tokens.Select(t => TokenScores.Of(model, t))]) } : null);

        static JsonObject Call(int at, JsonObject function, string? id = null)
        {
            var one = new JsonObject { ["index"] = at };
            if (id is not null) (one["id"], one["type"]) = (id, "function");
            one["function"] = function;
            return new() { ["tool_calls"] = new JsonArray(one) };
        }
    }

    public JsonObject UsageChunk()
    {
        var chunk = Head(new());
        chunk["usage"] = Usage();
        return chunk;
    }

    JsonObject Chunk(int index, JsonObject delta, bool hasUsage, JsonObject? scores = null, string? finish = null)
    {
        var chunk = Head(new(new JsonObject { ["index"] = index, ["delta"] = delta, ["logprobs"] = scores, ["finish_reason"] = finish }));
        if (hasUsage) chunk["usage"] = null;
        return chunk;
    }

    JsonObject Head(JsonArray choices) => new() { ["id"] = id, ["object"] = "chat.completion.chunk", ["created"] = created, ["model"] = model.Name, ["choices"] = choices };
}
