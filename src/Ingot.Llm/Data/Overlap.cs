using System.Globalization;
using System.Runtime.InteropServices;

namespace Ingot.Llm.Data;

/// <summary>How much of an evaluation set stands in the training data, by runs of thirteen words (Brown et al. 2020, appendix C).</summary>
/// <param name="Items">Items of the set.</param>
/// <param name="Overlapping">Items of which at least one run of <paramref name="Length"/> words occurs in the training data.</param>
/// <param name="TooShort">Items with fewer words than a run: they are compared whole.</param>
/// <param name="Length">Words a run.</param>
/// <param name="Examples">Up to ten runs found, as they were compared.</param>
public sealed record OverlapReport(int Items, int Overlapping, int TooShort, int Length, IReadOnlyList<string> Examples);

/// <summary>Finds items of evaluation sets in training data. The sets are remembered, the training data streams by once, whatever its size and however many sets there are.</summary>
/// <remarks>Runs are compared by hashes of 64 bits that roll along: a word costs the same whatever the length of a run.</remarks>
public sealed class OverlapCheck
{
    const ulong Base = 0x9E3779B97F4A7C15;

    /// <summary>Of each UTF-16 unit its lower case, if it is a letter or digit; else 0.</summary>
    static readonly char[] Letters = LowerLetters();

    readonly Dictionary<ulong, List<(int Set, int Item)>> itemsByRun = [];
    readonly ulong[] filter = new ulong[1 << 15]; // 2^21 bits: most runs of the training data are none of the sets', which one bit says
    readonly (bool[] Found, int Short, List<string> Examples)[] sets;
    readonly List<(int Length, ulong Oldest)> lengths = []; // with Base to the power of the length
    readonly int length;

    // Of the document looked at: a hash and the place of each word.
    readonly List<ulong> hashes = [];
    readonly List<int> starts = [], ends = [];

    /// <param name="items">Texts of one evaluation set: prompt and answer.</param>
    /// <param name="length">Words a run; words are letters and digits, lower case.</param>
    public OverlapCheck(IReadOnlyList<string> items, int length = 13) : this([items], length) { }

    /// <param name="sets">Texts of several evaluation sets.</param>
    /// <param name="length">Words a run.</param>
    public OverlapCheck(IReadOnlyList<IReadOnlyList<string>> sets, int length = 13)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        this.length = length;
        this.sets = [.. sets.Select(s => (new bool[s.Count], 0, new List<string>()))];
        foreach (var (set, items) in sets.Index())
            foreach (var (item, text) in items.Index())
            {
                Split(text);
                int n = Math.Min(length, hashes.Count);
                if (n == 0) continue;
                if (n < length) this.sets[set].Short++;
                if (!lengths.Exists(l => l.Length == n)) lengths.Add((n, Power(n)));
                Runs(n, Power(n), (run, at) =>
                {
                    filter[run >> 49] |= 1UL << (int)(run >> 43);
                    ref var who = ref CollectionsMarshal.GetValueRefOrAddDefault(itemsByRun, run, out _);
                    who ??= [];
                    if (who.Count == 0 || who[^1] != (set, item)) who.Add((set, item));
                });
            }
        lengths.Sort();
    }

    /// <summary>Looks at a training document.</summary>
    public void Add(string document)
    {
        Split(document);
        foreach (var (n, oldest) in lengths)
            Runs(n, oldest, (run, at) =>
            {
                if ((filter[run >> 49] >> (int)(run >> 43) & 1) == 0 || !itemsByRun.TryGetValue(run, out var who)) return;
                foreach (var (set, item) in who)
                {
                    var (found, _, examples) = sets[set];
                    if (!found[item] && examples.Count < 10)
                        examples.Add(string.Join(' ', Enumerable.Range(at, n).Select(w => document[starts[w]..ends[w]].ToLowerInvariant())));
                    found[item] = true;
                }
            });
    }

    /// <summary>Of the first set.</summary>
    public OverlapReport Report => Reports[0];

    /// <summary>For each item of the first set whether it was met.</summary>
    public IReadOnlyList<bool> Found => sets[0].Found;

    /// <summary>Of each set, in their order.</summary>
    public IReadOnlyList<OverlapReport> Reports => [.. sets.Select(s => new OverlapReport(s.Found.Length, s.Found.Count(f => f), s.Short, length, s.Examples))];

    /// <summary>Calls with the hash and the first word of every run of n words.</summary>
    void Runs(int n, ulong oldest, Action<ulong, int> take)
    {
        var words = CollectionsMarshal.AsSpan(hashes);
        ulong rolling = 0;
        for (int i = 0; i < words.Length; i++)
        {
            rolling = rolling * Base + words[i];
            if (i >= n) rolling -= words[i - n] * oldest;
            if (i >= n - 1) take(Mix(rolling + (ulong)n), i - n + 1);
        }
    }

    static ulong Power(int n)
    {
        ulong power = 1;
        for (int i = 0; i < n; i++) power *= Base;
        return power;
    }

    void Split(string text)
    {
        hashes.Clear();
        starts.Clear();
        ends.Clear();
        for (int i = 0; i < text.Length; i++)
        {
            if (Letters[text[i]] == 0) continue;
            int start = i;
            ulong hash = 0xCBF29CE484222325;
            for (char c; i < text.Length && (c = Letters[text[i]]) != 0; i++) hash = (hash ^ c) * 0x100000001B3;
            hashes.Add(Mix(hash));
            starts.Add(start);
            ends.Add(i);
        }
    }

    static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 32)) * 0xD6E8FEB86659FD93;
        return z ^ (z >> 29);
    }

    static char[] LowerLetters()
    {
        var letters = new char[char.MaxValue + 1];
        for (int c = 0; c < letters.Length; c++)
            if (CharUnicodeInfo.GetUnicodeCategory((char)c) is <= UnicodeCategory.OtherLetter or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber)
                letters[c] = char.ToLowerInvariant((char)c);
        return letters;
    }
}
