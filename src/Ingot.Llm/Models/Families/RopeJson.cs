using System.Text.Json.Nodes;

namespace Ingot.Llm.Models.Families;

/// <summary>The rope_scaling of a config.json.</summary>
static class RopeJson
{
    /// <param name="c">The section; null if there is none.</param>
    /// <param name="whole">The file, which has some of the fields in some families.</param>
    /// <param name="context">max_position_embeddings.</param>
    /// <exception cref="FormatException">The kind is none that Ingot has, or a field is missing.</exception>
    public static RopeScaling? Read(ConfigJson? c, ConfigJson whole, int context)
    {
        const string OriginalName = "original_max_position_embeddings";
        switch (c?.Text("rope_type") ?? c?.Text("type"))
        {
            case null or "default":
                return null;
            case "linear":
                return new RopeScaling.Linear(c!.Number("factor"));
            case "llama3":
                return new RopeScaling.Llama3(c!.Number("factor"), c.Number("low_freq_factor"), c.Number("high_freq_factor"), c.Size(OriginalName));
            case "yarn":
                {
                    int original = c!.OptionalSize(OriginalName) ?? whole.OptionalSize(OriginalName) ?? context;
                    double factor = c.Number("factor", (double)context / original);
                    double amplitude = RopeScaling.YarnAmplitude(factor);
                    if (c.Has("mscale") && c.Has("mscale_all_dim") && factor > 1) amplitude = (0.1 * c.Number("mscale") * Math.Log(factor) + 1) / (0.1 * c.Number("mscale_all_dim") * Math.Log(factor) + 1);
                    if (!c.Flag("truncate", true)) throw new FormatException($"{c.Path}: 'truncate' is false, which Ingot's YaRN does not have");
                    return new RopeScaling.Yarn(factor, original, c.Number("attention_factor", amplitude), c.Number("beta_fast", 32), c.Number("beta_slow", 1));
                }
            case "longrope" or "su":
                {
                    int original = whole.OptionalSize(OriginalName) ?? c!.OptionalSize(OriginalName) ?? context;
                    double amplitude = RopeScaling.LongRopeAmplitude(c!.Number("factor", (double)context / original), original);
                    return new RopeScaling.LongRope(Factors("short_factor"), Factors("long_factor"), original, c.Number("attention_factor", amplitude));
                }
            case var kind:
                throw new FormatException($"{c!.Path}: rope scaling '{kind}' is none that Ingot has: default, linear, llama3, yarn, longrope");
        }

        IReadOnlyList<double> Factors(string name) => c!.Numbers(name) ?? throw new FormatException($"{c.Path} has no '{name}'");
    }

    /// <exception cref="IngotException">config.json has no word for it.</exception>
    public static JsonObject? Write(RopeScaling? scaling) => scaling switch
    {
        null => null,
        RopeScaling.Linear s => new() { ["rope_type"] = "linear", ["factor"] = s.Factor },
        RopeScaling.Llama3 s => new()
        {
            ["rope_type"] = "llama3",
            ["factor"] = s.Factor,
            ["low_freq_factor"] = s.LowFrequencyFactor,
            ["high_freq_factor"] = s.HighFrequencyFactor,
            ["original_max_position_embeddings"] = s.OriginalContext,
        },
        RopeScaling.Yarn s => new()
        {
            ["rope_type"] = "yarn",
            ["factor"] = s.Factor,
            ["attention_factor"] = s.Amplitude,
            ["beta_fast"] = s.BetaFast,
            ["beta_slow"] = s.BetaSlow,
            ["original_max_position_embeddings"] = s.OriginalContext,
        },
        RopeScaling.LongRope s => new() { ["rope_type"] = "longrope", ["attention_factor"] = s.Amplitude, ["short_factor"] = List(s.Short), ["long_factor"] = List(s.Long) },
        // Factors without a formula: LongRoPE's, the same for all lengths.
        RopeScaling.Divided s => new() { ["rope_type"] = "longrope", ["attention_factor"] = 1.0, ["short_factor"] = List(s.Divisors), ["long_factor"] = List(s.Divisors) },
        _ => throw new IngotException($"config.json has no word for {scaling}"),
    };

    static JsonArray List(IReadOnlyList<double> values) => [.. values.Select(v => (JsonNode)v)];
}
