namespace Ingot.Llm.Data;

/// <summary>How much of an evaluation set stands in the training data, by runs of thirteen words (Brown et al. 2020, appendix C).</summary>
/// <param name="Items">Items of the set.</param>
/// <param name="Overlapping">Items of which at least one run of <paramref name="Length"/> words occurs in the training data.</param>
/// <param name="TooShort">Items with fewer words than a run: they are compared whole.</param>
/// <param name="Length">Words a run.</param>
/// <param name="Examples">Up to ten runs found, as they were compared.</param>
public sealed record OverlapReport(int Items, int Overlapping, int TooShort, int Length, IReadOnlyList<string> Examples);

/// <summary>Finds evaluation items in training data. The evaluation set is remembered, the training data streams by once, whatever its size.</summary>
public sealed class OverlapCheck
{
    readonly Dictionary<ulong, List<int>> itemsByRun = [];
    readonly bool[] found;
    readonly bool[] isShort;
    readonly int length;
    readonly bool[] isLength; // of the runs: shorter items are compared whole
    readonly List<(ulong Hash, int Start, int End)> words = []; // of the text that is read
    readonly int longest;
    readonly List<string> examples = [];

    /// <param name="items">Texts of the evaluation set: prompt and answer.</param>
    /// <param name="length">Words a run; words are letters and digits, lower case.</param>
    public OverlapCheck(IReadOnlyList<string> items, int length = 13)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        (this.length, isLength) = (length, new bool[length + 1]);
        (found, isShort) = (new bool[items.Count], new bool[items.Count]);
        for (int i = 0; i < items.Count; i++)
        {
            Read(items[i]);
            int n = Math.Min(length, words.Count);
            if (n == 0) continue;
            isShort[i] = n < length;
            isLength[n] = true;
            longest = Math.Max(longest, n);
            for (int at = 0; at + n <= words.Count; at++)
            {
                ulong key = 0;
                for (int k = 0; k < n; k++) key = Extended(key, words[at + k].Hash);
                if (!itemsByRun.TryGetValue(key, out var who)) itemsByRun.Add(key, who = []);
                if (who.Count == 0 || who[^1] != i) who.Add(i);
            }
        }
    }

    /// <summary>Looks at a training document.</summary>
    public void Add(string document)
    {
        Read(document);
        for (int at = 0; at < words.Count; at++)
        {
            ulong key = 0;
            for (int n = 1; n <= longest && at + n <= words.Count; n++)
            {
                key = Extended(key, words[at + n - 1].Hash);
                if (!isLength[n] || !itemsByRun.TryGetValue(key, out var who)) continue;
                foreach (int i in who)
                {
                    if (!found[i] && examples.Count < 10) examples.Add(string.Join(' ', words.Skip(at).Take(n).Select(w => document[w.Start..w.End].ToLowerInvariant())));
                    found[i] = true;
                }
            }
        }
    }

    /// <summary>For each item whether it was met.</summary>
    public IReadOnlyList<bool> Found => found;

    public OverlapReport Report => new(found.Length, found.Count(f => f), isShort.Count(s => s), length, examples);

    /// <summary>Words of a text, as numbers: the training data may have hundreds of millions of them.</summary>
    void Read(string text)
    {
        words.Clear();
        for (int i = 0; i < text.Length; i++)
        {
            if (!IsOfWord(text[i])) continue;
            int start = i;
            ulong hash = 14695981039346656037;
            for (; i < text.Length && IsOfWord(text[i]); i++) hash = (hash ^ char.ToLowerInvariant(text[i])) * 0x100000001B3;
            words.Add((hash, start, i));
        }
    }

    static bool IsOfWord(char c) => c < 128 ? char.IsAsciiLetterOrDigit(c) : char.IsLetter(c) || char.IsNumber(c);

    /// <summary>The hash of a run that has one more word.</summary>
    static ulong Extended(ulong run, ulong word)
    {
        run = ((run << 7 | run >> 57) ^ word) * 0x9E3779B97F4A7C15;
        return run ^ run >> 31;
    }
}
