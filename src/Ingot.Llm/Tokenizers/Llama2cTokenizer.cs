using System.Text;

namespace Ingot.Llm.Tokenizers;

/// <summary>SentencePiece's BPE as llama2.c stores and runs it: a score for each token, the best-scoring neighbours merged first, bytes for what is not in the vocabulary.</summary>
/// <remarks>Format: int32 longest token; then for each token float32 score, int32 length, bytes. Ids 0 to 2 are unknown, begin, end; 3 to 258 the bytes.</remarks>
public sealed class Llama2cTokenizer : ITokenizer
{
    public const int Begin = 1, End = 2;
    const int FirstByte = 3;

    readonly byte[][] tokens;
    readonly float[] scores;
    readonly Dictionary<string, int> idOf = []; // keyed by Latin-1 text of the bytes: exact, and cheap to hash

    Llama2cTokenizer(byte[][] tokens, float[] scores)
    {
        (this.tokens, this.scores) = (tokens, scores);
        for (int i = 0; i < tokens.Length; i++) idOf.TryAdd(Encoding.Latin1.GetString(tokens[i]), i);
    }

    public int VocabularySize => tokens.Length;

    /// <exception cref="FormatException">The file is missing, truncated or too long for the vocabulary.</exception>
    public static Llama2cTokenizer Load(string path, int vocabularySize)
    {
        try
        {
            using var reader = new BinaryReader(File.OpenRead(path));
            int longest = reader.ReadInt32();
            var tokens = new byte[vocabularySize][];
            var scores = new float[vocabularySize];
            for (int i = 0; i < vocabularySize; i++)
            {
                scores[i] = reader.ReadSingle();
                int length = reader.ReadInt32();
                if (length < 0 || length > longest || length > reader.BaseStream.Length) throw new FormatException($"{path} is not a llama2.c tokenizer: token {i} claims {length} bytes, the longest has {longest}");
                tokens[i] = reader.ReadBytes(length);
                if (tokens[i].Length != length) throw new EndOfStreamException();
            }
            return reader.BaseStream.Position == reader.BaseStream.Length ? new(tokens, scores)
                : throw new FormatException($"{path} has more than {vocabularySize} tokens; it belongs to another model");
        }
        catch (EndOfStreamException e) { throw new FormatException($"{path} ends before its {vocabularySize} tokens; it is truncated or belongs to another model", e); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw new FormatException($"cannot read {path}: {e.Message}", e); }
    }

    /// <summary>Begin, then the tokens of the text with a space put before it, as SentencePiece does.</summary>
    public int[] Encode(string text)
    {
        List<int> result = [Begin];
        if (text.Length == 0) return [.. result];
        if (idOf.TryGetValue(" ", out int space)) result.Add(space);
        foreach (var rune in text.EnumerateRunes())
        {
            var utf8 = new byte[rune.Utf8SequenceLength];
            rune.EncodeToUtf8(utf8);
            if (idOf.TryGetValue(Encoding.Latin1.GetString(utf8), out int id)) result.Add(id);
            else foreach (byte b in utf8) result.Add(b + FirstByte);
        }
        Merge(result);
        return [.. result];
    }

    /// <summary>Merges the neighbours whose union scores best, the leftmost among equals, until none is left.</summary>
    void Merge(List<int> list)
    {
        // The scores of all neighbouring pairs are kept beside the list, so that one merge looks up two pairs, not all of them.
        var pairs = new List<(float Score, int Id)>(list.Count);
        for (int i = 0; i + 1 < list.Count; i++) pairs.Add(Union(list[i], list[i + 1]));
        while (true)
        {
            int best = -1;
            for (int i = 0; i < pairs.Count; i++)
                if (pairs[i].Id >= 0 && (best < 0 || pairs[i].Score > pairs[best].Score)) best = i;
            if (best < 0) return;
            list[best] = pairs[best].Id;
            list.RemoveAt(best + 1);
            pairs.RemoveAt(best);
            if (best > 0) pairs[best - 1] = Union(list[best - 1], list[best]);
            if (best < pairs.Count) pairs[best] = Union(list[best], list[best + 1]);
        }
    }

    (float, int) Union(int left, int right) =>
        idOf.TryGetValue(Encoding.Latin1.GetString(tokens[left]) + Encoding.Latin1.GetString(tokens[right]), out int id) ? (scores[id], id) : (0, -1);

    /// <summary>The text; tokens for bytes become those bytes, and Begin takes the space after it away.</summary>
    public string Decode(ReadOnlySpan<int> ids)
    {
        var bytes = new List<byte>();
        for (int i = 0; i < ids.Length; i++) bytes.AddRange(Piece(i == 0 ? 0 : ids[i - 1], ids[i]));
        return Encoding.UTF8.GetString([.. bytes]);
    }

    ReadOnlySpan<byte> Piece(int previous, int id)
    {
        if (id < 0 || id >= tokens.Length) throw new IngotException($"token {id} is not in a vocabulary of {tokens.Length}");
        if (id is Begin or End) return [];
        if (id is >= FirstByte and < FirstByte + 256) return new byte[] { (byte)(id - FirstByte) };
        var piece = tokens[id].AsSpan();
        return previous == Begin && piece.StartsWith(" "u8) ? piece[1..] : piece;
    }
}
