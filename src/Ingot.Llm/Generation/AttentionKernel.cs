using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Ingot.Runtime;

namespace Ingot.Llm.Generation;

/// <summary>The arithmetic of attention over pages, for one kind of page and one width of vectors.</summary>
abstract class AttentionKernel
{
    /// <summary>Queries that meet a key together once it is in a register.</summary>
    public const int Block = 4;

    /// <summary>Four queries' values at one place, or their weights at one position.</summary>
    protected record struct Four(float A, float B, float C, float D);

    /// <summary>A worker's memory.</summary>
    public sealed class Scratch
    {
        internal float[] Scores = [];
        internal readonly float[] Inverse = new float[Block];
        internal Array Fours = Array.Empty<float>();
        internal Array Weights = Array.Empty<float>();
    }

    public static AttentionKernel Of(CacheType type) => Cpu.Level switch
    {
        >= IsaLevel.Avx512 when Vector512.IsHardwareAccelerated => Of<Wide512>(type),
        >= IsaLevel.Avx2 when Vector256.IsHardwareAccelerated => Of<Wide256>(type),
        _ => Of<Wide128>(type),
    };

    internal static AttentionKernel Of<TWide>(CacheType type) where TWide : struct, IWide<TWide> => type switch
    {
        CacheType.F32 => new AttentionKernel<float, F32Pages, TWide>(),
        CacheType.BF16 => new AttentionKernel<ushort, BF16Pages, TWide>(),
        _ => new AttentionKernel<sbyte, Int8Pages, TWide>(),
    };

    /// <summary>Keeps a head's keys and values of a position.</summary>
    /// <param name="keys">(D).</param>
    /// <param name="values">(D).</param>
    /// <param name="page">The page.</param>
    /// <param name="plane">Where in the page the head's keys are.</param>
    /// <param name="inPage">The position in the page.</param>
    public abstract void Keep(ReadOnlySpan<float> keys, ReadOnlySpan<float> values, Storage page, KvPlane plane, int inPage);

    /// <summary>What up to four queries of the same sequence and key head see.</summary>
    /// <param name="queries">(count, D), at strides of <paramref name="stride"/>.</param>
    /// <param name="stride">From a query to the next, and from a result to the next.</param>
    /// <param name="seen">The first and the last position that each sees.</param>
    /// <param name="pages">The sequence's.</param>
    /// <param name="plane">Where in a page the head's keys are.</param>
    /// <param name="scale">What products of queries and keys are multiplied by.</param>
    /// <param name="results">As the queries.</param>
    /// <param name="scratch">The worker's.</param>
    public abstract void Attend(ReadOnlySpan<float> queries, int stride, ReadOnlySpan<(int First, int Last)> seen, CachePages pages, KvPlane plane, float scale, Span<float> results, Scratch scratch);
}

/// <inheritdoc/>
/// <remarks>
/// Each score and each component of a result is one chain of fused multiply-adds, over the head's width and over positions in order: a query gets the same bits
/// whichever others it is computed beside.
/// </remarks>
sealed class AttentionKernel<T, TFormat, TWide> : AttentionKernel where T : unmanaged where TFormat : struct, IPageFormat<T> where TWide : struct, IWide<TWide>
{
    const int Row = KvCache.PagePositions;

    public override void Keep(ReadOnlySpan<float> keys, ReadOnlySpan<float> values, Storage page, KvPlane plane, int inPage)
    {
        float Scale(ReadOnlySpan<float> row, long at)
        {
            if (!TFormat.HasScales) return 1;
            float most = 0;
            foreach (float v in row) most = Math.Max(most, Math.Abs(v));
            float scale = most / 127;
            page.Span<float>(at + inPage, 1)[0] = scale;
            return scale > 0 && float.IsFinite(1 / scale) ? 1 / scale : 0;
        }

        int d = keys.Length;
        float inverse = Scale(keys, plane.KeyScales);
        var to = page.Span<T>(plane.Keys, d * Row);
        // Keys lie as (D, positions), so that a vector holds several positions' scores; values as (positions, D).
        for (int i = 0; i < d; i++) to[i * Row + inPage] = TFormat.Kept(keys[i], inverse);
        inverse = Scale(values, plane.ValueScales);
        to = page.Span<T>(plane.Values + inPage * d, d);
        for (int i = 0; i < d; i++) to[i] = TFormat.Kept(values[i], inverse);
    }

