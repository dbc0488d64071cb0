using System.Runtime.Intrinsics;
using Ingot.Runtime;

namespace Ingot.Tests.Runtime;

public class PowersOfTwoTests
{
    [Fact]
    public void Scale_EveryExponent_IsTheProductRoundedOnce()
    {
        foreach (float x in new[] { 0.70710677f, 0.99999994f, 1, 1.0000001f, 1.4142135f, 1.9999999f, float.NaN })
            for (int n = -152; n <= 130; n++)
            {
                float expected = (float)(x * Math.ScaleB(1, n));
                foreach (float scaled in new[] { PowersOfTwo.Scale(Vector512.Create(x), Vector512.Create((float)n))[7], PowersOfTwo.InTwoFactors(Vector512.Create(x), Vector512.Create((float)n))[0] })
                    BitConverter.SingleToInt32Bits(scaled).ShouldBe(BitConverter.SingleToInt32Bits(expected), $"{x:R} * 2^{n}");
            }
    }
}
