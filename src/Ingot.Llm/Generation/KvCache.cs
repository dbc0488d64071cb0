using Ingot.Llm.Models;
using Ingot.Runtime;

namespace Ingot.Llm.Generation;

/// <summary>
/// The keys and values of positions that were computed, in pages that sequences take as they grow and give back when they end. A page holds
/// <see cref="PagePositions"/> positions of all layers; sequences that begin alike share pages. Not for several threads at once.
/// </summary>
public sealed class KvCache
{
    /// <summary>Positions in a page.</summary>
    public const int PagePositions = 64;

    readonly Stack<KvPage> free = [];
    readonly int layers, heads, width;

    /// <param name="config">Of the model.</param>
    /// <param name="type">How keys and values are kept.</param>
    public KvCache(DecoderConfig config, CacheType type = CacheType.F32)
    {
        (layers, heads, width, Type) = (config.Layers, config.KeyHeads, config.HeadWidth, type);
        long elements = (long)PagePositions * width;
        PlaneBytes = type switch { CacheType.F32 => 4 * elements, CacheType.BF16 => 2 * elements, _ => elements + PagePositions * sizeof(float) };
        PageBytes = checked((int)(2 * layers * heads * PlaneBytes));
    }

    public CacheType Type { get; }

    /// <summary>Bytes of a page, which has for each layer and head a plane of keys, (D, positions), and one of values, (positions, D); of int8 each is followed by its scales, one a position.</summary>
    public int PageBytes { get; }

    /// <summary>Bytes of a head's keys, or its values, in a page.</summary>
    long PlaneBytes { get; }

    /// <summary>Bytes of the pages in use.</summary>
    public long BytesInUse => PagesInUse * (long)PageBytes;

    /// <summary>Pages that nobody holds, kept for those to come.</summary>
    public int PagesFree => free.Count;

    /// <summary>Pages that sequences and the prefix cache hold, each counted once.</summary>
    public int PagesInUse { get; private set; }

    /// <summary>Where a head is in a page.</summary>
    internal KvPlane PlaneOf(int layer, int head)
    {
        long bytes = 2 * ((long)layer * heads + head) * PlaneBytes, elements = (long)PagePositions * width;
        int size = Type switch { CacheType.F32 => 4, CacheType.BF16 => 2, _ => 1 };
        return new(width, bytes / size, (bytes + PlaneBytes) / size, (bytes + elements) / sizeof(float), (bytes + PlaneBytes + elements) / sizeof(float));
    }

    /// <summary>A page with one holder.</summary>
    internal KvPage Take()
    {
        PagesInUse++;
        if (!free.TryPop(out var page)) page = new(Storage.Allocate(PageBytes));
        page.Holders = 1;
        return page;
    }

    /// <summary>Takes note that a holder is gone.</summary>
    internal void Release(KvPage page)
    {
        if (--page.Holders > 0) return;
        PagesInUse--;
        free.Push(page);
    }

    /// <summary>Gives the memory of pages that nobody holds back to the pool of buffers.</summary>
    public void Trim() => free.Clear();
}

/// <summary>A page of a <see cref="KvCache"/>.</summary>
sealed class KvPage(Storage memory)
{
    public Storage Memory { get; } = memory;

    /// <summary>Sequences, entries of the prefix cache and writes to the disk that hold it; more than one: nobody writes to it.</summary>
    public int Holders { get; set; }
}

/// <summary>Where a layer's head is in a page, in elements of the page's type; scales in floats.</summary>
/// <param name="Width">D.</param>
/// <param name="Keys">(D, positions).</param>
/// <param name="Values">(positions, D).</param>
/// <param name="KeyScales">(positions), of int8.</param>
/// <param name="ValueScales">(positions), of int8.</param>
readonly record struct KvPlane(int Width, long Keys, long Values, long KeyScales, long ValueScales);

/// <summary>The pages of one sequence.</summary>
sealed class CachePages(KvCache cache)
{
    readonly List<KvPage> pages = [];

    public Storage this[int page] => pages[page].Memory;

    public int Count => pages.Count;

    internal KvPage Page(int page) => pages[page];

    /// <summary>Makes room in the list for the pages of so many positions.</summary>
    public void EnsureCapacity(int positions) => pages.EnsureCapacity(positions / KvCache.PagePositions + 1);

    /// <summary>Makes room for positions from one to before another, in pages of this sequence's own.</summary>
    public void Reserve(int from, int end)
    {
        while (pages.Count * KvCache.PagePositions < end) pages.Add(cache.Take());
        for (int i = from / KvCache.PagePositions; i * KvCache.PagePositions < end; i++)
        {
            if (pages[i].Holders == 1) continue;
            var own = cache.Take();
            pages[i].Memory.CopyTo(own.Memory, own.Memory.Bytes);
            cache.Release(pages[i]);
            pages[i] = own;
        }
    }

    /// <summary>Takes a page that somebody else has filled as the next.</summary>
    public void Share(KvPage page)
    {
        page.Holders++;
        pages.Add(page);
    }

    /// <summary>Takes a page that holds the same as the one there.</summary>
    public void Replace(int at, KvPage page)
    {
        page.Holders++;
        cache.Release(pages[at]);
        pages[at] = page;
    }

    /// <summary>Shares the first positions of another sequence; to one without pages.</summary>
    public void Share(CachePages other, int positions)
    {
        for (int i = 0; i * KvCache.PagePositions < positions; i++) Share(other.pages[i]);
    }

    /// <summary>Gives pages back that hold positions from this one on only.</summary>
    public void Trim(int positions)
    {
        int keep = (positions + KvCache.PagePositions - 1) / KvCache.PagePositions;
        for (int i = pages.Count - 1; i >= keep; i--)
        {
            cache.Release(pages[i]);
            pages.RemoveAt(i);
        }
    }
}
