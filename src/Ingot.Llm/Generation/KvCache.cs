using Ingot.Llm.Models;

namespace Ingot.Llm.Generation;

/// <summary>
/// The keys and values of positions that were computed, in pages that sequences take as they grow and give back when they end. A page holds
/// <see cref="PagePositions"/> positions of all layers.
/// </summary>
public sealed class KvCache(DecoderConfig config)
{
    /// <summary>Positions in a page.</summary>
    public const int PagePositions = 64;

    readonly Stack<float[]> free = [];
    readonly int plane = PagePositions * config.HeadWidth; // the keys, or the values, of a head in a page

    /// <summary>Bytes of the pages in use.</summary>
    public long BytesInUse => PagesInUse * (long)PageLength * sizeof(float);

    /// <summary>Pages that sequences hold.</summary>
    public int PagesInUse { get; private set; }

    /// <summary>Floats in a page, which has for each layer and head a plane of keys and one of values: (D, PagePositions), and (PagePositions, D).</summary>
    int PageLength => checked(2 * config.Layers * config.KeyHeads * plane);

    /// <summary>Where in a page the keys of a head are; its values follow.</summary>
    internal int KeysAt(int layer, int head) => 2 * (layer * config.KeyHeads + head) * plane;

    /// <summary>Floats from keys to values.</summary>
    internal int ValuesBehindKeys => plane;

    float[] Take()
    {
        PagesInUse++;
        return free.TryPop(out var page) ? page : GC.AllocateUninitializedArray<float>(PageLength, pinned: true);
    }

    /// <summary>The pages of one sequence.</summary>
    internal sealed class Pages(KvCache cache)
    {
        readonly List<float[]> pages = [];

        public float[] this[int page] => pages[page];

        /// <summary>Makes room for this many positions.</summary>
        public void Reserve(int positions)
        {
            while (pages.Count * PagePositions < positions) pages.Add(cache.Take());
        }

        /// <summary>Becomes a copy of the first positions of another sequence's pages.</summary>
        public void CopyOf(Pages other, int positions)
        {
            Reserve(positions);
            for (int i = 0; i < pages.Count; i++) other.pages[i].CopyTo(pages[i], 0);
        }

        /// <summary>Gives pages back that hold positions from this one on only.</summary>
        public void Trim(int positions)
        {
            int keep = (positions + PagePositions - 1) / PagePositions;
            for (int i = pages.Count - 1; i >= keep; i--)
            {
                cache.free.Push(pages[i]);
                cache.PagesInUse--;
                pages.RemoveAt(i);
            }
        }
    }
}
