namespace Ingot.Llm.Tokenizers.Training;

/// <summary>Chooses the merges. Symbols are numbered from 0: the bytes in the order given, then a symbol a merge.</summary>
/// <remarks>
/// All different pieces lie in a row with a gap between them, a place a byte. A symbol is known by its number at the place of its first byte and at that of its
/// last one, so that its neighbours are found from their lengths, without links. A merge goes through the places of its pair, passes over those that earlier
/// merges made void, and counts the pairs left and right of it anew. The most frequent pair comes from a heap whose counts may be out of date: pairs that are
/// not new only ever lose, so that a count too high is corrected when it comes up.
/// </remarks>
sealed class MergeTrainer
{
    /// <summary>No symbol begins (or ends) at this place.</summary>
    const int Inside = -1;

    /// <summary>Between pieces.</summary>
    const int Gap = -2;

    readonly int[] first, last; // by place: the symbol that begins there, that ends there
    readonly int[] weight; // by place: how often its piece occurs
    readonly PairCounts pairs = new();
    readonly Dictionary<string, int> symbolOf = []; // keyed by Latin-1 text of the bytes
    readonly PriorityQueue<int, (long Count, int Pair)> queue;
    int merge; // number of the one that is being done, from 1

    public MergeTrainer(PieceCounter pieces, byte[] order)
    {
        var symbolOfByte = new int[256];
        foreach (var (i, b) in order.Index())
        {
            symbolOfByte[b] = i;
            Tokens.Add([b]);
            symbolOf.Add(Key([b]), i);
        }
        int length = checked(pieces.TotalLength + pieces.Count + 1), at = 0;
        (first, last, weight) = (new int[length], new int[length], new int[length]);
        first[0] = last[0] = Gap;
        pieces.ForEach((piece, count) =>
        {
            foreach (byte b in piece)
            {
                at++;
                first[at] = last[at] = symbolOfByte[b];
                weight[at] = count;
            }
            at++;
            first[at] = last[at] = Gap;
        });
        queue = new(Comparer<(long Count, int Pair)>.Create(Compare));
    }

    /// <summary>The bytes of each symbol.</summary>
    public List<byte[]> Tokens { get; } = [];

    /// <summary>Merges until there are so many new symbols, or no pair that is frequent enough.</summary>
    public List<(int Left, int Right, int Union)> Run(int count, int minimum, Action<int>? report, CancellationToken cancel)
    {
        List<(int, int, int)> merges = [];
        if (count == 0) return merges;
        CountAll();
        var changed = new List<int>();
        int symbols = Tokens.Count;
        while (Tokens.Count < symbols + count && queue.TryDequeue(out int index, out var was))
        {
            ref var pair = ref pairs[index];
            if (pair.Count < minimum) continue;
            if (pair.Count != was.Count)
            {
                queue.Enqueue(index, (pair.Count, index));
                continue;
            }
            var (left, right) = (pair.Left, pair.Right);
            int union = Union(left, right);
            merges.Add((left, right, union));
            Merge(index, union, changed);
            foreach (int i in changed)
                if (pairs[i].Count >= minimum) queue.Enqueue(i, (pairs[i].Count, i));
            changed.Clear();
            if (merges.Count % 256 == 0)
            {
                cancel.ThrowIfCancellationRequested();
                report?.Invoke(merges.Count);
            }
        }
        return merges;
    }

    void CountAll()
    {
        for (int at = 1; at + 1 < first.Length; at++)
            if (first[at] >= 0 && first[at + 1] >= 0) pairs.Add(pairs.IndexOf(first[at], first[at + 1]), weight[at], at);
        for (int i = 0; i < pairs.Count; i++) queue.Enqueue(i, (pairs[i].Count, i));
    }

    /// <summary>The symbol of two joined; the same bytes may have come together in another way before.</summary>
    int Union(int left, int right)
    {
        byte[] bytes = [.. Tokens[left], .. Tokens[right]];
        if (symbolOf.TryGetValue(Key(bytes), out int union)) return union;
        union = Tokens.Count;
        Tokens.Add(bytes);
        symbolOf.Add(Key(bytes), union);
        return union;
    }

    static string Key(byte[] bytes) => System.Text.Encoding.Latin1.GetString(bytes);

    /// <summary>Merges a pair wherever it is, and gathers the pairs that have become more frequent.</summary>
    void Merge(int index, int union, List<int> changed)
    {
        var (left, right) = (pairs[index].Left, pairs[index].Right);
        int leftLength = Tokens[left].Length, rightLength = Tokens[right].Length;
        merge++;
        var places = pairs[index].Places;
        int count = pairs[index].PlaceCount;
        pairs[index].Places = [];
        pairs[index].PlaceCount = 0;
        // In a run of one symbol pairs overlap, and the leftmost comes first.
        if (left == right) places.AsSpan(0, count).Sort();
        for (int i = 0; i < count; i++)
        {
            int place = places[i], second = place + leftLength, after = second + rightLength;
            if (first[place] != left || first[second] != right) continue;
            int occurrences = weight[place], before = last[place - 1], next = first[after];
            if (before >= 0)
            {
                pairs[pairs.IndexOf(before, left)].Count -= occurrences;
                Add(before, union, occurrences, place - Tokens[before].Length, changed);
            }
            if (next >= 0)
            {
                pairs[pairs.IndexOf(right, next)].Count -= occurrences;
                Add(union, next, occurrences, place, changed);
            }
            first[second] = last[second - 1] = Inside;
            first[place] = last[after - 1] = union;
        }
        pairs[index].Count = 0;
    }

    void Add(int left, int right, int occurrences, int place, List<int> changed)
    {
        int index = pairs.IndexOf(left, right);
        if (pairs[index].ChangedBy != merge)
        {
            pairs[index].ChangedBy = merge;
            changed.Add(index);
        }
        pairs.Add(index, occurrences, place);
    }

    /// <summary>The more frequent first; of equals the one whose bytes are greater, the left ones before the right ones.</summary>
    int Compare((long Count, int Pair) a, (long Count, int Pair) b)
    {
        if (a.Count != b.Count) return b.Count.CompareTo(a.Count);
        ref var x = ref pairs[a.Pair];
        ref var y = ref pairs[b.Pair];
        int order = Tokens[y.Left].AsSpan().SequenceCompareTo(Tokens[x.Left]);
        return order != 0 ? order : Tokens[y.Right].AsSpan().SequenceCompareTo(Tokens[x.Right]);
    }
}
