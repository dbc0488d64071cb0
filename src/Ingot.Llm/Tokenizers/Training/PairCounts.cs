namespace Ingot.Llm.Tokenizers.Training;

/// <summary>A pair of neighbouring symbols, how often it occurs, and where.</summary>
struct PairCount
{
    public int Left, Right;

    /// <summary>Occurrences, weighted by the counts of the pieces they are in.</summary>
    public long Count;

    /// <summary>Places of occurrences, among them some that other merges have made void.</summary>
    public int[] Places;

    public int PlaceCount;

    /// <summary>The last merge that added to it.</summary>
    public int ChangedBy;
}

/// <summary>All pairs that were seen, each under an index of its own.</summary>
sealed class PairCounts
{
    PairCount[] pairs = new PairCount[1 << 12];
    int[] table = new int[1 << 13]; // index + 1; 0: free
    int shift = 64 - 13;

    public int Count { get; private set; }

    public ref PairCount this[int index] => ref pairs[index];

    /// <summary>The index of a pair, a new one if need be.</summary>
    public int IndexOf(int left, int right)
    {
        int mask = table.Length - 1;
        for (int at = First(left, right); ; at = at + 1 & mask)
        {
            int index = table[at] - 1;
            if (index < 0)
            {
                table[at] = Count + 1;
                return New(left, right);
            }
            if (pairs[index].Left == left && pairs[index].Right == right) return index;
        }
    }

    /// <summary>Adds an occurrence.</summary>
    public void Add(int index, long count, int place)
    {
        ref var pair = ref pairs[index];
        pair.Count += count;
        if (pair.PlaceCount == pair.Places.Length) Array.Resize(ref pair.Places, Math.Max(4, 2 * pair.PlaceCount));
        pair.Places[pair.PlaceCount++] = place;
    }

    int New(int left, int right)
    {
        if (Count == pairs.Length) Array.Resize(ref pairs, 2 * Count);
        pairs[Count] = new() { Left = left, Right = right, Places = [] };
        if (++Count > table.Length / 2) Grow();
        return Count - 1;
    }

    void Grow()
    {
        table = new int[2 * table.Length];
        shift--;
        for (int i = 0; i < Count; i++)
        {
            int at = First(pairs[i].Left, pairs[i].Right);
            while (table[at] != 0) at = at + 1 & table.Length - 1;
            table[at] = i + 1;
        }
    }

    int First(int left, int right) => (int)(((ulong)(uint)left << 32 | (uint)right) * 0x9E3779B97F4A7C15 >> shift);
}
