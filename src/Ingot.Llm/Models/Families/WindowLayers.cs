using System.Text.Json.Nodes;

namespace Ingot.Llm.Models.Families;

/// <summary>Which layers have a window, as config.json files say it.</summary>
static class WindowLayers
{
    const string Full = "full_attention", Sliding = "sliding_attention";

    /// <summary>The layers of layer_types that see everything; null if the file has no such list.</summary>
    /// <exception cref="FormatException">The list is not as long as there are layers, or has another kind in it.</exception>
    public static IReadOnlyList<int>? Read(ConfigJson json, int layers)
    {
        var types = json.Texts("layer_types");
        if (types.Count == 0) return null;
        if (types.Count != layers) throw new FormatException($"{json.Path}: 'layer_types' has {types.Count} entries for {layers} layers");
        if (types.FirstOrDefault(t => t is not (Full or Sliding)) is { } other) throw new FormatException($"{json.Path}: 'layer_types' has '{other}'; Ingot has {Full} and {Sliding}");
        return [.. Enumerable.Range(0, layers).Where(i => types[i] == Full)];
    }

    public static JsonArray Write(DecoderConfig config) => [.. Enumerable.Range(0, config.Layers).Select(i => (JsonNode)(config.WindowOf(i) is null ? Full : Sliding))];

    /// <summary>Qwen's and SmolLM3's: a window only where use_sliding_window says so, from the layer max_window_layers on if there is no list.</summary>
    public static DecoderConfig Optional(DecoderConfig config, ConfigJson json)
    {
        if (!json.Flag("use_sliding_window", false) || json.OptionalSize("sliding_window") is not { } window) return config;
        int first = (int)json.Number("max_window_layers", 28);
        var full = Read(json, config.Layers) ?? [.. Enumerable.Range(0, Math.Clamp(first, 0, config.Layers))];
        return full.Count >= config.Layers ? config : config with { Window = window, FullLayers = full };
    }

    /// <summary>Writes the fields that <see cref="Optional"/> reads.</summary>
    public static void WriteOptional(JsonObject json, DecoderConfig config)
    {
        json["use_sliding_window"] = config.Window is not null;
        if (config.Window is null) return;
        json["sliding_window"] = config.Window;
        json["max_window_layers"] = Enumerable.Range(0, config.Layers).TakeWhile(i => config.WindowOf(i) is null).Count();
        json["layer_types"] = Write(config);
    }
}
