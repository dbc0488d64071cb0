using System.Globalization;
using System.Text.Json;
using Ingot.Llm.Generation;

namespace Ingot.Server.Api;

/// <summary>The fields of requests that say how tokens are chosen: OpenAI's, and those of other servers that OpenAI's has not (top_k, min_p, repetition_penalty).</summary>
static class SamplingFields
{
    /// <summary>Stop strings and their length are limited, as every token's text is compared with all of them.</summary>
    const int MostStops = 16, LongestStop = 256;

    /// <param name="fields">Of the request.</param>
    /// <param name="maxTokens">The most tokens.</param>
    /// <param name="defaults">Where a field is absent.</param>
    public static SamplingOptions Read(Fields fields, int maxTokens, SamplingDefaults defaults)
    {
        var standard = defaults.Options(Seed(fields));
        double topP = fields.Number("top_p", 0, 1) ?? standard.TopP;
        int topK = fields.Whole("top_k", -1, int.MaxValue) ?? standard.TopK; // -1 is "all" elsewhere
        return standard with
        {
            Temperature = fields.Number("temperature", 0, 2) ?? standard.Temperature,
            TopK = topP == 0 ? 1 : Math.Max(0, topK),
            TopP = topP == 0 ? 1 : topP,
            MinP = fields.Number("min_p", 0, 1) ?? standard.MinP,
            TypicalP = fields.Number("typical_p", 0.01, 1) ?? standard.TypicalP,
            RepetitionPenalty = fields.Number("repetition_penalty", 0.01, 10) ?? standard.RepetitionPenalty,
            PresencePenalty = fields.Number("presence_penalty", -2, 2) ?? 0,
            FrequencyPenalty = fields.Number("frequency_penalty", -2, 2) ?? 0,
            LogitBias = Biases(fields),
            Stop = Stops(fields),
            MaxTokens = maxTokens,
        };
    }

    static ulong Seed(Fields fields)
    {
        if (fields["seed"] is not { } seed) return (ulong)Random.Shared.NextInt64();
        return seed.ValueKind == JsonValueKind.Number && seed.TryGetInt64(out long value) ? unchecked((ulong)value) : throw Fields.Wrong(fields.PathOf("seed"), "an integer of 64 bits", seed);
    }

    static Dictionary<int, double> Biases(Fields fields)
    {
        var biases = new Dictionary<int, double>();
        if (fields["logit_bias"] is not { } json) return biases;
        if (json.ValueKind != JsonValueKind.Object) throw Fields.Wrong("logit_bias", "an object", json);
        var values = new Fields(json, "logit_bias.");
        foreach (var bias in json.EnumerateObject())
        {
            if (!int.TryParse(bias.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int token)) throw ApiException.Invalid("logit_bias", $"'logit_bias' has the key '{bias.Name}', which is no token's number");
            if (values.Number(bias.Name, -100, 100) is { } value) biases[token] = value == -100 ? double.NegativeInfinity : value;
        }
        return biases;
    }

    static List<string> Stops(Fields fields)
    {
        List<string> stops = fields["stop"] is not { } json ? []
            : json.ValueKind == JsonValueKind.String ? [Fields.TextOf(json, "stop")]
            : [.. fields.Array("stop")!.Select(s => s.Json.ValueKind == JsonValueKind.String ? Fields.TextOf(s.Json, s.Path) : throw Fields.Wrong(s.Path, "a string", s.Json))];
        stops.RemoveAll(s => s.Length == 0);
        if (stops.Count > MostStops) throw ApiException.Invalid("stop", $"'stop' has {stops.Count} strings; at most {MostStops} are allowed");
        if (stops.Any(s => s.Length > LongestStop)) throw ApiException.Invalid("stop", $"'stop' has a string of more than {LongestStop} characters");
        return stops;
    }
}
