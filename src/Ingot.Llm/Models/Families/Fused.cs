namespace Ingot.Llm.Models.Families;

/// <summary>Matrices that some files keep as one: queries, keys and values; gate and up. Splitting takes parts of the memory as it lies; joining copies.</summary>
static class Fused
{
    const string Attention = "self_attn.", FeedForward = "mlp.";

    /// <summary>One tensor of these becomes several of the decoder's.</summary>
    /// <param name="tensors">Named as the decoder's, but for the fused ones.</param>
    /// <param name="config">The shape.</param>
    /// <param name="qkv">The fused name in a layer; null: none.</param>
    /// <param name="gateUp">The fused name in a layer; null: none.</param>
    /// <exception cref="FormatException">A fused tensor has other rows than its parts.</exception>
    public static Dictionary<string, Weight> Split(Dictionary<string, Weight> tensors, DecoderConfig config, string? qkv, string? gateUp)
    {
        var found = new Dictionary<string, Weight>();
        foreach (var (name, weight) in tensors)
        {
            if (PartsOf(name, qkv) is { } a) Take(found, name, weight, a, Heads(config));
            else if (PartsOf(name, gateUp) is { } f) Take(found, name, weight, f, Gates(config));
            else found[name] = weight;
        }
        return found;
    }

    /// <summary>The reverse.</summary>
    /// <param name="ours">The decoder's tensors.</param>
    /// <param name="config">The shape.</param>
    /// <param name="qkv">The fused name in a layer; null: none.</param>
    /// <param name="gateUp">The fused name in a layer; null: none.</param>
    public static Dictionary<string, Weight> Join(Dictionary<string, Weight> ours, DecoderConfig config, string? qkv, string? gateUp)
    {
        var written = new Dictionary<string, Weight>(ours);
        for (int layer = 0; layer < config.Layers; layer++)
            foreach (string kind in new[] { ".weight", ".bias" })
            {
                string at = $"model.layers.{layer}.";
                if (qkv is not null) Put(at, qkv, Attention, Heads(config), kind);
                if (gateUp is not null) Put(at, gateUp, FeedForward, Gates(config), kind);
            }
        return written;

        void Put(string at, string fused, string place, (string Name, int Rows)[] parts, string kind)
        {
            string[] names = [.. parts.Select(p => at + place + p.Name + kind)];
            if (!names.All(ours.ContainsKey)) return;
            written[at + fused + kind] = Weight.Stacked([.. names.Select(n => ours[n])]);
            foreach (var name in names) written.Remove(name);
        }
    }

    static (string Name, int Rows)[] Heads(DecoderConfig c) => [("q_proj", c.Heads * c.HeadWidth), ("k_proj", c.KeyHeads * c.HeadWidth), ("v_proj", c.KeyHeads * c.HeadWidth)];

    static (string Name, int Rows)[] Gates(DecoderConfig c) => [("gate_proj", c.Hidden), ("up_proj", c.Hidden)];

    /// <summary>What stands around the fused name, if a name has it.</summary>
    static (string Before, string After)? PartsOf(string name, string? fused)
    {
        if (fused is null) return null;
        int at = name.IndexOf($".{fused}.", StringComparison.Ordinal);
        return at < 0 ? null : (name[..(at + 1)] + fused[..(fused.IndexOf('.') + 1)], name[(at + 1 + fused.Length)..]);
    }

    static void Take(Dictionary<string, Weight> found, string name, Weight weight, (string Before, string After) around, (string Name, int Rows)[] parts)
    {
        int all = parts.Sum(p => p.Rows), from = 0;
        if (weight.Shape.Rank is not (1 or 2) || weight.Shape[0] != all) throw new FormatException($"the tensor {name} has the shape {weight.Shape}, but its parts {string.Join(", ", parts.Select(p => $"{p.Name} ({p.Rows} rows)"))} make {all} rows");
        foreach (var (part, rows) in parts)
        {
            found[around.Before + part + around.After] = weight.Rows(from, rows);
            from += rows;
        }
    }
}
