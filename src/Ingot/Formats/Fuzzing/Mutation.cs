using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Ingot.Formats.Fuzzing;

/// <summary>Changes files in the ways that parsers are afraid of: bits, numbers at their limits, cuts, repeats, pieces of other files, and lengths that stay true to changed content.</summary>
public static class Mutation
{
    static readonly ulong[] Limits =
        [0, 1, 2, 3, 7, 8, 16, 31, 32, 33, 64, 127, 128, 255, 256, 1000, 32767, 32768, 65535, 65536, 1 << 24, int.MaxValue, 1ul << 31, uint.MaxValue, 1ul << 32, 1ul << 40, 1ul << 53, 1ul << 60, 1ul << 62, long.MaxValue, 1ul << 63, ulong.MaxValue - 7, ulong.MaxValue];

    static readonly string[] Numbers = ["0", "-1", "1", "1e309", "1.5", "-0", "2147483647", "2147483648", "9223372036854775807", "9223372036854775808", "18446744073709551616", "1e-400", "00", "4294967296", "99999999999999999999999999"];

    /// <summary>One to eight changes, mostly one: most files that are changed twice are refused for the first change.</summary>
    /// <param name="seed">The file.</param>
    /// <param name="other">Another one of its kind, to take pieces from.</param>
    /// <param name="random">All that happens follows from it.</param>
    public static byte[] Apply(FuzzSeed seed, byte[] other, Random random)
    {
        var bytes = seed.Bytes.ToList();
        var lengths = seed.Lengths.ToList();
        for (int n = random.Next(3) == 0 ? random.Next(2, 9) : 1; n > 0; n--)
        {
            if (lengths.Count > 0 && random.Next(2) == 0) Resize(bytes, lengths, other, random);
            else if (Change(bytes, other, random) != 0) lengths.Clear(); // the fields are elsewhere now
        }
        return [.. bytes];
    }

    /// <summary>One change anywhere; returns by how many bytes the file has grown.</summary>
    static int Change(List<byte> bytes, byte[] other, Random random)
    {
        int before = bytes.Count;
        if (before == 0)
        {
            bytes.AddRange(other.AsSpan(0, random.Next(other.Length + 1)));
            return bytes.Count;
        }
        int at = Position(before, random);
        switch (random.Next(10))
        {
            case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
            case 1: bytes[at] = (byte)random.Next(256); break;
            case 2: bytes[at] = (byte)Limits[random.Next(14)]; break;
            case 3 or 4: WriteNumber(bytes, at, random); break;
            case 5: bytes.RemoveRange(at, before - at); break;
            case 6: bytes.RemoveRange(at, Math.Min(1 + random.Next(16), before - at)); break;
            case 7: bytes.InsertRange(at, bytes.GetRange(at, Math.Min(1 + random.Next(64), before - at))); break;
            case 8: Splice(bytes, at, other, random); break;
            default: ReplaceDigits(bytes, at, random); break;
        }
        return bytes.Count - before;
    }

    /// <summary>The beginnings of files decide more than their ends.</summary>
    static int Position(int count, Random random) => random.Next(2) == 0 ? random.Next(count) : random.Next(Math.Min(count, 1 << random.Next(3, 12)));

    /// <summary>A number at its limit, or a little away from what it was, of 1, 2, 4 or 8 bytes.</summary>
    static void WriteNumber(List<byte> bytes, int at, Random random)
    {
        int size = 1 << random.Next(4);
        if (at + size > bytes.Count) return;
        Span<byte> field = stackalloc byte[8];
        field.Clear();
        for (int i = 0; i < size; i++) field[i] = bytes[at + i];
        ulong value = random.Next(2) == 0 ? Limits[random.Next(Limits.Length)] : BinaryPrimitives.ReadUInt64LittleEndian(field) + (ulong)random.Next(-9, 10);
        if (random.Next(8) == 0) value = (ulong)bytes.Count + (ulong)random.Next(-9, 10);
        BinaryPrimitives.WriteUInt64LittleEndian(field, value);
        for (int i = 0; i < size; i++) bytes[at + i] = field[i];
    }

    static void Splice(List<byte> bytes, int at, byte[] other, Random random)
    {
        if (other.Length == 0) return;
        int from = random.Next(other.Length), length = Math.Min(1 + random.Next(128), other.Length - from);
        if (random.Next(2) == 0) bytes.RemoveRange(at, Math.Min(length, bytes.Count - at));
        bytes.InsertRange(at, other.AsSpan(from, length));
    }

    /// <summary>A written number becomes another one, of another length.</summary>
    static void ReplaceDigits(List<byte> bytes, int at, Random random)
    {
        int start = bytes.FindIndex(at, b => char.IsAsciiDigit((char)b));
        if (start < 0) return;
        int end = start;
        while (end < bytes.Count && char.IsAsciiDigit((char)bytes[end])) end++;
        bytes.RemoveRange(start, end - start);
        string number = random.Next(4) == 0 ? random.NextInt64().ToString(CultureInfo.InvariantCulture) : Numbers[random.Next(Numbers.Length)];
        bytes.InsertRange(start, Encoding.ASCII.GetBytes(number));
    }

    /// <summary>Changes the content of a length field and repairs it, and all others that it lies in.</summary>
    static void Resize(List<byte> bytes, List<LengthField> lengths, byte[] other, Random random)
    {
        var field = lengths[random.Next(lengths.Count)];
        var content = bytes.GetRange(field.Start, field.Length);
        int grown = Change(content, other, random);
        bytes.RemoveRange(field.Start, field.Length);
        bytes.InsertRange(field.Start, content);
        lengths.RemoveAll(f => f.At >= field.Start && f.At < field.Start + field.Length); // they may be elsewhere now
        for (int i = 0; i < lengths.Count; i++)
        {
            var f = lengths[i];
            bool holds = f.Start <= field.Start && field.Start + field.Length <= f.Start + f.Length;
            if (holds) f = f with { Length = f.Length + grown };
            else if (f.Start > field.Start) f = f with { At = f.At + grown, Start = f.Start + grown };
            lengths[i] = f;
            if (!holds) continue;
            for (int b = 0; b < f.Size && f.At + b < bytes.Count; b++) bytes[f.At + b] = (byte)((ulong)f.Length >> (8 * b));
        }
    }
}
