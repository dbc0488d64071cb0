using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ingot.Llm.Generation;
using Ingot.Llm.Serving;
using Microsoft.AspNetCore.Http;

namespace Ingot.Server.Api;

/// <summary>/v1/completions: texts to be continued, or filled in between a prompt and a suffix.</summary>
sealed class CompletionEndpoint(Models models, ServerMetrics metrics, long mostBytes)
{
    const int MostPrompts = 64, MostTexts = 128;

    public async Task Answer(HttpContext context)
    {
        using var body = await RequestBody.ReadAsync(context, mostBytes);
        var fields = new Fields(body.RootElement);
        var model = models.Find(fields.Text("model"));
        using var measured = metrics.Begin("text_completion", model.Name);
        bool isStream = fields.Flag("stream") ?? false, hasUsage = fields.Object("stream_options")?.Flag("include_usage") ?? false;
        bool echoes = fields.Flag("echo") ?? false;
        int? scores = fields.Whole("logprobs", 0, 20);
        int count = fields.Whole("n", 1, ChatFields.MostAnswers) ?? 1;
        int wanted = count;
        if (fields.Whole("best_of", 1, ChatFields.MostAnswers) is { } best)
        {
            if (best < wanted) throw ApiException.Invalid("best_of", $"'best_of' is {best}, but 'n' asks for {wanted} of them");
            if (best > wanted && isStream) throw ApiException.Invalid("best_of", "'best_of' is not supported with 'stream': which are the best is known at the end");
            count = best;
        }
        var sampling = SamplingFields.Read(fields, fields.Whole("max_tokens", 0, int.MaxValue) ?? 16, model.SamplingDefaults) with { LogProbabilities = scores ?? (count > wanted ? 0 : null) };
        string? suffix = fields.Text("suffix") is { Length: > 0 } given ? given : null;
        // Ready prompts have their marks in them; what is to be filled in is plain text.
        var prompts = Prompts(fields, model, suffix is null ? model.EncodePrompt : model.Encode);
        if (prompts.Count * count > MostTexts) throw ApiException.Invalid("n", $"{prompts.Count} prompts with {count} answers each are more than {MostTexts} texts");
        FillInTheMiddle? fill = null;
        if (suffix is not null)
        {
            if (echoes) throw ApiException.Invalid("echo", "'echo' and 'suffix' exclude each other");
            fill = FillInTheMiddle.Of(model.Tokenizer) ?? throw ApiException.Invalid("suffix", $"the model {model.Name} was not trained to fill in the middle: its tokenizer has no tokens for it", "unsupported_parameter");
            prompts = [.. prompts.Select(p => fill.Prompt(model.Tokenizer.Decode(p), suffix))];
        }
        if (echoes && isStream) throw ApiException.Invalid("echo", "'echo' is not supported with 'stream'");
        var promptScores = echoes && scores is { } top ? await Task.WhenAll(prompts.Select(p => model.ScoreAsync(p, top, context.RequestAborted))) : null;
        var answers = model.Continue(prompts, sampling, count, fill?.EndTokens);
        try
        {
            var reply = new CompletionReply(model, answers, prompts, count, scores is not null);
            if (echoes) reply.Echo(promptScores);
            var pieces = Merged.Of([.. answers.Select(a => measured.Watch(a.ReadAsync(context.RequestAborted)))]);
            if (isStream) await Stream(context, reply, pieces, hasUsage);
            else
            {
                await foreach (var (index, piece) in pieces) reply.Add(index, piece);
                await Json.SendAsync(context, reply.Whole(wanted));
            }
            measured.End(reply.PromptTokens, reply.GeneratedTokens);
        }
        finally
        {
            foreach (var answer in answers) answer.Dispose();
        }
    }

    static async Task Stream(HttpContext context, CompletionReply reply, IAsyncEnumerable<(int, TextPiece?)> pieces, bool hasUsage)
    {
        var events = new EventStream(context);
        await foreach (var (index, piece) in pieces) await events.SendAsync(reply.Chunk(index, piece));
        if (hasUsage) await events.SendAsync(reply.UsageChunk());
        await events.EndAsync();
    }

    /// <summary>A text, texts, tokens, or lists of tokens.</summary>
    static List<int[]> Prompts(Fields fields, ServedModel model, Func<string, int[]> encode)
    {
        if (fields["prompt"] is not { } json) throw fields.Missing("prompt");
        if (json.ValueKind == JsonValueKind.String) return [encode(Fields.TextOf(json, "prompt"))];
        var items = fields.Array("prompt") ?? [];
        if (items.Count == 0) throw ApiException.Invalid("prompt", "'prompt' is empty");
        if (items[0].Json.ValueKind == JsonValueKind.Number) return [TokenIds.Read(items, "prompt", model)];
        if (items.Count > MostPrompts) throw ApiException.Invalid("prompt", $"'prompt' has {items.Count} texts; at most {MostPrompts} are allowed");
        return [.. items.Select(i => i.Json.ValueKind switch
        {
            JsonValueKind.String => encode(Fields.TextOf(i.Json, i.Path)),
            JsonValueKind.Array => TokenIds.Read(Fields.Items(i.Json, i.Path), i.Path, model),
            _ => throw Fields.Wrong(i.Path, "a string or an array of tokens", i.Json),
        })];
    }
}

