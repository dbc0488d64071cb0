using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Ingot.Runtime.Weights;

/// <summary>
/// The product with codes that are signed. As one side of the product of bytes is unsigned, x takes the codes' signs and is multiplied by their sizes: two products of at most 128 * 127
/// fit 16 bits, and are added with the factors of 16 weights, where a format has them.
/// </summary>
public sealed unsafe class SignedProduct<T>(Storage weights, int rows, int columns, long rowBytes) : IntegerProduct(weights, rows, columns, rowBytes) where T : struct, ISignedBlock<T>
{
    protected override Vector256<float> MultiplyRow(byte* rows, byte* codesOfX, float* scalesOfX) =>
        T.Length == 32 ? MultiplySmall(rows, (sbyte*)codesOfX, scalesOfX) : MultiplyLarge(rows, (sbyte*)codesOfX, scalesOfX);

    /// <summary>Blocks of 32.</summary>
    Vector256<float> MultiplySmall(byte* at, sbyte* q, float* scalesOfX)
    {
        nint s = RowBytes, s3 = 3 * s;
        byte* at4 = at + 4 * s;
        var sum = Vector256<float>.Zero;
        var ones = Vector256<short>.One;
        for (int b = Blocks; b > 0; b--, q += 32, scalesOfX++, at += T.Bytes, at4 += T.Bytes)
        {
            if ((b & (64 / T.Bytes)) == 0)
                for (int r = 0; r < Lanes; r++) Sse.Prefetch0(at + (Lanes + r) * s);
            var x = Vector256.Load(q);
            var dots = Join(
                Dot(at, 0, x, ones), Dot(at + s, 0, x, ones), Dot(at + 2 * s, 0, x, ones), Dot(at + s3, 0, x, ones),
                Dot(at4, 0, x, ones), Dot(at4 + s, 0, x, ones), Dot(at4 + 2 * s, 0, x, ones), Dot(at4 + s3, 0, x, ones));
            sum = Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(dots), ScalesAt(at, at4, s, s3) * Vector256.Create(*scalesOfX), sum);
        }
        return sum;
    }

    /// <summary>Blocks of 256: the eight parts of a row are joined, a part a lane, and eight rows of them turned.</summary>
    [SkipLocalsInit]
    Vector256<float> MultiplyLarge(byte* rows, sbyte* q, float* scalesOfX)
    {
        const int Parts = Stretch / 32;
        int* dots = stackalloc int[Lanes * Parts], turned = stackalloc int[Lanes * Parts];
        nint s = RowBytes;
        var sum = Vector256<float>.Zero;
        for (int b = Blocks / Parts; b > 0; b--, q += Stretch, scalesOfX += Parts, rows += T.Bytes)
        {
            byte* at = rows;
            for (int r = 0; r < Lanes; r++, at += s)
            {
                Fetch(at, T.Bytes);
                DotsOfParts(at, q).Store(dots + r * Parts);
            }
            Square.Turn((byte*)dots, Parts * sizeof(int), (byte*)turned, Lanes * sizeof(int));
            var scales = ScalesAt(rows, rows + 4 * s, s, 3 * s);
            for (int part = 0; part < Parts; part++)
                sum = Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(Vector256.Load(turned + part * Lanes)), scales * Vector256.Create(scalesOfX[part]), sum);
        }
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> DotsOfParts(byte* block, sbyte* q)
    {
        var factors = T.FactorsOf(block);
        return Join(
            Dot(block, 0, Vector256.Load(q), Of(factors, 0)), Dot(block, 1, Vector256.Load(q + 32), Of(factors, 1)),
            Dot(block, 2, Vector256.Load(q + 64), Of(factors, 2)), Dot(block, 3, Vector256.Load(q + 96), Of(factors, 3)),
            Dot(block, 4, Vector256.Load(q + 128), Of(factors, 4)), Dot(block, 5, Vector256.Load(q + 160), Of(factors, 5)),
            Dot(block, 6, Vector256.Load(q + 192), Of(factors, 6)), Dot(block, 7, Vector256.Load(q + 224), Of(factors, 7)));
    }

    /// <summary>The factors of the 32 weights of a part, for each pair of products.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<short> Of(Vector256<short> factors, int part) => !T.HasFactors ? factors : Avx2.Shuffle(
        Avx2.PermuteVar8x32(factors.AsInt32(), Vector256.Create(part)).AsByte(), Vector256.Create(Vector128.Create((short)0x0100), Vector128.Create((short)0x0302)).AsByte()).AsInt16();

    /// <summary>The codes of a part with these of x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Dot(byte* block, int part, Vector256<sbyte> x, Vector256<short> factors)
    {
        var codes = T.CodesOf(block, part);
        var (size, signed) = (Avx2.Abs(codes), Avx2.Sign(x, codes));
        return AvxVnni.IsSupported && !T.HasFactors ? AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, size, signed) : Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(size, signed), factors);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> ScalesAt(byte* at, byte* at4, nint s, nint s3) => T.ScaleAt >= 0 ? HalvesAt(at + T.ScaleAt, at4 + T.ScaleAt, s, s3) : Vector256.Create(
        T.Open(at).Scale, T.Open(at + s).Scale, T.Open(at + 2 * s).Scale, T.Open(at + s3).Scale, T.Open(at4).Scale, T.Open(at4 + s).Scale, T.Open(at4 + 2 * s).Scale, T.Open(at4 + s3).Scale);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> Add(Vector256<int> dots, float* scales, float scaleOfX, Vector256<float> sum) =>
        Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(dots), Vector256.Load(scales) * Vector256.Create(scaleOfX), sum);

    /// <summary>Scales; then, where there are factors, those of the first 16 and of the last, in pairs.</summary>
    protected override int ScalesInBlock => T.HasFactors ? 3 * Lanes : Lanes;

    [SkipLocalsInit]
    protected override void Pack(byte* rows, byte* panel, float* scales)
    {
        byte* codes = stackalloc byte[Lanes * 32];
        short* factors = stackalloc short[Lanes * 16], turned = stackalloc short[2 * Lanes * 16];
        nint s = RowBytes;
        for (int k = 0; k < Columns; k += T.Length, rows += T.Bytes)
        {
            byte* at = rows;
            for (int r = 0; r < Lanes; r++, at += s)
            {
                if (T.Length != 32 || k % 64 == 0) Fetch(at, T.Bytes);
                if (T.HasFactors) T.FactorsOf(at).Store(factors + 16 * r);
            }
            if (T.HasFactors) TurnFactors(factors, turned);
            var w = ScalesAt(rows, rows + 4 * s, s, 3 * s);
            for (int part = 0; part < T.Length / 32; part++, panel += Lanes * 32, scales += ScalesInBlock)
            {
                at = rows;
                for (int r = 0; r < Lanes; r++, at += s) T.CodesOf(at, part).Store((sbyte*)codes + 32 * r);
                Square.Turn(codes, 32, panel);
                w.Store(scales);
                if (!T.HasFactors) continue;
                Vector256.Load(turned + 32 * part).Store((short*)(scales + Lanes));
                Vector256.Load(turned + 32 * part + 16).Store((short*)(scales + 2 * Lanes));
            }
        }
    }

    /// <summary>Sixteen factors of eight rows, each twice, with the rows in lanes.</summary>
    static void TurnFactors(short* factors, short* turned)
    {
        int* pairs = stackalloc int[Lanes * Lanes]; // two neighbours of a row are 32 bits
        Square.Turn((byte*)factors, 32, (byte*)pairs);
        for (int i = 0; i < Lanes; i++)
        {
            var both = Vector256.Load(pairs + i * Lanes);
            Vector256<int> low = both & Vector256.Create(0xFFFF), high = (both.AsUInt32() >> 16).AsInt32();
            (low | (low << 16)).Store((int*)(turned + 32 * i));
            (high | (high << 16)).Store((int*)(turned + 32 * i + 16));
        }
    }

    protected override void MultiplyTile(byte* panel, float* scales, byte* codesOfX, float* scalesOfX, float* y, int count)
    {
        byte* x0 = codesOfX, x1 = x0 + Columns, x2 = x1 + Columns, x3 = x2 + Columns;
        int row = 2 * Blocks, blocks = Blocks;
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default;
        for (int b = 0; b < blocks; b++, scales += ScalesInBlock)
        {
            Vector256<int> d0 = default, d1 = default, d2 = default, d3 = default;
            for (int half = 0; half < 2; half++)
            {
                var factors = FactorsOfHalf(scales, half);
                for (int four = 0; four < 4; four++, panel += 32, x0 += 4, x1 += 4, x2 += 4, x3 += 4)
                {
                    var codes = Vector256.Load((sbyte*)panel);
                    var size = Avx2.Abs(codes);
                    d0 = Dot(codes, size, x0, factors, d0);
                    d1 = Dot(codes, size, x1, factors, d1);
                    d2 = Dot(codes, size, x2, factors, d2);
                    d3 = Dot(codes, size, x3, factors, d3);
                }
            }
            s0 = Add(d0, scales, scalesOfX[b], s0);
            s1 = Add(d1, scales, scalesOfX[row + b], s1);
            s2 = Add(d2, scales, scalesOfX[2 * row + b], s2);
            s3 = Add(d3, scales, scalesOfX[3 * row + b], s3);
        }
        Store(s0, y, count);
        Store(s1, y + Rows, count);
        Store(s2, y + 2 * (nint)Rows, count);
        Store(s3, y + 3 * (nint)Rows, count);
    }

    protected override Vector256<float> MultiplyOne(byte* panel, float* scales, byte* codesOfX, float* scalesOfX)
    {
        var sum = Vector256<float>.Zero;
        for (int b = 0; b < Blocks; b++, scales += ScalesInBlock)
        {
            Vector256<int> d = default;
            for (int half = 0; half < 2; half++)
            {
                var factors = FactorsOfHalf(scales, half);
                for (int four = 0; four < 4; four++, panel += 32, codesOfX += 4)
                {
                    var codes = Vector256.Load((sbyte*)panel);
                    d = Dot(codes, Avx2.Abs(codes), codesOfX, factors, d);
                }
            }
            sum = Add(d, scales, scalesOfX[b], sum);
        }
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<short> FactorsOfHalf(float* scales, int half) => T.HasFactors ? Vector256.Load((short*)(scales + (1 + half) * Lanes)) : Vector256<short>.One;

    /// <summary>Four values of x with four codes of each lane's row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Dot(Vector256<sbyte> codes, Vector256<byte> size, byte* x, Vector256<short> factors, Vector256<int> sum)
    {
        var signed = Avx2.Sign(Vector256.Create(*(int*)x).AsSByte(), codes);
        return AvxVnni.IsSupported && !T.HasFactors ? AvxVnni.MultiplyWideningAndAdd(sum, size, signed) : sum + Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(size, signed), factors);
    }
}
