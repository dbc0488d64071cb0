using System.Text.RegularExpressions;

namespace Ingot.Llm.Data;

/// <summary>How much of an evaluation set stands in the training data, by runs of thirteen words (Brown et al. 2020, appendix C).</summary>
/// <param name="Items">Items of the set.</param>
/// <param name="Overlapping">Items of which at least one run of <paramref name="Length"/> words occurs in the training data.</param>
/// <param name="TooShort">Items with fewer words than a run: they are compared whole.</param>
/// <param name="Length">Words a run.</param>
/// <param name="Examples">Up to ten runs found, as they were compared.</param>
public sealed record OverlapReport(int Items, int Overlapping, int TooShort, int Length, IReadOnlyList<string> Examples);

/// <summary>Finds evaluation items in training data. The evaluation set is remembered, the training data streams by once, whatever its size.</summary>
public sealed partial class OverlapCheck
{
    readonly Dictionary<ulong, List<int>> itemsByRun = [];
    readonly bool[] found;
    readonly bool[] isShort;
    readonly int length;
    readonly SortedSet<int> lengths = [];
    readonly List<string> examples = [];

    /// <param name="items">Texts of the evaluation set: prompt and answer.</param>
    /// <param name="length">Words a run; words are letters and digits, lower case.</param>
    public OverlapCheck(IReadOnlyList<string> items, int length = 13)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        this.length = length;
        (found, isShort) = (new bool[items.Count], new bool[items.Count]);
        for (int i = 0; i < items.Count; i++)
        {
            var words = Words(items[i]);
            int n = Math.Min(length, words.Length);
            if (n == 0) continue;
            isShort[i] = n < length;
            lengths.Add(n);
            for (int at = 0; at + n <= words.Length; at++)
            {
                ulong key = Hash(words, at, n);
                if (!itemsByRun.TryGetValue(key, out var who)) itemsByRun.Add(key, who = []);
                if (who.Count == 0 || who[^1] != i) who.Add(i);
            }
        }
    }

    /// <summary>Looks at a training document.</summary>
    public void Add(string document)
    {
        var words = Words(document);
        foreach (int n in lengths)
            for (int at = 0; at + n <= words.Length; at++)
                if (itemsByRun.TryGetValue(Hash(words, at, n), out var who))
                    foreach (int i in who)
                    {
                        if (!found[i] && examples.Count < 10) examples.Add(string.Join(' ', words, at, n));
                        found[i] = true;
                    }
    }

    /// <summary>For each item whether it was met.</summary>
    public IReadOnlyList<bool> Found => found;

    public OverlapReport Report => new(found.Length, found.Count(f => f), isShort.Count(s => s), length, examples);

    static string[] Words(string text) => [.. Word().Matches(text).Select(m => m.Value.ToLowerInvariant())];

    static ulong Hash(string[] words, int at, int count)
    {
        ulong hash = (ulong)count;
        for (int i = at; i < at + count; i++)
        {
            foreach (char c in words[i]) hash = (hash ^ c) * 0x100000001B3;
            hash = (hash ^ 0x20) * 0x9E3779B97F4A7C15;
            hash ^= hash >> 31;
        }
        return hash;
    }

    [GeneratedRegex(@"[\p{L}\p{N}]+")]
    private static partial Regex Word();
}
