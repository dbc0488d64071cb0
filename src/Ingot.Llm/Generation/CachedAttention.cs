using System.Numerics;
using System.Runtime.InteropServices;
using Ingot.Llm.Models;
using Ingot.Runtime;

namespace Ingot.Llm.Generation;

/// <summary>
/// Attention over a <see cref="KvCache"/>, as kernels of the engine's own within its compiled step: each writes the new keys and values of its layer into the
/// pages, then lets every row look at its sequence's positions up to its own.
/// </summary>
/// <remarks>
/// A graph has shapes fixed when it is compiled, and a sequence has another length at each step. Here the length is data. What a row gets depends on its own
/// sequence alone, and is added up in the order of positions: so it is the same bits in any batch and in chunks of any size.
/// </remarks>
sealed class CachedAttention : IChunkWork
{
    readonly DecoderConfig config;
    readonly KvCache cache;
    readonly CustomKernel[] kernels;
    float[]?[] scratch = []; // the scores of each worker

    // The rows of the step that runs, and the memory of the layer that runs.
    KvCache.Pages?[] sequences = [];
    int[] positions = [];
    int layer;
    float[] queries = [], output = []; // (N, H, D); copies, as the arguments' spans do not pass to other threads

    public CachedAttention(DecoderConfig config, KvCache cache)
    {
        (this.config, this.cache) = (config, cache);
        kernels = [.. Enumerable.Range(0, config.Layers).Select(i => new CustomKernel("attention", a => Run(i, a)))];
    }

    /// <summary>Says which sequence and position each row of the next step is; a row without a sequence is padding.</summary>
    public void SetRows(KvCache.Pages?[] sequences, int[] positions) => (this.sequences, this.positions) = (sequences, positions);

    /// <summary>The attention of a layer for rows (1, N, heads, D).</summary>
    public Tensor Attend(int layer, Tensor queries, Tensor keys, Tensor values) => Tensor.Custom(kernels[layer], queries.Shape.Span, DType.F32, queries, keys, values);

    void Run(int at, CustomArguments arguments)
    {
        layer = at;
        ReadOnlySpan<float> keys = arguments.Input<float>(1), values = arguments.Input<float>(2);
        int d = config.HeadWidth, groups = config.KeyHeads, rows = arguments.OutputShape[1];
        for (int row = 0; row < rows; row++)
        {
            if (sequences[row] is not { } pages) continue;
            var page = pages[positions[row] / KvCache.PagePositions];
            int inPage = positions[row] % KvCache.PagePositions;
            for (int g = 0; g < groups; g++)
            {
                int from = (row * groups + g) * d, keysAt = cache.KeysAt(layer, g) + inPage;
                // Keys lie as (D, positions), so that a vector holds several positions' scores; values as (positions, D).
                for (int i = 0; i < d; i++) page[keysAt + i * KvCache.PagePositions] = keys[from + i];
                values.Slice(from, d).CopyTo(page.AsSpan(cache.KeysAt(layer, g) + cache.ValuesBehindKeys + inPage * d));
            }
        }
        var result = arguments.Output<float>();
        if (output.Length < result.Length) (queries, output) = (new float[result.Length], new float[result.Length]);
        arguments.Input<float>(0).CopyTo(queries);
        if (scratch.Length < WorkerPool.Threads) scratch = new float[WorkerPool.Threads][];
        WorkerPool.Run(this, rows * groups, scratch.Length);
        for (int row = 0; row < rows; row++)
            if (sequences[row] is not null) output.AsSpan(row * config.Heads * d, config.Heads * d).CopyTo(result[(row * config.Heads * d)..]);
    }

    /// <summary>One row's query heads of one group.</summary>
    void IChunkWork.Run(int chunk, int worker)
    {
        int row = chunk / config.KeyHeads, group = chunk % config.KeyHeads, shared = config.Heads / config.KeyHeads, d = config.HeadWidth;
        if (sequences[row] is not { } pages) return;
        int last = positions[row], first = config.WindowOf(layer) is { } window ? Math.Max(0, last - window + 1) : 0;
        int length = (last + Vector<float>.Count) / Vector<float>.Count * Vector<float>.Count;
        if (scratch[worker] is not { } scores || scores.Length < length) scores = scratch[worker] = new float[BitOperations.RoundUpToPowerOf2((uint)length)];
        for (int h = 0; h < shared; h++)
        {
            int at = (row * config.Heads + group * shared + h) * d;
            var result = output.AsSpan(at, d);
            var used = scores.AsSpan(0, length);
            Score(queries.AsSpan(at, d), pages, cache.KeysAt(layer, group), first, used);
            used[..first].Fill(float.NegativeInfinity);
            used[(last + 1)..].Fill(float.NegativeInfinity);
            float sum = Exponentials(used);
            Sum(used[..(last + 1)], first, pages, cache.KeysAt(layer, group) + cache.ValuesBehindKeys, 1 / sum, result);
        }
    }

