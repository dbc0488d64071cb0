using System.Buffers.Binary;
using System.Numerics;

namespace Ingot.Llm.Tokenizers.Models;

/// <summary>Byte strings with an id each, found by their bytes: open addressing, short strings compared without leaving the table.</summary>
sealed class TokenTable
{
    /// <param name="Key">The bytes themselves up to 8 of them, zeros after them; a hash of longer ones.</param>
    /// <param name="Length">0: free.</param>
    /// <param name="Id">What is found.</param>
    readonly record struct Slot(ulong Key, int Length, int Id);

    readonly byte[] all;
    readonly int[] ends; // ends[id] is where the string of id begins in all, ends[id + 1] where it ends
    readonly Slot[] slots;
    readonly int shift;

    /// <param name="tokens">By id; null where an id has no string that can be found. Of equal strings the first is found.</param>
    public TokenTable(byte[]?[] tokens)
    {
        ends = new int[tokens.Length + 1];
        for (int id = 0; id < tokens.Length; id++) ends[id + 1] = checked(ends[id] + (tokens[id]?.Length ?? 0));
        all = new byte[ends[^1]];
        int bits = Math.Max(4, BitOperations.Log2((uint)(tokens.Count(t => t is { Length: > 0 }) * 8L / 5)) + 1); // at most 5/8 full
        slots = new Slot[1 << bits];
        shift = 64 - bits;
        for (int id = 0; id < tokens.Length; id++)
        {
            if (tokens[id] is not { Length: > 0 } token) continue;
            token.CopyTo(all, ends[id]);
            Longest = Math.Max(Longest, token.Length);
            ulong key = Key(token);
            int at = First(key, token.Length);
            while (slots[at].Length != 0 && !(slots[at].Key == key && slots[at].Length == token.Length && this[slots[at].Id].SequenceEqual(token))) at = at + 1 & slots.Length - 1;
            if (slots[at].Length == 0) slots[at] = new(key, token.Length, id);
        }
    }

    public int Count => ends.Length - 1;

    /// <summary>Bytes of the longest string.</summary>
    public int Longest { get; }

    public ReadOnlySpan<byte> this[int id] => all.AsSpan(ends[id], ends[id + 1] - ends[id]);

    /// <summary>The id of a string; -1 if it has none.</summary>
    public int Find(ReadOnlySpan<byte> token)
    {
        int length = token.Length;
        if (length > Longest || length == 0) return -1;
        ulong key = Key(token);
        for (int at = First(key, length); ; at = at + 1 & slots.Length - 1)
        {
            ref readonly var slot = ref slots[at];
            if (slot.Length == 0) return -1;
            if (slot.Key == key && slot.Length == length && (length <= 8 || this[slot.Id].SequenceEqual(token))) return slot.Id;
        }
    }

    int First(ulong key, int length) => (int)((key ^ (ulong)length << 56) * 0x9E3779B97F4A7C15 >> shift);

    /// <summary>A string of up to 8 bytes itself, zeros after it; a hash of a longer one.</summary>
    public static ulong Key(ReadOnlySpan<byte> t)
    {
        if (t.Length >= 8)
        {
            ulong hash = BinaryPrimitives.ReadUInt64LittleEndian(t);
            if (t.Length == 8) return hash;
            for (int at = 8; at + 8 <= t.Length; at += 8) hash = Mix(hash, BinaryPrimitives.ReadUInt64LittleEndian(t[at..]));
            return Mix(hash, BinaryPrimitives.ReadUInt64LittleEndian(t[^8..]));
        }
        if (t.Length >= 4) return BinaryPrimitives.ReadUInt32LittleEndian(t) | (ulong)BinaryPrimitives.ReadUInt32LittleEndian(t[^4..]) << 8 * (t.Length - 4);
        return t.Length switch { 3 => (uint)(t[0] | t[1] << 8 | t[2] << 16), 2 => (uint)(t[0] | t[1] << 8), 1 => t[0], _ => 0 };
    }

    static ulong Mix(ulong hash, ulong next)
    {
        hash = (hash ^ BitOperations.RotateLeft(next, 29)) * 0xD6E8FEB86659FD93;
        return hash ^ hash >> 32;
    }
}
