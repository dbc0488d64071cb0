using Ingot.Llm.Models;
using Ingot.Runtime;

namespace Ingot.Llm.Generation;

/// <summary>
/// Attention over a <see cref="KvCache"/>, as kernels of the engine's own within its compiled step: each writes the new keys and values of its layer into the
/// pages, then lets every row look at its sequence's positions up to its own.
/// </summary>
/// <remarks>
/// A graph has shapes fixed when it is compiled, and a sequence has another length at each step. Here the length is data. What a row gets depends on its own
/// sequence alone, and is added up in the order of positions: so it is the same bits in any batch and in chunks of any size. Rows read their own keys and values
/// from the pages too, so that rounding of these is the same for all.
/// </remarks>
sealed class CachedAttention : IChunkWork
{
    /// <summary>Rows from which on keys and values are written by all threads.</summary>
    const int ManyRows = 16;

    readonly DecoderConfig config;
    readonly AttentionKernel kernel;
    readonly KvPlane[] planes; // (layers, groups)
    readonly CustomKernel[] kernels;
    readonly float scale;
    AttentionKernel.Scratch[] scratch = [];

    // The rows of the step that runs, cut into runs of a sequence's neighbouring rows, and the memory of the layer that runs.
    CachePages?[] sequences = [];
    int[] positions = [];
    (int First, int Count)[] runs = [];
    int runCount, layer;
    bool isWriting;
    Storage queries = null!, keys = null!, values = null!, output = null!; // while it runs

    public CachedAttention(DecoderConfig config, KvCache cache)
    {
        (this.config, kernel) = (config, AttentionKernel.Of(cache.Type));
        scale = (float)(1 / Math.Sqrt(config.HeadWidth));
        planes = [.. Enumerable.Range(0, config.Layers * config.KeyHeads).Select(i => cache.PlaneOf(i / config.KeyHeads, i % config.KeyHeads))];
        kernels = [.. Enumerable.Range(0, config.Layers).Select(i => new CustomKernel("attention", a => Run(i, a)))];
    }

    /// <summary>Says which sequence and position each row of the next step is; a row without a sequence is padding. A sequence's rows lie beside each other.</summary>
    public void SetRows(CachePages?[] sequences, int[] positions, int count)
    {
        (this.sequences, this.positions, runCount) = (sequences, positions, 0);
        if (runs.Length < count) runs = new (int, int)[count];
        // Rows whose queries of a group together fill a block of the kernel or two.
        int shared = config.Heads / config.KeyHeads, most = Math.Max(1, 2 * AttentionKernel.Block / shared);
        for (int row = 0; row < count; row++)
        {
            if (sequences[row] is null) continue;
            ref var last = ref runs[Math.Max(0, runCount - 1)];
            if (runCount > 0 && last.Count < most && last.First + last.Count == row && ReferenceEquals(sequences[row], sequences[last.First])) last.Count++;
            else runs[runCount++] = (row, 1);
        }
    }

    /// <summary>The attention of a layer for rows (1, N, heads, D).</summary>
    public Tensor Attend(int layer, Tensor queries, Tensor keys, Tensor values) => Tensor.Custom(kernels[layer], queries.Shape.Span, DType.F32, queries, keys, values);

    /// <summary>Positions that a position of a layer sees.</summary>
    int? WindowOf(int layer) => config.WindowOf(layer);

    void Run(int at, CustomArguments arguments)
    {
        layer = at;
        (queries, keys, values, output) = (arguments.InputMemory(0), arguments.InputMemory(1), arguments.InputMemory(2), arguments.OutputMemory);
        if (scratch.Length < WorkerPool.Threads) scratch = [.. Enumerable.Range(0, WorkerPool.Threads).Select(_ => new AttentionKernel.Scratch())];
        int groups = config.KeyHeads;
        isWriting = true;
        if (arguments.OutputShape[1] >= ManyRows && groups > 1) WorkerPool.Run(this, groups, scratch.Length);
        else
            for (int g = 0; g < groups; g++) Write(g);
        isWriting = false;
        WorkerPool.Run(this, runCount * groups, scratch.Length);
    }

    void IChunkWork.Run(int chunk, int worker)
    {
        if (isWriting) Write(chunk);
        else Attend(runs[chunk / config.KeyHeads], chunk % config.KeyHeads, scratch[worker]);
    }

    /// <summary>Keeps the keys and values of a group.</summary>
    void Write(int group)
    {
        int d = config.HeadWidth, groups = config.KeyHeads;
        var plane = planes[layer * groups + group];
        ReadOnlySpan<float> newKeys = keys.Span<float>(), newValues = values.Span<float>();
        for (int r = 0; r < runCount; r++)
            for (int row = runs[r].First; row < runs[r].First + runs[r].Count; row++)
                kernel.Keep(newKeys.Slice((row * groups + group) * d, d), newValues.Slice((row * groups + group) * d, d), sequences[row]![positions[row] / KvCache.PagePositions], plane, positions[row] % KvCache.PagePositions);
    }

    /// <summary>The query heads of a group, of neighbouring rows of a sequence.</summary>
    void Attend((int First, int Count) run, int group, AttentionKernel.Scratch mine)
    {
        int d = config.HeadWidth, heads = config.Heads, shared = heads / config.KeyHeads;
        var (pages, plane) = (sequences[run.First]!, planes[layer * config.KeyHeads + group]);
        Span<(int First, int Last)> seen = stackalloc (int, int)[AttentionKernel.Block];
        int? window = WindowOf(layer);
        // A block is of one row's heads, or where a row has one head in the group, of several rows'.
        bool acrossRows = shared == 1;
        int outer = acrossRows ? 1 : run.Count, inner = acrossRows ? run.Count : shared, stride = acrossRows ? heads * d : d;
        for (int o = 0; o < outer; o++)
            for (int i = 0; i < inner; i += AttentionKernel.Block)
            {
                int count = Math.Min(AttentionKernel.Block, inner - i), first = acrossRows ? run.First + i : run.First + o;
                for (int q = 0; q < count; q++)
                {
                    int last = positions[acrossRows ? first + q : first];
                    seen[q] = (window is { } w ? Math.Max(0, last - w + 1) : 0, last);
                }
                int at = (first * heads + group * shared + (acrossRows ? 0 : i)) * d;
                kernel.Attend(queries.Span<float>()[at..], stride, seen[..count], pages, plane, scale, output.Span<float>()[at..], mine);
            }
    }
}
