using Ingot.Llm.Tokenizers.Models;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers.Files;

/// <summary>Gathers tokens with their ids, in any order and with gaps, as files have them.</summary>
sealed class VocabularyBuilder
{
    readonly List<(int Id, byte[] Text)> tokens = [];

    public int Count => tokens.Count;

    public void Add(int id, byte[] text)
    {
        if (id < 0) throw new FormatException($"the token '{Utf8.Text(text)}' has the id {id}");
        tokens.Add((id, text));
    }

    /// <summary>The texts by id.</summary>
    public byte[]?[] ById()
    {
        int last = -1;
        foreach (var (id, text) in tokens)
        {
            if (id > 2L * tokens.Count + 500_000) throw new FormatException($"the token '{Utf8.Text(text)}' has the id {id}, in a vocabulary of {tokens.Count} tokens");
            last = Math.Max(last, id);
        }
        var byId = new byte[]?[last + 1];
        foreach (var (id, text) in tokens) byId[id] = text;
        return byId;
    }

    /// <summary>The merges of pairs of ids: a and b make ab, less the prefix of continuations.</summary>
    /// <param name="merges">In their order.</param>
    /// <param name="texts">The vocabulary.</param>
    /// <param name="prefix">What right ones begin with that their union lacks.</param>
    public static PairTable Pairs(IReadOnlyList<(int Left, int Right)> merges, TokenTable texts, string prefix)
    {
        var pairs = new PairTable(merges.Count);
        int skipped = Utf8.Bytes(prefix).Length;
        for (int rank = 0; rank < merges.Count; rank++)
        {
            var (left, right) = merges[rank];
            if (texts[right].Length < skipped) throw new FormatException($"merge {rank} has a right side, '{Utf8.Text(texts[right])}', without the prefix '{prefix}'");
            pairs.Set(left, right, new(rank, Find([.. texts[left], .. texts[right][skipped..]], texts, rank)));
        }
        return pairs;
    }

    public static List<(int Left, int Right)> Ids(IEnumerable<(byte[] Left, byte[] Right)> merges, TokenTable texts) =>
        [.. merges.Select((m, rank) => (Find(m.Left, texts, rank), Find(m.Right, texts, rank)))];

    /// <summary>The id of a token that a merge needs.</summary>
    public static int Find(byte[] token, TokenTable texts, int rank) =>
        texts.Find(token) is >= 0 and var id ? id : throw new FormatException($"merge {rank} needs the token '{Utf8.Text(token)}', which is not in the vocabulary");

    /// <summary>The two sides of a merge written with a space between them.</summary>
    public static (byte[] Left, byte[] Right) SplitMerge(ReadOnlySpan<byte> merge, int rank)
    {
        int space = merge.IndexOf((byte)' ');
        if (space <= 0 || space == merge.Length - 1 || merge[(space + 1)..].Contains((byte)' ')) throw new FormatException($"merge {rank}, '{Utf8.Text(merge)}', is not two tokens with a space between them");
        return (merge[..space].ToArray(), merge[(space + 1)..].ToArray());
    }
}
