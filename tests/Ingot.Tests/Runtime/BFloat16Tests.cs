using Ingot.Runtime;

namespace Ingot.Tests.Runtime;

public class BFloat16Tests
{
    [Fact]
    public void Convert_Every65536Values_RoundTrip()
    {
        for (int bits = 0; bits <= 0xFFFF; bits++)
        {
            var x = new BFloat16((ushort)bits);
            float f = x;
            if (BitConverter.SingleToUInt32Bits(f) != (uint)bits << 16) BitConverter.SingleToUInt32Bits(f).ShouldBe((uint)bits << 16);
            int quiet = float.IsNaN(f) ? bits | 0x40 : bits; // a signalling NaN comes back quiet, payload kept
            if (((BFloat16)f).Bits != quiet) ((int)((BFloat16)f).Bits).ShouldBe(quiet);
        }
    }

    /// <summary>Round to nearest, ties to even, from the definition: the closer neighbour of the two, in exact arithmetic.</summary>
    static ushort Nearest(float x)
    {
        uint bits = BitConverter.SingleToUInt32Bits(x);
        ushort down = (ushort)(bits >> 16); // towards zero
        double below = Exact(down), above = Exact((ushort)(down + 1));
        double toBelow = Math.Abs((double)x - below), toAbove = Math.Abs(above - (double)x);
        return toBelow < toAbove || (toBelow == toAbove && down % 2 == 0) ? down : (ushort)(down + 1);
    }

    /// <summary>The value in double; the bits of infinity stand for 2^128, which is where the next number would be.</summary>
    static double Exact(ushort bits)
    {
        int exponent = (bits >> 7) & 0xFF, fraction = bits & 0x7F;
        double magnitude = exponent == 0 ? fraction * Math.Pow(2, -133) : (128 + fraction) * Math.Pow(2, exponent - 134);
        return bits >> 15 == 0 ? magnitude : -magnitude;
    }

    [Fact]
    public void Convert_RandomFloats_AreNearestEven()
    {
        var random = new Random(5);
        for (int i = 0; i < 300_000; i++)
        {
            float x = BitConverter.UInt32BitsToSingle((uint)random.NextInt64(1L << 32));
            if (float.IsNaN(x) || float.IsInfinity(x)) continue;
            if (((BFloat16)x).Bits != Nearest(x)) ((BFloat16)x).Bits.ShouldBe(Nearest(x), $"{x:R}");
        }
    }

    [Fact]
    public void Convert_HalfwayAndBesideIt_AreNearestEven()
    {
        for (uint high = 0; high <= 0xFF7F; high += high == 0x7F7F ? 0x81u : 1) // all finite values of both signs
            foreach (uint low in (uint[])[0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF])
            {
                float x = BitConverter.UInt32BitsToSingle((high << 16) | low);
                if (((BFloat16)x).Bits != Nearest(x)) ((BFloat16)x).Bits.ShouldBe(Nearest(x), $"{high:X4}{low:X4}");
            }
    }

    [Theory]
    [InlineData(0x7F800000u, 0x7F80)] // infinity
    [InlineData(0xFF800000u, 0xFF80)]
    [InlineData(0x7F7FFFFFu, 0x7F80)] // the largest float is nearer to 2^128
    [InlineData(0x7F7F7FFFu, 0x7F7F)]
    [InlineData(0x80000000u, 0x8000)] // -0
    [InlineData(0x80000001u, 0x8000)] // the smallest denormal
    [InlineData(0x7F800001u, 0x7FC0)] // NaN with a payload in the low half only: no infinity
    [InlineData(0xFF80FFFFu, 0xFFC0)]
    [InlineData(0x7FFFFFFFu, 0x7FFF)] // must not carry into the sign
    [InlineData(0xFFFFFFFFu, 0xFFFF)]
    [InlineData(0x7FC12345u, 0x7FC1)] // the high payload is kept
    public void Convert_SpecialBits_Become(uint single, int bits) =>
        ((int)((BFloat16)BitConverter.UInt32BitsToSingle(single)).Bits).ShouldBe(bits);

    [Fact]
    public void Equality_NaNAndZeros_FollowFloatByOperatorAndBitsByEquals()
    {
        BFloat16 nan = (BFloat16)float.NaN, zero = (BFloat16)0f, minusZero = (BFloat16)(-0f), same = new(nan.Bits);
        (nan == same).ShouldBeFalse();
        nan.Equals(same).ShouldBeTrue();
        (zero == minusZero).ShouldBeTrue();
        zero.Equals(minusZero).ShouldBeFalse();
    }
}
