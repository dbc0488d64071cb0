using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;

namespace Ingot.Formats;

/// <summary>
/// 128 bits that tell contents apart: names of what is kept on disk, and checks against damage. Not against intent; what must withstand that takes SHA-256,
/// which loads a library that costs a short process more than all it hashes.
/// </summary>
static class Fingerprint
{
    const ulong A = 0x9E3779B97F4A7C15, B = 0xD6E8FEB86659FD93; // odd, with bits all over

    public static UInt128 Of(ReadOnlySpan<byte> content)
    {
        ulong x = (ulong)content.Length, y = ~x;
        for (; content.Length >= 8; content = content[8..])
        {
            ulong word = BinaryPrimitives.ReadUInt64LittleEndian(content);
            x = BitOperations.RotateLeft((x ^ word) * A, 29);
            y = BitOperations.RotateLeft((y + word) * B, 37) ^ x;
        }
        Span<byte> last = stackalloc byte[8];
        last.Clear();
        content.CopyTo(last);
        ulong rest = BinaryPrimitives.ReadUInt64LittleEndian(last);
        x = Mixed(x ^ rest);
        y = Mixed(y + rest + x);
        return new(x, y);
    }

    /// <summary>As 32 hexadecimal digits.</summary>
    public static string Text(ReadOnlySpan<byte> content) => Of(content).ToString("x32", CultureInfo.InvariantCulture);

    /// <summary>Every bit has a say in every bit.</summary>
    static ulong Mixed(ulong x)
    {
        x = (x ^ (x >> 32)) * B;
        x = (x ^ (x >> 29)) * A;
        return x ^ (x >> 32);
    }
}
