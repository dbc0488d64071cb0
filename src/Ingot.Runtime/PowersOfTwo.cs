using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Ingot.Runtime;

/// <summary>What generated code calls where AVX-512 has an instruction of its own.</summary>
public static class PowersOfTwo
{
    /// <summary>x * 2^n for whole n of -152 to 130, rounded once where the result is denormal; NaN where x is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Scale(Vector512<float> x, Vector512<float> n) => Avx512F.IsSupported ? Avx512F.Scale(x, n) : InTwoFactors(x, n);

    internal static Vector512<float> InTwoFactors(Vector512<float> x, Vector512<float> n)
    {
        var whole = Vector512.ConvertToInt32(n);
        var half = whole >> 1;
        return x * Power(half) * Power(whole - half);
        static Vector512<float> Power(Vector512<int> exponent) => ((exponent + Vector512.Create(127)) << 23).AsSingle();
    }
}
