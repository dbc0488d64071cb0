using System.Text;

namespace Ingot.Llm.Corpus.World;

/// <summary>Stories by the megabyte: the same bytes for the same world, seed and split, whatever the number of threads.</summary>
public static class WorldStories
{
    /// <summary>Stories are made in pieces of this size, each from a seed of its own; the pieces follow one another.</summary>
    const int PieceBytes = 1 << 20;

    /// <summary>Writes whole stories, with a blank line between them, until there are at least <paramref name="bytes"/> bytes.</summary>
    /// <returns>Bytes written, and the entropy of the derivations in bits: an upper bound on the text's.</returns>
    /// <remarks>Each started MiB may end up to a story later. A longer corpus begins with the shorter one.</remarks>
    public static (long Bytes, double Bits) Write(Stream to, WorldDefinition world, ulong seed, long bytes, Split split = Split.Train, int threads = 0, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1);
        if (threads <= 0) threads = Environment.ProcessorCount;
        var tellers = Enumerable.Range(0, threads).Select(_ => new StoryTeller(world, split)).ToArray();
        var results = new (ReadOnlyMemory<byte> Text, double Bits)[threads];
        long written = 0;
        double bits = 0;
        // What a piece must hold follows from its number alone, not from what the ones before it came to: the number of threads must not matter.
        int pieces = checked((int)((bytes + PieceBytes - 1) / PieceBytes));
        for (int first = 0; first < pieces; first += threads)
        {
            cancel.ThrowIfCancellationRequested();
            int count = Math.Min(threads, pieces - first), from = first;
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = threads }, i =>
                results[i] = Piece(tellers[i], seed, from + i, (int)Math.Min(PieceBytes, bytes - (long)(from + i) * PieceBytes)));
            for (int i = 0; i < count; i++)
            {
                to.Write(results[i].Text.Span);
                written += results[i].Text.Length;
                bits += results[i].Bits;
            }
        }
        return (written, bits);
    }

    /// <summary>The same as a string.</summary>
    public static string Generate(WorldDefinition world, ulong seed, long bytes, Split split = Split.Train)
    {
        using var stream = new MemoryStream();
        Write(stream, world, seed, bytes, split);
        return Encoding.UTF8.GetString(stream.GetBuffer().AsSpan(0, (int)stream.Length));
    }

    /// <summary>Single stories with their topics.</summary>
    public static IEnumerable<StoryRecord> Each(WorldDefinition world, ulong seed, int count, Split split = Split.Train)
    {
        var teller = new StoryTeller(world, split);
        for (int i = 0; i < count; i++) yield return teller.TellOne(new(Seed(seed ^ 0x0E5E, 0, i)));
    }

    static (ReadOnlyMemory<byte>, double) Piece(StoryTeller teller, ulong seed, int piece, int bytes)
    {
        teller.Clear();
        for (int story = 0; teller.Bytes.Length < bytes; story++) teller.Tell(new(Seed(seed, piece, story)), separated: true);
        return (teller.Bytes.ToArray(), teller.Bits);
    }

    /// <summary>A stream a story; the odd constants keep neighbouring seeds, pieces and stories apart.</summary>
    static ulong Seed(ulong seed, int piece, int story) => (seed * 0xD1342543DE82EF95 + (ulong)piece) * 0xAF251AF3B0F025B5 + (ulong)story * 0x9FB21C651E98DF25;
}
