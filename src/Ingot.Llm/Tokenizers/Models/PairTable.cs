using System.Numerics;

namespace Ingot.Llm.Tokenizers.Models;

/// <summary>What a pair of neighbours becomes.</summary>
/// <param name="Rank">Lower ones come first; <see cref="None"/> if the two do not merge.</param>
/// <param name="Id">Of the union.</param>
readonly record struct Merge(int Rank, int Id)
{
    public const int None = int.MaxValue;
}

/// <summary>The merges by their pair of ids: open addressing.</summary>
sealed class PairTable
{
    readonly record struct Slot(ulong Pair, Merge Merge);

    const ulong Free = ulong.MaxValue;

    readonly Slot[] slots;
    readonly int shift;

    public PairTable(int capacity)
    {
        int bits = Math.Max(4, BitOperations.Log2((uint)(capacity * 8L / 5)) + 1); // at most 5/8 full
        slots = new Slot[1 << bits];
        Array.Fill(slots, new(Free, default));
        shift = 64 - bits;
    }

    /// <summary>Adds a merge, or puts it in the place of the pair's earlier one.</summary>
    public void Set(int left, int right, Merge merge)
    {
        ulong pair = (ulong)(uint)left << 32 | (uint)right;
        int at = First(pair);
        while (slots[at].Pair != Free && slots[at].Pair != pair) at = at + 1 & slots.Length - 1;
        slots[at] = new(pair, merge);
    }

    public Merge Find(int left, int right)
    {
        ulong pair = (ulong)(uint)left << 32 | (uint)right;
        for (int at = First(pair); ; at = at + 1 & slots.Length - 1)
        {
            ref readonly var slot = ref slots[at];
            if (slot.Pair == pair) return slot.Merge;
            if (slot.Pair == Free) return new(Merge.None, -1);
        }
    }

    int First(ulong pair) => (int)((pair ^ pair >> 29) * 0x9E3779B97F4A7C15 >> shift);

    /// <summary>All merges, in no order.</summary>
    public IEnumerable<(int Left, int Right, Merge Merge)> All() => slots.Where(s => s.Pair != Free).Select(s => ((int)(s.Pair >> 32), (int)s.Pair, s.Merge));
}