    public override void Attend(ReadOnlySpan<float> queries, int stride, ReadOnlySpan<(int First, int Last)> seen, CachePages pages, KvPlane plane, float scale, Span<float> results, Scratch scratch)
    {
        int d = plane.Width, count = seen.Length, first = seen[0].First, last = seen[0].Last;
        foreach (var (f, l) in seen) (first, last) = (Math.Min(first, f), Math.Max(last, l));
        int firstPage = first / Row, begin = firstPage * Row, pageCount = last / Row - firstPage + 1, length = pageCount * Row;
        if (scratch.Scores.Length < Block * length) scratch.Scores = new float[BitOperations.RoundUpToPowerOf2((uint)(Block * length))];
        if (scratch.Fours is not Four[] fours || fours.Length < d) scratch.Fours = fours = new Four[d];
        if (scratch.Weights is not Four[] weights) scratch.Weights = weights = new Four[Row];
        Span<float> scores = scratch.Scores.AsSpan(0, Block * length), inverse = scratch.Inverse;
        bool asFour = count > 2; // of one or two queries three quarters or half of the work would be for nothing
        if (asFour) Interleave(queries, stride, count, fours.AsSpan(0, d));
        for (int p = 0; p < pageCount; p++)
        {
            var page = pages[firstPage + p];
            ref var keys = ref page.Span<T>(plane.Keys, d * Row)[0];
            ref float scales = ref inverse[0]; // not read where there are none
            if (TFormat.HasScales) scales = ref page.Span<float>(plane.KeyScales, Row)[0];
            if (asFour) ScoreFour(fours.AsSpan(0, d), in keys, in scales, scale, ref scores[p * Row], (nuint)length);
            else
                for (int q = 0; q < count; q++) ScoreOne(queries.Slice(q * stride, d), in keys, in scales, scale, ref scores[q * length + p * Row]);
        }
        for (int q = 0; q < count; q++)
        {
            var own = scores.Slice(q * length, length);
            own[..(seen[q].First - begin)].Fill(float.NegativeInfinity);
            own[(seen[q].Last + 1 - begin)..].Fill(float.NegativeInfinity);
            // Lanes are by position in a page: a longer or shorter row of what is not seen adds zeros alone.
            inverse[q] = 1 / Exponentials(own);
            results.Slice(q * stride, d).Clear();
        }
        if (count < Block) scores[(count * length)..].Clear();
        for (int p = 0; p < pageCount; p++)
        {
            var page = pages[firstPage + p];
            int used = Math.Min(Row, last + 1 - (begin + p * Row));
            ref var values = ref page.Span<T>(plane.Values, used * d)[0];
            var scales = TFormat.HasScales ? page.Span<float>(plane.ValueScales, used) : default;
            if (asFour)
            {
                Interleave(scores[(p * Row)..], length, Block, weights.AsSpan(0, used));
                if (TFormat.HasScales)
                    for (int s = 0; s < used; s++) weights[s] = new(weights[s].A * scales[s], weights[s].B * scales[s], weights[s].C * scales[s], weights[s].D * scales[s]);
                SumFour(weights.AsSpan(0, used), in values, d, results, stride, count);
            }
            else
                for (int q = 0; q < count; q++)
                {
                    var own = scores.Slice(q * length + p * Row, used);
                    if (TFormat.HasScales)
                        for (int s = 0; s < used; s++) own[s] *= scales[s];
                    SumOne(own, in values, results.Slice(q * stride, d));
                }
        }
        for (int q = 0; q < count; q++)
            foreach (ref float r in results.Slice(q * stride, d)) r *= inverse[q];
    }

