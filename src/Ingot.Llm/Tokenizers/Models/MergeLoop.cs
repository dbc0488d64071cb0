using System.Buffers;

namespace Ingot.Llm.Tokenizers.Models;

/// <summary>Says what two neighbours become.</summary>
interface IMergeRule
{
    /// <param name="left">Id of the left one; -1 if it is no token.</param>
    /// <param name="right">Id of the right one.</param>
    /// <param name="union">The bytes of both.</param>
    Merge Find(int left, int right, ReadOnlySpan<byte> union);
}

/// <summary>Byte-pair merging: of all neighbours that merge, the pair of the lowest rank does, the leftmost among equals, until none is left.</summary>
static class MergeLoop
{
    /// <summary>Up to this many symbols the best pair is looked for by going through all; from there on a heap has it.</summary>
    const int Few = 48;

    /// <summary>Merges the symbols of a text.</summary>
    /// <param name="rule">What merges.</param>
    /// <param name="text">The text's bytes.</param>
    /// <param name="starts">Where each symbol begins, and after them the end of the text; on return those of the tokens.</param>
    /// <param name="ids">Each symbol's id; on return the tokens'.</param>
    /// <param name="count">Number of symbols.</param>
    /// <returns>The number of tokens.</returns>
    public static int Run<TRule>(TRule rule, ReadOnlySpan<byte> text, Span<int> starts, Span<int> ids, int count) where TRule : IMergeRule =>
        count <= Few ? RunFew(rule, text, starts, ids, count) : RunMany(rule, text, starts, ids, count);

    static int RunFew<TRule>(TRule rule, ReadOnlySpan<byte> text, Span<int> starts, Span<int> ids, int count) where TRule : IMergeRule
    {
        Span<Merge> merges = stackalloc Merge[Few];
        for (int i = 0; i + 1 < count; i++) merges[i] = rule.Find(ids[i], ids[i + 1], text[starts[i]..starts[i + 2]]);
        while (count > 1)
        {
            int best = -1, rank = Merge.None;
            for (int i = 0; i < count - 1; i++)
                if (merges[i].Rank < rank) (best, rank) = (i, merges[i].Rank);
            if (best < 0) break;
            ids[best] = merges[best].Id;
            // Everything behind moves down by one.
            ids[(best + 2)..count].CopyTo(ids[(best + 1)..]);
            starts[(best + 2)..(count + 1)].CopyTo(starts[(best + 1)..]);
            if (best + 2 < count) merges[(best + 2)..(count - 1)].CopyTo(merges[(best + 1)..]);
            count--;
            if (best > 0) merges[best - 1] = rule.Find(ids[best - 1], ids[best], text[starts[best - 1]..starts[best + 1]]);
            if (best + 1 < count) merges[best] = rule.Find(ids[best], ids[best + 1], text[starts[best]..starts[best + 2]]);
        }
        return count;
    }

    /// <summary>n log n: symbols in a linked list, candidates in a heap, where those that a merge made void stay until they come up.</summary>
    static int RunMany<TRule>(TRule rule, ReadOnlySpan<byte> text, Span<int> starts, Span<int> ids, int count) where TRule : IMergeRule
    {
        int[] next = ArrayPool<int>.Shared.Rent(count), previous = ArrayPool<int>.Shared.Rent(count);
        var merges = ArrayPool<Merge>.Shared.Rent(count);
        var heap = new CandidateHeap(count);
        for (int i = 0; i < count; i++)
        {
            (next[i], previous[i]) = (i + 1, i - 1);
            merges[i] = i + 1 < count ? rule.Find(ids[i], ids[i + 1], text[starts[i]..starts[i + 2]]) : new(Merge.None, -1);
            if (merges[i].Rank != Merge.None) heap.Append(merges[i].Rank, i);
        }
        heap.Order();
        while (heap.TryTake(out int rank, out int at))
        {
            if (merges[at].Rank != rank) continue; // one of the two has merged with another since
            int gone = next[at], after = next[gone];
            ids[at] = merges[at].Id;
            next[at] = after;
            merges[gone] = new(Merge.None, -1);
            if (after < count) previous[after] = at;
            merges[at] = after < count ? rule.Find(ids[at], ids[after], text[starts[at]..starts[next[after]]]) : new(Merge.None, -1);
            if (merges[at].Rank != Merge.None) heap.Add(merges[at].Rank, at);
            if (previous[at] is var before && before >= 0)
            {
                merges[before] = rule.Find(ids[before], ids[at], text[starts[before]..starts[after]]);
                if (merges[before].Rank != Merge.None) heap.Add(merges[before].Rank, before);
            }
        }
        int tokens = 0;
        for (int i = 0; i < count; i = next[i])
        {
            (ids[tokens], starts[tokens]) = (ids[i], starts[i]);
            tokens++;
        }
        starts[tokens] = starts[count];
        ArrayPool<int>.Shared.Return(next);
        ArrayPool<int>.Shared.Return(previous);
        ArrayPool<Merge>.Shared.Return(merges);
        return tokens;
    }

    /// <summary>A binary heap of (rank, place), the smallest first.</summary>
    ref struct CandidateHeap(int capacity)
    {
        ulong[] items = new ulong[Math.Max(capacity, 16)];
        int count;

        /// <summary>Adds without keeping the order; <see cref="Order"/> restores it.</summary>
        public void Append(int rank, int place) => items[count++] = (ulong)(uint)rank << 32 | (uint)place;

        public readonly void Order()
        {
            for (int i = count / 2 - 1; i >= 0; i--) Sink(i, items[i]);
        }

        public void Add(int rank, int place)
        {
            if (count == items.Length) Array.Resize(ref items, 2 * count);
            ulong item = (ulong)(uint)rank << 32 | (uint)place;
            int at = count++;
            for (int parent; at > 0 && items[parent = (at - 1) / 2] > item; at = parent) items[at] = items[parent];
            items[at] = item;
        }

        public bool TryTake(out int rank, out int place)
        {
            (rank, place) = (0, 0);
            if (count == 0) return false;
            (rank, place) = ((int)(items[0] >> 32), (int)items[0]);
            if (--count > 0) Sink(0, items[count]);
            return true;
        }

        readonly void Sink(int at, ulong item)
        {
            for (int child; (child = 2 * at + 1) < count; at = child)
            {
                if (child + 1 < count && items[child + 1] < items[child]) child++;
                if (items[child] >= item) break;
                items[at] = items[child];
            }
            items[at] = item;
        }
    }
}
