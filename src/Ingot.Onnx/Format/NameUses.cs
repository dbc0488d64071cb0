namespace Ingot.Onnx.Format;

/// <summary>Which node is the last to use a name.</summary>
static class NameUses
{
    /// <summary>For each node the names that nobody reads after it.</summary>
    /// <param name="nodes">Nodes in order; what graphs inside them read counts as theirs.</param>
    /// <param name="outputs">Names that are read at the end.</param>
    public static string[][] Last(OnnxNode[] nodes, IEnumerable<string> outputs)
    {
        var last = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int n = 0; n < nodes.Length; n++)
            foreach (var name in nodes[n].Outputs.Concat(nodes[n].Inputs).Concat(nodes[n].Attributes.Values.SelectMany(a => a.Graphs.Append(a.Graph).OfType<OnnxGraph>()).SelectMany(g => g.Captured)))
                if (name.Length > 0) last[name] = n;
        foreach (var output in outputs) last.Remove(output);
        var uses = new List<string>?[nodes.Length];
        foreach (var (name, n) in last) (uses[n] ??= []).Add(name);
        return Array.ConvertAll(uses, u => u?.ToArray() ?? []);
    }
}