    /// <summary>Three or four rows to columns of four.</summary>
    static void Interleave(ReadOnlySpan<float> rows, int stride, int count, Span<Four> to)
    {
        ReadOnlySpan<float> a = rows[..to.Length], b = rows.Slice(stride, to.Length), c = rows.Slice(2 * stride, to.Length);
        if (count == Block)
        {
            var d = rows.Slice(3 * stride, to.Length);
            for (int i = 0; i < to.Length; i++) to[i] = new(a[i], b[i], c[i], d[i]);
        }
        else
            for (int i = 0; i < to.Length; i++) to[i] = new(a[i], b[i], c[i], 0);
    }

    /// <summary>The scores of a page's positions.</summary>
    /// <param name="queries">(D), of four queries.</param>
    /// <param name="keys">(D, positions).</param>
    /// <param name="scales">Of each position, where there are scales.</param>
    /// <param name="scale">Of all.</param>
    /// <param name="to">The first query's.</param>
    /// <param name="next">From a query's to the next one's.</param>
    static void ScoreFour(ReadOnlySpan<Four> queries, ref readonly T keys, ref readonly float scales, float scale, ref float to, nuint next)
    {
        nuint lanes = (nuint)TWide.Count;
        for (nuint s = 0; s < Row; s += 2 * lanes)
        {
            TWide a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default, d1 = default;
            nuint at = s;
            foreach (ref readonly var q in queries)
            {
                TWide k0 = TFormat.Load<TWide>(in keys, at), k1 = TFormat.Load<TWide>(in keys, at + lanes);
                var x = TWide.Broadcast(q.A);
                (a0, a1) = (TWide.MultiplyAdd(x, k0, a0), TWide.MultiplyAdd(x, k1, a1));
                x = TWide.Broadcast(q.B);
                (b0, b1) = (TWide.MultiplyAdd(x, k0, b0), TWide.MultiplyAdd(x, k1, b1));
                x = TWide.Broadcast(q.C);
                (c0, c1) = (TWide.MultiplyAdd(x, k0, c0), TWide.MultiplyAdd(x, k1, c1));
                x = TWide.Broadcast(q.D);
                (d0, d1) = (TWide.MultiplyAdd(x, k0, d0), TWide.MultiplyAdd(x, k1, d1));
                at += Row;
            }
            TWide by0 = Scale(in scales, scale, s), by1 = Scale(in scales, scale, s + lanes);
            TWide.Store(TWide.Multiply(a0, by0), ref to, s);
            TWide.Store(TWide.Multiply(a1, by1), ref to, s + lanes);
            TWide.Store(TWide.Multiply(b0, by0), ref to, s + next);
            TWide.Store(TWide.Multiply(b1, by1), ref to, s + lanes + next);
            TWide.Store(TWide.Multiply(c0, by0), ref to, s + 2 * next);
            TWide.Store(TWide.Multiply(c1, by1), ref to, s + lanes + 2 * next);
            TWide.Store(TWide.Multiply(d0, by0), ref to, s + 3 * next);
            TWide.Store(TWide.Multiply(d1, by1), ref to, s + lanes + 3 * next);
        }
    }

