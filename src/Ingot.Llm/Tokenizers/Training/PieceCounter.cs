using Ingot.Llm.Tokenizers.Models;

namespace Ingot.Llm.Tokenizers.Training;

/// <summary>Counts how often each piece of text occurs: open addressing, short pieces compared without leaving the table.</summary>
sealed class PieceCounter
{
    struct Slot
    {
        public ulong Key;
        public int Length, Start, Count;
    }

    Slot[] slots = new Slot[1 << 12];
    byte[] pieces = new byte[1 << 15];
    int shift = 64 - 12, end;

    /// <summary>Different pieces.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes of the different pieces together.</summary>
    public int TotalLength => end;

    public void Add(ReadOnlySpan<byte> piece, int count = 1)
    {
        ulong key = TokenTable.Key(piece);
        for (int at = First(key, piece.Length); ; at = at + 1 & slots.Length - 1)
        {
            ref var slot = ref slots[at];
            if (slot.Count == 0)
            {
                if (piece.Length > pieces.Length - end) Array.Resize(ref pieces, (int)Math.Min(Array.MaxLength, Math.Max(2L * pieces.Length, (long)end + piece.Length)));
                piece.CopyTo(pieces.AsSpan(end)); // throws where there are more than 2 GB of different pieces
                slot = new() { Key = key, Length = piece.Length, Start = end, Count = count };
                end += piece.Length;
                if (++Count > slots.Length / 2) Grow();
                return;
            }
            if (slot.Key != key || slot.Length != piece.Length || piece.Length > 8 && !pieces.AsSpan(slot.Start, slot.Length).SequenceEqual(piece)) continue;
            slot.Count = checked(slot.Count + count);
            return;
        }
    }

    /// <summary>Adds what another one counted.</summary>
    public void Add(PieceCounter other)
    {
        foreach (ref readonly var slot in other.slots.AsSpan())
            if (slot.Count > 0) Add(other.pieces.AsSpan(slot.Start, slot.Length), slot.Count);
    }

    /// <summary>Calls back with every piece and its count, in no order.</summary>
    public void ForEach(Action<ReadOnlySpan<byte>, int> action)
    {
        foreach (ref readonly var slot in slots.AsSpan())
            if (slot.Count > 0) action(pieces.AsSpan(slot.Start, slot.Length), slot.Count);
    }

    void Grow()
    {
        var old = slots;
        slots = new Slot[2 * old.Length];
        shift--;
        foreach (ref readonly var slot in old.AsSpan())
        {
            if (slot.Count == 0) continue;
            int at = First(slot.Key, slot.Length);
            while (slots[at].Count != 0) at = at + 1 & slots.Length - 1;
            slots[at] = slot;
        }
    }

    int First(ulong key, int length) => (int)((key ^ (ulong)length << 56) * 0x9E3779B97F4A7C15 >> shift);
}
