using System.Text;
using System.Text.Json.Nodes;
using Ingot.Llm.Serving;

namespace Ingot.Server.Api;

/// <summary>Counts of tokens in answers.</summary>
static class Tokens
{
    public static JsonObject Usage(int prompt, int cached, int generated) => new()
    {
        ["prompt_tokens"] = prompt,
        ["completion_tokens"] = generated,
        ["total_tokens"] = prompt + generated,
        ["prompt_tokens_details"] = new JsonObject { ["cached_tokens"] = cached },
    };
}

/// <summary>Tokens with their log-probabilities, as the chat API writes them.</summary>
static class TokenScores
{
    public static JsonObject Of(ServedModel model, ChosenToken token)
    {
        var json = One(model, token.Id, token.Score?.LogProbability ?? double.NaN);
        json["top_logprobs"] = new JsonArray([.. (token.Score?.Likeliest ?? []).Select(t => One(model, t.Token, t.LogProbability))]);
        return json;
    }

    static JsonObject One(ServedModel model, int id, double score)
    {
        var bytes = model.BytesOf(id);
        return new() { ["token"] = Encoding.UTF8.GetString(bytes), ["logprob"] = Json.LogProbability(score), ["bytes"] = new JsonArray([.. bytes.Select(b => (JsonNode)(int)b)]) };
    }
}
