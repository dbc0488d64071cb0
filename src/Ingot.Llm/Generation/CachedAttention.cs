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
            int inPage = positions[row] % KvCache.PagePositions * d;
            for (int g = 0; g < groups; g++)
            {
                int to = cache.KeysAt(layer, g) + inPage, from = (row * groups + g) * d;
                keys.Slice(from, d).CopyTo(page.AsSpan(to));
                values.Slice(from, d).CopyTo(page.AsSpan(to + cache.ValuesBehindKeys));
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
        int last = positions[row], first = config.Window is { } window ? Math.Max(0, last - window + 1) : 0;
        int length = (last + Vector<float>.Count) / Vector<float>.Count * Vector<float>.Count;
        if (scratch[worker] is not { } scores || scores.Length < length) scores = scratch[worker] = new float[BitOperations.RoundUpToPowerOf2((uint)length)];
        for (int h = 0; h < shared; h++)
        {
            int at = (row * config.Heads + group * shared + h) * d;
            var result = output.AsSpan(at, d);
            result.Clear();
            var used = scores.AsSpan(0, length);
            used[..first].Fill(float.NegativeInfinity);
            used[(last + 1)..].Fill(float.NegativeInfinity);
            Score(queries.AsSpan(at, d), pages, cache.KeysAt(layer, group), first, used[..(last + 1)]);
            float sum = Exponentials(used);
            Sum(used[..(last + 1)], first, pages, cache.KeysAt(layer, group) + cache.ValuesBehindKeys, 1 / sum, result);
        }
    }

    void Score(ReadOnlySpan<float> query, KvCache.Pages pages, int keysAt, int first, Span<float> scores)
    {
        float scale = (float)(1 / Math.Sqrt(config.HeadWidth));
        for (int s = first; s < scores.Length; s++)
            scores[s] = scale * Dot(query, pages[s / KvCache.PagePositions].AsSpan(keysAt + s % KvCache.PagePositions * query.Length, query.Length));
    }

    static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        ReadOnlySpan<Vector<float>> x = MemoryMarshal.Cast<float, Vector<float>>(a), y = MemoryMarshal.Cast<float, Vector<float>>(b);
        Vector<float> even = default, odd = default;
        int i = 0;
        for (; i + 1 < x.Length; i += 2)
        {
            even = Vector.FusedMultiplyAdd(x[i], y[i], even);
            odd = Vector.FusedMultiplyAdd(x[i + 1], y[i + 1], odd);
        }
        if (i < x.Length) even = Vector.FusedMultiplyAdd(x[i], y[i], even);
        float sum = Vector.Sum(even + odd);
        for (int rest = x.Length * Vector<float>.Count; rest < a.Length; rest++) sum += a[rest] * b[rest];
        return sum;
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

    static void Sum(ReadOnlySpan<float> weights, int first, KvCache.Pages pages, int valuesAt, float scale, Span<float> result)
    {
        int d = result.Length, lanes = Vector<float>.Count, at = 0;
        for (; at + 4 * lanes <= d; at += 4 * lanes)
        {
            Vector<float> a0 = default, a1 = default, a2 = default, a3 = default;
            for (int s = first; s < weights.Length; s++)
            {
                var value = pages[s / KvCache.PagePositions].AsSpan(valuesAt + s % KvCache.PagePositions * d + at, 4 * lanes);
                var weight = new Vector<float>(weights[s]);
                a0 = Vector.FusedMultiplyAdd(weight, new(value), a0);
                a1 = Vector.FusedMultiplyAdd(weight, new(value[lanes..]), a1);
                a2 = Vector.FusedMultiplyAdd(weight, new(value[(2 * lanes)..]), a2);
                a3 = Vector.FusedMultiplyAdd(weight, new(value[(3 * lanes)..]), a3);
            }
            var block = result.Slice(at, 4 * lanes);
            (a0 * scale).CopyTo(block);
            (a1 * scale).CopyTo(block[lanes..]);
            (a2 * scale).CopyTo(block[(2 * lanes)..]);
            (a3 * scale).CopyTo(block[(3 * lanes)..]);
        }
        for (int s = first; s < weights.Length; s++)
        {
            var value = pages[s / KvCache.PagePositions].AsSpan(valuesAt + s % KvCache.PagePositions * d, d);
            for (int i = at; i < d; i++) result[i] += weights[s] * value[i];
        }
        for (int i = at; i < d; i++) result[i] *= scale;
    }
}
