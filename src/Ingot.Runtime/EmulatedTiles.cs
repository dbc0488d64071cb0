using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Ingot.Runtime;

/// <summary>
/// What the matrix unit's micro-kernels do, to the bit, on the vector unit: takes their place where a level above the machine's is asked for, so that
/// every kernel that uses the unit can be tested everywhere. A block is 32 rows by 32 columns; a step is 64 bytes of each row of A.
/// </summary>
/// <remarks>
/// A lies in steps of 32 rows x 64 bytes. B lies in steps of two halves of 16 columns, each 16 rows of one 32-bit word a column, which holds the values of two
/// (bf16) or four (8-bit) consecutive k. C is 32 x 32 numbers of 32 bits, row by row.
/// </remarks>
public static unsafe class EmulatedTiles
{
    /// <summary>Rows and columns of a block; bytes of a row of A, and of a panel of A or B, in one step.</summary>
    public const int Side = 32, RowBytes = 64, StepBytes = Side * RowBytes;

    const int Words = RowBytes / 4, TileBytes = 16 * RowBytes;

    /// <summary>C = (C if continued, else 0) + A B in bf16, by the order of Intel's manual: within a tile even and odd k are added up apart, then both to C.</summary>
    /// <remarks>Numbers below the normal ones count as zero, in and out.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MultiplyBf16(nint a, nint b, nint c, long steps, long isContinued)
    {
        if (isContinued == 0) Unsafe.InitBlockUnaligned((void*)c, 0, Side * Side * 4);
        for (long step = 0; step < steps; step++, a += StepBytes, b += StepBytes)
            for (int m = 0; m < Side; m++)
                for (int half = 0; half < 4; half++) // eight columns each
                {
                    var row = (uint*)(a + m * RowBytes);
                    var column = (uint*)(b + (half >> 1) * TileBytes) + (half & 1) * 8;
                    Vector256<float> even = Vector256<float>.Zero, odd = even;
                    for (int p = 0; p < Words; p++)
                    {
                        var word = Vector256.Load(column + p * Words);
                        even = Normal(Vector256.FusedMultiplyAdd(Normal(Vector256.Create(row[p] << 16).AsSingle()), Normal((word << 16).AsSingle()), even));
                        odd = Normal(Vector256.FusedMultiplyAdd(Normal(Vector256.Create(row[p] & 0xFFFF0000).AsSingle()), Normal((word & Vector256.Create(0xFFFF0000)).AsSingle()), odd));
                    }
                    var at = (float*)c + m * Side + half * 8;
                    Normal(Normal(Vector256.Load(at)) + Normal(even + odd)).Store(at);
                }
    }

    /// <summary>C = (C if continued, else 0) + A B of signed 8-bit integers, in 32 bits that wrap.</summary>
    public static void MultiplyInt8(nint a, nint b, nint c, long steps, long isContinued) => Multiply(a, b, c, steps, isContinued, isUnsigned: false);

    /// <summary>The same with an unsigned A.</summary>
    public static void MultiplyUInt8(nint a, nint b, nint c, long steps, long isContinued) => Multiply(a, b, c, steps, isContinued, isUnsigned: true);

    static void Multiply(nint a, nint b, nint c, long steps, long isContinued, bool isUnsigned)
    {
        if (isContinued == 0) Unsafe.InitBlockUnaligned((void*)c, 0, Side * Side * 4);
        for (long step = 0; step < steps; step++, a += StepBytes, b += StepBytes)
            for (int m = 0; m < Side; m++)
                for (int n = 0; n < Side; n++)
                {
                    int sum = 0;
                    for (int k = 0; k < RowBytes; k++)
                    {
                        byte left = ((byte*)a)[m * RowBytes + k];
                        sum += (isUnsigned ? left : (sbyte)left) * ((sbyte*)b)[(n >> 4) * TileBytes + (k >> 2) * RowBytes + (n & 15) * 4 + (k & 3)];
                    }
                    ((int*)c)[m * Side + n] += sum;
                }
    }

    /// <summary>Whether routines at these addresses give a small product of bf16, whose sums are exact in any order.</summary>
    public static bool Agrees(nint configure, nint release, nint multiply)
    {
        const int Steps = 2, Numbers = Steps * StepBytes / sizeof(ushort), Results = Side * Side;
        Storage a = Storage.Allocate((Steps + 1) * StepBytes), b = Storage.Allocate(Steps * StepBytes); // a step beyond A is asked for
        Storage expected = Storage.Allocate(Results * sizeof(float)), actual = Storage.Allocate(Results * sizeof(float));
        for (int i = 0; i < Numbers; i++) (a.Span<BFloat16>()[i], b.Span<BFloat16>()[i]) = ((BFloat16)(i % 7 - 3), (BFloat16)(i % 5 - 2));
        for (int i = 0; i < Results; i++) expected.Span<float>()[i] = actual.Span<float>()[i] = i % 11;
        MultiplyBf16(a.Address, b.Address, expected.Address, Steps, 1);
        SignalStack.Prepare();
        ((delegate*<void>)configure)();
        ((delegate*<nint, nint, nint, long, long, void>)multiply)(a.Address, b.Address, actual.Address, Steps, 1);
        ((delegate*<void>)release)();
        bool same = actual.Span<float>().SequenceEqual(expected.Span<float>());
        GC.KeepAlive((a, b, expected, actual));
        return same;
    }

    /// <summary>There are no tiles to set up.</summary>
    public static void Nothing() { }

    /// <summary>Numbers below the normal ones become zeros of their sign.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> Normal(Vector256<float> x)
    {
        var sign = x.AsUInt32() & Vector256.Create(0x80000000);
        var isNormal = Vector256.GreaterThan(x.AsInt32() & Vector256.Create(0x7F800000), Vector256<int>.Zero);
        return Vector256.ConditionalSelect(isNormal.AsUInt32(), x.AsUInt32(), sign).AsSingle();
    }

    /// <summary>Addresses of the routines, for generated code.</summary>
    public static nint AddressOfBf16 => (nint)(delegate*<nint, nint, nint, long, long, void>)&MultiplyBf16;
    public static nint AddressOfInt8 => (nint)(delegate*<nint, nint, nint, long, long, void>)&MultiplyInt8;
    public static nint AddressOfUInt8 => (nint)(delegate*<nint, nint, nint, long, long, void>)&MultiplyUInt8;
    public static nint AddressOfNothing => (nint)(delegate*<void>)&Nothing;
}
