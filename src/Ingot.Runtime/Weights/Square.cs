using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Ingot.Runtime.Weights;

/// <summary>Eight rows of eight words of 32 bits, of any meaning.</summary>
static unsafe class Square
{
    /// <summary>Rows, this many bytes apart, to columns, which are so far apart.</summary>
    public static void Turn(byte* from, int stride, byte* to, nint apart = 32)
    {
        if (!Avx2.IsSupported)
        {
            for (int row = 0; row < 8; row++)
                for (int column = 0; column < 8; column++) ((int*)(to + apart * column))[row] = ((int*)(from + row * stride))[column];
            return;
        }
        Vector256<int> r0 = Vector256.Load((int*)from), r1 = Vector256.Load((int*)(from + stride)), r2 = Vector256.Load((int*)(from + 2 * stride)), r3 = Vector256.Load((int*)(from + 3 * stride));
        from += 4 * stride;
        Vector256<int> r4 = Vector256.Load((int*)from), r5 = Vector256.Load((int*)(from + stride)), r6 = Vector256.Load((int*)(from + 2 * stride)), r7 = Vector256.Load((int*)(from + 3 * stride));
        Vector256<long> a0 = Avx2.UnpackLow(r0, r1).AsInt64(), a1 = Avx2.UnpackHigh(r0, r1).AsInt64(), a2 = Avx2.UnpackLow(r2, r3).AsInt64(), a3 = Avx2.UnpackHigh(r2, r3).AsInt64();
        Vector256<long> a4 = Avx2.UnpackLow(r4, r5).AsInt64(), a5 = Avx2.UnpackHigh(r4, r5).AsInt64(), a6 = Avx2.UnpackLow(r6, r7).AsInt64(), a7 = Avx2.UnpackHigh(r6, r7).AsInt64();
        Both(Avx2.UnpackLow(a0, a2), Avx2.UnpackLow(a4, a6), to, apart, 0);
        Both(Avx2.UnpackHigh(a0, a2), Avx2.UnpackHigh(a4, a6), to, apart, 1);
        Both(Avx2.UnpackLow(a1, a3), Avx2.UnpackLow(a5, a7), to, apart, 2);
        Both(Avx2.UnpackHigh(a1, a3), Avx2.UnpackHigh(a5, a7), to, apart, 3);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Both(Vector256<long> first, Vector256<long> last, byte* to, nint apart, int column)
        {
            Avx2.Permute2x128(first, last, 0x20).Store((long*)(to + apart * column));
            Avx2.Permute2x128(first, last, 0x31).Store((long*)(to + apart * (column + 4)));
        }
    }
}