    static void ScoreOne(ReadOnlySpan<float> query, ref readonly T keys, ref readonly float scales, float scale, ref float to)
    {
        nuint lanes = (nuint)TWide.Count;
        for (nuint s = 0; s < Row; s += 4 * lanes)
        {
            TWide a0 = default, a1 = default, a2 = default, a3 = default;
            nuint at = s;
            foreach (float value in query)
            {
                var q = TWide.Broadcast(value);
                a0 = TWide.MultiplyAdd(q, TFormat.Load<TWide>(in keys, at), a0);
                a1 = TWide.MultiplyAdd(q, TFormat.Load<TWide>(in keys, at + lanes), a1);
                a2 = TWide.MultiplyAdd(q, TFormat.Load<TWide>(in keys, at + 2 * lanes), a2);
                a3 = TWide.MultiplyAdd(q, TFormat.Load<TWide>(in keys, at + 3 * lanes), a3);
                at += Row;
            }
            TWide.Store(TWide.Multiply(a0, Scale(in scales, scale, s)), ref to, s);
            TWide.Store(TWide.Multiply(a1, Scale(in scales, scale, s + lanes)), ref to, s + lanes);
            TWide.Store(TWide.Multiply(a2, Scale(in scales, scale, s + 2 * lanes)), ref to, s + 2 * lanes);
            TWide.Store(TWide.Multiply(a3, Scale(in scales, scale, s + 3 * lanes)), ref to, s + 3 * lanes);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TWide Scale(ref readonly float scales, float scale, nuint at) =>
        TFormat.HasScales ? TWide.Multiply(TWide.Load(in scales, at), TWide.Broadcast(scale)) : TWide.Broadcast(scale);

    /// <summary>Scores become exp(score - largest); returns their sum.</summary>
    /// <param name="scores">Of whole pages, minus infinity where nothing is seen.</param>
    static float Exponentials(Span<float> scores)
    {
        nuint lanes = (nuint)TWide.Count, length = (nuint)scores.Length;
        ref float at = ref MemoryMarshal.GetReference(scores);
        TWide most = TWide.Load(in at, 0), sum = default;
        for (nuint i = lanes; i < length; i += lanes) most = TWide.Max(most, TWide.Load(in at, i));
        float top = TWide.Lane(most, 0), total = 0;
        for (int i = 1; i < TWide.Count; i++) top = Math.Max(top, TWide.Lane(most, i));
        var shift = TWide.Broadcast(-top);
        for (nuint i = 0; i < length; i += lanes)
        {
            var e = Exp(TWide.Add(TWide.Load(in at, i), shift));
            TWide.Store(e, ref at, i);
            sum = TWide.Add(sum, e);
        }
        for (int i = 0; i < TWide.Count; i++) total += TWide.Lane(sum, i);
        return total;
    }

    /// <summary>e^x for x of at most 0: 2^n e^r with |r| at most ln(2) / 2, and e^r by its series to the seventh power, which is off by less than 6e-9 of it; 0 below e^-87.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TWide Exp(TWide x)
    {
        const float High = 0.693359375f, Low = -2.12194440e-4f; // ln 2 = High + Low, and n High is exact
        var n = TWide.Round(TWide.Multiply(x, TWide.Broadcast(1.44269504f)));
        var r = TWide.MultiplyAdd(n, TWide.Broadcast(-High), x);
        r = TWide.MultiplyAdd(n, TWide.Broadcast(-Low), r);
        var y = TWide.MultiplyAdd(TWide.Broadcast(1 / 5040f), r, TWide.Broadcast(1 / 720f));
        y = TWide.MultiplyAdd(y, r, TWide.Broadcast(1 / 120f));
        y = TWide.MultiplyAdd(y, r, TWide.Broadcast(1 / 24f));
        y = TWide.MultiplyAdd(y, r, TWide.Broadcast(1 / 6f));
        y = TWide.MultiplyAdd(y, r, TWide.Broadcast(0.5f));
        y = TWide.MultiplyAdd(y, r, TWide.Broadcast(1));
        y = TWide.MultiplyAdd(y, r, TWide.Broadcast(1));
        return TWide.TimesPowerOfTwo(y, n);
    }

    /// <summary>Adds a page's values by their weights to four queries' results, in the order of positions.</summary>
    static void SumFour(ReadOnlySpan<Four> weights, ref readonly T values, int d, Span<float> results, int stride, int count)
    {
        nuint lanes = (nuint)TWide.Count, at = 0, width = (nuint)d;
        Span<float> nowhere = stackalloc float[TWide.Count * 2];
        ref float a = ref results[0], b = ref results[stride], c = ref results[2 * stride], e = ref (count == Block ? results[(3 * stride)..] : nowhere)[0];
        nuint last = count == Block ? 1u : 0; // the fourth's results are nowhere if there are three
        for (; at + 2 * lanes <= width; at += 2 * lanes)
        {
            TWide a0 = TWide.Load(in a, at), a1 = TWide.Load(in a, at + lanes), b0 = TWide.Load(in b, at), b1 = TWide.Load(in b, at + lanes);
            TWide c0 = TWide.Load(in c, at), c1 = TWide.Load(in c, at + lanes), e0 = TWide.Load(in e, at * last), e1 = TWide.Load(in e, at * last + lanes);
            nuint v = at;
            foreach (ref readonly var w in weights)
            {
                TWide v0 = TFormat.Load<TWide>(in values, v), v1 = TFormat.Load<TWide>(in values, v + lanes);
                var x = TWide.Broadcast(w.A);
                (a0, a1) = (TWide.MultiplyAdd(x, v0, a0), TWide.MultiplyAdd(x, v1, a1));
                x = TWide.Broadcast(w.B);
                (b0, b1) = (TWide.MultiplyAdd(x, v0, b0), TWide.MultiplyAdd(x, v1, b1));
                x = TWide.Broadcast(w.C);
                (c0, c1) = (TWide.MultiplyAdd(x, v0, c0), TWide.MultiplyAdd(x, v1, c1));
                x = TWide.Broadcast(w.D);
                (e0, e1) = (TWide.MultiplyAdd(x, v0, e0), TWide.MultiplyAdd(x, v1, e1));
                v += width;
            }
            TWide.Store(a0, ref a, at);
            TWide.Store(a1, ref a, at + lanes);
            TWide.Store(b0, ref b, at);
            TWide.Store(b1, ref b, at + lanes);
            TWide.Store(c0, ref c, at);
            TWide.Store(c1, ref c, at + lanes);
            TWide.Store(e0, ref e, at * last);
            TWide.Store(e1, ref e, at * last + lanes);
        }
        if (at == width) return;
        Span<float> own = stackalloc float[Row];
        for (int q = 0; q < count; q++)
        {
            int s = 0;
            foreach (ref readonly var w in weights) own[s++] = q switch { 0 => w.A, 1 => w.B, 2 => w.C, _ => w.D };
            SumOne(own[..s], in values, results.Slice(q * stride, d), (int)at);
        }
    }

    static void SumOne(ReadOnlySpan<float> weights, ref readonly T values, Span<float> results, int from = 0)
    {
        nuint lanes = (nuint)TWide.Count, at = (nuint)from, width = (nuint)results.Length;
        ref float to = ref results[0];
        for (; at + 4 * lanes <= width; at += 4 * lanes)
        {
            TWide a0 = TWide.Load(in to, at), a1 = TWide.Load(in to, at + lanes), a2 = TWide.Load(in to, at + 2 * lanes), a3 = TWide.Load(in to, at + 3 * lanes);
            nuint v = at;
            foreach (float weight in weights)
            {
                var w = TWide.Broadcast(weight);
                a0 = TWide.MultiplyAdd(w, TFormat.Load<TWide>(in values, v), a0);
                a1 = TWide.MultiplyAdd(w, TFormat.Load<TWide>(in values, v + lanes), a1);
                a2 = TWide.MultiplyAdd(w, TFormat.Load<TWide>(in values, v + 2 * lanes), a2);
                a3 = TWide.MultiplyAdd(w, TFormat.Load<TWide>(in values, v + 3 * lanes), a3);
                v += width;
            }
            TWide.Store(a0, ref to, at);
            TWide.Store(a1, ref to, at + lanes);
            TWide.Store(a2, ref to, at + 2 * lanes);
            TWide.Store(a3, ref to, at + 3 * lanes);
        }
        for (; at + lanes <= width; at += lanes)
        {
            var a = TWide.Load(in to, at);
            nuint v = at;
            foreach (float weight in weights)
            {
                a = TWide.MultiplyAdd(TWide.Broadcast(weight), TFormat.Load<TWide>(in values, v), a);
                v += width;
            }
            TWide.Store(a, ref to, at);
        }
        if (at == width) return;
        var rest = MemoryMarshal.CreateReadOnlySpan(in values, results.Length * weights.Length);
        for (int i = (int)at; i < results.Length; i++)
            for (int s = 0; s < weights.Length; s++) results[i] = MathF.FusedMultiplyAdd(weights[s], TFormat.Value(rest[s * results.Length + i]), results[i]);
    }
}