/// <summary>Lists of tokens in requests.</summary>
static class TokenIds
{
    public static int[] Read(IReadOnlyList<(JsonElement Json, string Path)> items, string path, ServedModel model)
    {
        if (items.Count == 0) throw ApiException.Invalid(path, $"'{path}' is empty");
        int size = Math.Min(model.Tokenizer.VocabularySize, model.Model.VocabularySize);
        return [.. items.Select(i => i.Json.ValueKind == JsonValueKind.Number && i.Json.TryGetInt32(out int id)
            ? id >= 0 && id < size ? id : throw ApiException.Invalid(i.Path, $"'{i.Path}' is {id}, but the model's tokens are 0 to {size - 1}")
            : throw Fields.Wrong(i.Path, "a token's number", i.Json))];
    }
}

/// <summary>Continued texts as OpenAI's JSON, whole or in chunks.</summary>
sealed class CompletionReply(ServedModel model, IReadOnlyList<TextAnswer> answers, IReadOnlyList<int[]> prompts, int count, bool hasScores)
{
    readonly string id = $"cmpl-{Guid.NewGuid():N}";
    readonly long created = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
    readonly StringBuilder[] texts = [.. answers.Select(_ => new StringBuilder())];
    readonly List<ChosenToken>[] tokens = [.. answers.Select(_ => new List<ChosenToken>())];

    public int PromptTokens => prompts.Sum(p => p.Length);

    public int GeneratedTokens => answers.Sum(a => a.GeneratedTokens);

    /// <summary>Begins each text with its prompt.</summary>
    /// <param name="scores">Of the prompts' tokens, if they are wanted; the first token of a prompt has none.</param>
    public void Echo(IReadOnlyList<ChosenToken>[]? scores)
    {
        for (int i = 0; i < answers.Count; i++)
        {
            texts[i].Append(EchoOf(prompts[i / count]));
            if (scores is not null) tokens[i].AddRange(scores[i / count]);
        }
    }

    /// <summary>The prompt with the marks in it, without what the tokenizer has put around it.</summary>
    string EchoOf(int[] prompt)
    {
        var begin = model.Tokenizer.BeginIds;
        return model.Tokenizer.Decode(begin.Count > 0 && prompt.Length >= begin.Count && prompt.Take(begin.Count).SequenceEqual(begin) ? prompt.AsSpan(begin.Count) : prompt, skipSpecial: false);
    }

    public void Add(int index, TextPiece? piece)
    {
        if (piece is null) return;
        texts[index].Append(piece.Text);
        tokens[index].AddRange(piece.Tokens);
    }

    /// <summary>The texts when all pieces are there.</summary>
    /// <param name="wanted">Of each prompt's: those whose tokens the model found likeliest, as they were written if that is all.</param>
    public JsonObject Whole(int wanted)
    {
        IEnumerable<int> chosen = Enumerable.Range(0, answers.Count);
        if (wanted < count) chosen = chosen.GroupBy(i => i / count).SelectMany(of => of.OrderByDescending(MeanScore).Take(wanted));
        var json = Head(new([.. chosen.Select((i, place) => Choice(place, texts[i].ToString(), tokens[i], 0, answers[i].FinishReason))]));
        json["usage"] = Usage();
        return json;
    }

    /// <summary>The mean log-probability of the tokens that were chosen, so that a long text is not worse than a short one.</summary>
    double MeanScore(int index) => tokens[index].TakeLast(answers[index].GeneratedTokens).Select(t => (double)(t.Score?.LogProbability ?? 0)).DefaultIfEmpty(double.NegativeInfinity).Average();

    public JsonObject Chunk(int index, TextPiece? piece)
    {
        int offset = texts[index].Length;
        Add(index, piece);
        return Head(new(Choice(index, piece?.Text ?? "", piece?.Tokens ?? [], offset, piece is null ? answers[index].FinishReason : null)));
    }

    public JsonObject UsageChunk()
    {
        var json = Head([]);
        json["usage"] = Usage();
        return json;
    }

    JsonObject Usage() => Tokens.Usage(PromptTokens, answers.Where((_, i) => i % count == 0).Sum(a => a.CachedTokens), GeneratedTokens);

    JsonObject Head(JsonArray choices) => new() { ["id"] = id, ["object"] = "text_completion", ["created"] = created, ["model"] = model.Name, ["choices"] = choices };

    JsonObject Choice(int index, string text, IReadOnlyList<ChosenToken> chosen, int offset, string? finish) =>
        new() { ["index"] = index, ["text"] = text, ["logprobs"] = hasScores ? Scores(chosen, offset) : null, ["finish_reason"] = finish };

    /// <summary>The older form: parallel lists.</summary>
    JsonObject Scores(IReadOnlyList<ChosenToken> chosen, int offset)
    {
        var (names, values, likeliest, offsets) = (new JsonArray(), new JsonArray(), new JsonArray(), new JsonArray());
        foreach (var token in chosen)
        {
            string text = Encoding.UTF8.GetString(model.BytesOf(token.Id));
            names.Add(text);
            values.Add(token.Score is { } s ? Json.LogProbability(s.LogProbability) : null);
            JsonObject? top = null;
            if (token.Score is { } score)
            {
                top = [];
                foreach (var (id, value) in score.Likeliest) top[Encoding.UTF8.GetString(model.BytesOf(id))] = Json.LogProbability(value); // two tokens may have one text
            }
            likeliest.Add(top);
            offsets.Add(offset);
            offset += text.Length;
        }
        return new() { ["tokens"] = names, ["token_logprobs"] = values, ["top_logprobs"] = likeliest, ["text_offset"] = offsets };
    }
}