    /// <summary>The scores of all positions in the pages from the first one's on; each is summed over the head's width in order.</summary>
    /// <param name="query">(D).</param>
    /// <param name="pages">Of the sequence.</param>
    /// <param name="keysAt">Where in a page the keys are.</param>
    /// <param name="first">The first position that counts.</param>
    /// <param name="scores">A multiple of the vector's length.</param>
    void Score(ReadOnlySpan<float> query, KvCache.Pages pages, int keysAt, int first, Span<float> scores)
    {
        const int Row = KvCache.PagePositions;
        int lanes = Vector<float>.Count;
        var scale = new Vector<float>((float)(1 / Math.Sqrt(config.HeadWidth)));
        for (int p = first / Row; p * Row < scores.Length; p++)
        {
            ref float keys = ref pages[p][keysAt];
            var here = scores.Slice(p * Row, Math.Min(Row, scores.Length - p * Row));
            ref float to = ref here[0];
            int s = 0;
            for (; s + 4 * lanes <= here.Length; s += 4 * lanes)
            {
                Vector<float> a0 = default, a1 = default, a2 = default, a3 = default;
                nuint at = (nuint)s;
                foreach (float value in query)
                {
                    var q = new Vector<float>(value);
                    a0 = Vector.FusedMultiplyAdd(q, Vector.LoadUnsafe(ref keys, at), a0);
                    a1 = Vector.FusedMultiplyAdd(q, Vector.LoadUnsafe(ref keys, at + (nuint)lanes), a1);
                    a2 = Vector.FusedMultiplyAdd(q, Vector.LoadUnsafe(ref keys, at + (nuint)(2 * lanes)), a2);
                    a3 = Vector.FusedMultiplyAdd(q, Vector.LoadUnsafe(ref keys, at + (nuint)(3 * lanes)), a3);
                    at += Row;
                }
                (a0 * scale).StoreUnsafe(ref to, (nuint)s);
                (a1 * scale).StoreUnsafe(ref to, (nuint)(s + lanes));
                (a2 * scale).StoreUnsafe(ref to, (nuint)(s + 2 * lanes));
                (a3 * scale).StoreUnsafe(ref to, (nuint)(s + 3 * lanes));
            }
            for (; s < here.Length; s += lanes)
            {
                Vector<float> a = default;
                nuint at = (nuint)s;
                foreach (float value in query)
                {
                    a = Vector.FusedMultiplyAdd(new(value), Vector.LoadUnsafe(ref keys, at), a);
                    at += Row;
                }
                (a * scale).StoreUnsafe(ref to, (nuint)s);
            }
        }
    }

    /// <summary>Scores become exp(score - largest); returns their sum.</summary>
    /// <param name="scores">A multiple of the vector's length, minus infinity where nothing is seen.</param>
    static float Exponentials(Span<float> scores)
    {
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(scores);
        var most = vectors[0];
        foreach (var v in vectors) most = Vector.Max(most, v);
        float top = most[0];
        for (int i = 1; i < Vector<float>.Count; i++) top = Math.Max(top, most[i]);
        var shift = new Vector<float>(top);
        Vector<float> sum = default;
        foreach (ref var v in vectors)
        {
            v = Vector.Exp(v - shift);
            sum += v;
        }
        return Vector.Sum(sum);
    }

    /// <summary>The sum of the values by their weights, in the order of positions.</summary>
    /// <param name="weights">Of the positions.</param>
    /// <param name="first">The first position that counts.</param>
    /// <param name="pages">Of the sequence.</param>
    /// <param name="valuesAt">Where in a page the values are.</param>
    /// <param name="scale">What the sum is multiplied by.</param>
    /// <param name="result">(D).</param>
    static void Sum(ReadOnlySpan<float> weights, int first, KvCache.Pages pages, int valuesAt, float scale, Span<float> result)
    {
        const int Row = KvCache.PagePositions;
        int d = result.Length, lanes = Vector<float>.Count, at = 0;
        ref float to = ref result[0];
        for (; at + 4 * lanes <= d; at += 4 * lanes)
        {
            Vector<float> a0 = default, a1 = default, a2 = default, a3 = default;
            for (int p = first / Row; p * Row < weights.Length; p++)
            {
                ref float values = ref pages[p][valuesAt];
                int from = Math.Max(first, p * Row), end = Math.Min(weights.Length, (p + 1) * Row);
                nuint v = (nuint)((from - p * Row) * d + at);
                foreach (float w in weights[from..end])
                {
                    var weight = new Vector<float>(w);
                    a0 = Vector.FusedMultiplyAdd(weight, Vector.LoadUnsafe(ref values, v), a0);
                    a1 = Vector.FusedMultiplyAdd(weight, Vector.LoadUnsafe(ref values, v + (nuint)lanes), a1);
                    a2 = Vector.FusedMultiplyAdd(weight, Vector.LoadUnsafe(ref values, v + (nuint)(2 * lanes)), a2);
                    a3 = Vector.FusedMultiplyAdd(weight, Vector.LoadUnsafe(ref values, v + (nuint)(3 * lanes)), a3);
                    v += (nuint)d;
                }
            }
            (a0 * scale).StoreUnsafe(ref to, (nuint)at);
            (a1 * scale).StoreUnsafe(ref to, (nuint)(at + lanes));
            (a2 * scale).StoreUnsafe(ref to, (nuint)(at + 2 * lanes));
            (a3 * scale).StoreUnsafe(ref to, (nuint)(at + 3 * lanes));
        }
        for (; at + lanes <= d; at += lanes)
        {
            Vector<float> a = default;
            for (int s = first; s < weights.Length; s++) a = Vector.FusedMultiplyAdd(new(weights[s]), Vector.LoadUnsafe(ref pages[s / Row][valuesAt + s % Row * d + at]), a);
            (a * scale).StoreUnsafe(ref to, (nuint)at);
        }
        for (; at < d; at++)
        {
            float sum = 0;
            for (int s = first; s < weights.Length; s++) sum += weights[s] * pages[s / Row][valuesAt + s % Row * d + at];
            result[at] = sum * scale;
        }
    }
}
