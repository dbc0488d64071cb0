using System.Buffers;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers.Models;

/// <summary>SentencePiece's unigram model: of all ways to cover a piece with tokens the one whose scores (log-probabilities) sum to the most.</summary>
sealed class UnigramModel : TokenModel
{
    /// <summary>An unknown character costs this much more than the least likely token.</summary>
    const double UnknownPenalty = 10;

    readonly double[] scores;
    readonly int unknown;
    readonly int[]? byteFallback;
    readonly double unknownScore;
    readonly ByteTrie trie = new();

    /// <param name="texts">The vocabulary.</param>
    /// <param name="scores">By id.</param>
    /// <param name="unknown">The token for what nothing covers.</param>
    /// <param name="hasByteFallback">What nothing covers becomes bytes instead.</param>
    /// <param name="isFindable">Ids whose text is looked for; null: all.</param>
    /// <param name="lowest">The score that an unknown character is measured from; null: the lowest of all.</param>
    public UnigramModel(TokenTable texts, double[] scores, int unknown, bool hasByteFallback, Func<int, bool>? isFindable = null, double? lowest = null) : base(texts)
    {
        (this.scores, this.unknown, HasByteFallback) = (scores, unknown, hasByteFallback);
        unknownScore = (lowest ?? scores.Min()) - UnknownPenalty;
        if (hasByteFallback) byteFallback = ByteTokens(texts);
        for (int id = 0; id < texts.Count; id++)
            if (texts[id].Length > 0 && texts.Find(texts[id]) == id && isFindable?.Invoke(id) != false) trie.Add(texts[id], id);
    }

    public override string Kind => "Unigram";

    /// <summary>By id.</summary>
    public IReadOnlyList<double> Scores => scores;

    /// <summary>-1: there is none.</summary>
    public int Unknown => unknown;

    public bool HasByteFallback { get; }

    /// <param name="Score">Of the best way to cover everything up to here.</param>
    /// <param name="Start">Where the last token of that way begins; -1: nothing ends here.</param>
    /// <param name="Id">The last token.</param>
    readonly record struct Best(double Score, int Start, int Id);

    public override void Encode(ReadOnlySpan<byte> piece, List<int> ids)
    {
        if (piece.IsEmpty) return;
        var best = ArrayPool<Best>.Shared.Rent(piece.Length + 1);
        Array.Fill(best, new(0, -1, -1), 0, piece.Length + 1);
        for (int start = 0; start < piece.Length;)
        {
            Utf8.Decode(piece, start, out int length);
            double sofar = best[start].Score;
            bool coversCharacter = false;
            int node = ByteTrie.Root;
            for (int at = start; at < piece.Length && (node = trie.Child(node, piece[at])) > 0; at++)
            {
                if (trie.Value(node) is not (>= 0 and var id)) continue;
                Offer(at + 1, new(sofar + scores[id], start, id));
                coversCharacter |= at + 1 == start + length;
            }
            if (!coversCharacter) Offer(start + length, new(sofar + unknownScore, start, unknown));
            start += length;
        }
        Collect(piece, best, ids);
        ArrayPool<Best>.Shared.Return(best);

        void Offer(int end, Best offer)
        {
            if (best[end].Start < 0 || offer.Score > best[end].Score) best[end] = offer;
        }
    }

    void Collect(ReadOnlySpan<byte> piece, Best[] best, List<int> ids)
    {
        int first = ids.Count;
        for (int end = piece.Length; end > 0;)
        {
            int start = best[end].Start, id = best[end].Id;
            if (id != unknown) ids.Add(id);
            else
            {
                // Unknown neighbours are one; a way to write them all the same may be in the vocabulary.
                while (start > 0 && best[start].Id == unknown) start = best[start].Start;
                if (Texts.Find(piece[start..end]) is var known && known >= 0) ids.Add(known);
                else if (byteFallback is not null) for (int i = end - 1; i >= start; i--) ids.Add(byteFallback[piece[i]]);
                else if (unknown >= 0) ids.Add(unknown);
                else throw new IngotException($"'{Utf8.Text(piece[start..end])}' is not in the vocabulary, and the tokenizer has no token for what is not");
            }
            end = start;
        }
        ids.Reverse(first, ids.Count - first);
    }
}
