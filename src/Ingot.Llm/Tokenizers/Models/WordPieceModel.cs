using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers.Models;

/// <summary>BERT's: the longest token that a word begins with, then the longest of the continuations, and so on; a word that cannot be covered so is unknown as a whole.</summary>
/// <param name="texts">The vocabulary.</param>
/// <param name="unknown">The token for words that cannot be covered.</param>
/// <param name="prefix">What tokens begin with that continue a word: ##.</param>
/// <param name="mostCharacters">Longer words are unknown.</param>
sealed class WordPieceModel(TokenTable texts, int unknown, string prefix, int mostCharacters) : TokenModel(texts)
{
    readonly byte[] prefix = Utf8.Bytes(prefix);

    public override string Kind => "WordPiece";

    public int Unknown => unknown;

    /// <summary>What tokens begin with that continue a word.</summary>
    public string Prefix => Utf8.Text(prefix);

    public int MostCharacters => mostCharacters;

    public override void Encode(ReadOnlySpan<byte> piece, List<int> ids)
    {
        int characters = 0;
        foreach (byte b in piece) if ((b & 0xC0) != 0x80) characters++;
        int before = ids.Count;
        if (characters <= mostCharacters && Cover(piece, ids)) return;
        ids.RemoveRange(before, ids.Count - before);
        ids.Add(unknown);
    }

    bool Cover(ReadOnlySpan<byte> word, List<int> ids)
    {
        var candidate = new byte[prefix.Length + word.Length];
        for (int start = 0; start < word.Length;)
        {
            int before = start > 0 ? prefix.Length : 0, end = Math.Min(word.Length, start + Texts.Longest), id = -1;
            prefix.AsSpan(0, before).CopyTo(candidate);
            word[start..end].CopyTo(candidate.AsSpan(before));
            for (; end > start; end--)
            {
                if (end < word.Length && (word[end] & 0xC0) == 0x80) continue;
                if ((id = Texts.Find(candidate.AsSpan(0, before + end - start))) >= 0) break;
            }
            if (id < 0) return false;
            ids.Add(id);
            start = end;
        }
        return true;
    }
}

/// <summary>Each piece is a token, or unknown.</summary>
/// <param name="texts">The vocabulary.</param>
/// <param name="unknown">-1: pieces that are no tokens are an error.</param>
sealed class WordLevelModel(TokenTable texts, int unknown) : TokenModel(texts)
{
    public override string Kind => "WordLevel";

    public override void Encode(ReadOnlySpan<byte> piece, List<int> ids)
    {
        int id = Texts.Find(piece);
        if (id < 0) id = unknown;
        if (id < 0) throw new IngotException($"'{Utf8.Text(piece)}' is not in the vocabulary, and the tokenizer has no token for what is not");
        ids.Add(id);
    }
}
