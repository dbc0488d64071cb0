namespace Ingot.Llm.Constraints;

/// <summary>Texts that something else must not be, as a tree of code points: what was read so far is a beginning of some of them (a node), or of none.</summary>
sealed class AvoidedTexts
{
    /// <summary>What was read begins none of them.</summary>
    const int Free = -1;

    readonly List<SortedDictionary<int, int>> next = [];
    readonly HashSet<int> ends = [];

    public AvoidedTexts(IReadOnlyList<string> texts)
    {
        if (texts.Count == 0) return;
        next.Add([]);
        foreach (string text in texts)
        {
            int node = 0;
            foreach (var rune in text.EnumerateRunes())
            {
                if (!next[node].TryGetValue(rune.Value, out int child))
                {
                    next[node][rune.Value] = child = next.Count;
                    next.Add([]);
                }
                node = child;
            }
            ends.Add(node);
        }
    }

    /// <summary>Before anything is read.</summary>
    public int Root => next.Count == 0 ? Free : 0;

    /// <summary>What was read is one of them.</summary>
    public bool IsEnd(int node) => ends.Contains(node);

    /// <summary>Code points by the nodes that they lead to.</summary>
    /// <param name="ranges">In order.</param>
    /// <param name="node">What was read.</param>
    public IEnumerable<((int First, int Last)[] Ranges, int Node)> Parts((int First, int Last)[] ranges, int node)
    {
        if (ranges.Length == 0) yield break;
        if (node == Free)
        {
            yield return (ranges, Free);
            yield break;
        }
        List<(int, int)> others = [];
        foreach (var (first, last) in ranges)
        {
            int start = first;
            foreach (var (c, child) in next[node])
            {
                if (c < first || c > last) continue;
                if (start < c) others.Add((start, c - 1));
                start = c + 1;
                yield return ([(c, c)], child);
            }
            if (start <= last) others.Add((start, last));
        }
        if (others.Count > 0) yield return ([.. others], Free);
    }
}
