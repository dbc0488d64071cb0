namespace Ingot.Runtime;

/// <summary>The upper half of a float32: 8 bits of exponent, 7 of fraction. Conversion rounds to nearest even and keeps NaN a NaN.</summary>
public readonly struct BFloat16(ushort bits) : IEquatable<BFloat16>
{
    public ushort Bits { get; } = bits;

    public static explicit operator BFloat16(float x)
    {
        uint u = BitConverter.SingleToUInt32Bits(x);
        if (float.IsNaN(x)) return new((ushort)((u >> 16) | 0x40)); // a payload only in the low half must not become infinity
        return new((ushort)((u + 0x7FFF + ((u >> 16) & 1)) >> 16));
    }

    public static implicit operator float(BFloat16 x) => BitConverter.UInt32BitsToSingle((uint)x.Bits << 16);

    public bool Equals(BFloat16 other) => Bits == other.Bits;
    public override bool Equals(object? obj) => obj is BFloat16 b && Equals(b);
    public override int GetHashCode() => Bits;
    public override string ToString() => ((float)this).ToString("R");
    public static bool operator ==(BFloat16 a, BFloat16 b) => (float)a == (float)b;
    public static bool operator !=(BFloat16 a, BFloat16 b) => (float)a != (float)b;
}
