using System.Text;
using Ingot.Llm.Tokenizers.Files;
using Ingot.Llm.Tokenizers.Models;

namespace Ingot.Llm.Tokenizers;

/// <summary>SentencePiece's BPE as llama2.c stores and runs it: a score for each token, the best-scoring neighbours merged first, bytes for what is not in the vocabulary.</summary>
/// <remarks>Format: int32 longest token; then for each token float32 score, int32 length, bytes. Ids 0 to 2 are unknown, begin, end; 3 to 258 the bytes.</remarks>
public sealed class Llama2cTokenizer : ITokenizer
{
    public const int Begin = 1, End = 2;
    const int FirstByte = 3;

    readonly byte[][] tokens;
    readonly float[] scores;
    readonly int[] ranks; // of the scores, the best first
    readonly Dictionary<string, int> idOf = []; // keyed by Latin-1 text of the bytes: exact, and cheap to hash

    Llama2cTokenizer(byte[][] tokens, float[] scores)
    {
        (this.tokens, this.scores) = (tokens, scores);
        ranks = BpeModel.Ranks(scores);
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

    /// <summary>The same vocabulary as a tokenizer of the general kind, as Llama's.</summary>
    public Tokenizer ToTokenizer()
    {
        string TextOf(int id) => id switch
        {
            0 => "<unk>",
            Begin => "<s>",
            End => "</s>",
            < FirstByte + 256 => $"<0x{id - FirstByte:X2}>",
            _ => Encoding.UTF8.GetString(tokens[id]).Replace(' ', Normalizers.SentencePieceSpaces.Mark),
        };
        SentencePieceKind KindOf(int id) => id switch { 0 => SentencePieceKind.Unknown, Begin or End => SentencePieceKind.Control, < FirstByte + 256 => SentencePieceKind.Byte, _ => SentencePieceKind.Normal };
        return new GgufVocabulary("llama", [.. Enumerable.Range(0, tokens.Length).Select(TextOf)])
        {
            Scores = scores,
            TokenTypes = [.. Enumerable.Range(0, tokens.Length).Select(id => (int)KindOf(id))],
            BeginId = Begin,
            EndId = End,
            AddsBegin = true,
        }.ToTokenizer();
    }

    /// <summary>Begin, then the tokens of the text with a space put before it, as SentencePiece does.</summary>
    public int[] Encode(string text)
    {
        if (text.Length == 0) return [Begin];
        List<int> result = [];
        if (idOf.TryGetValue(" ", out int space)) result.Add(space);
        foreach (var rune in text.EnumerateRunes())
        {
            var utf8 = new byte[rune.Utf8SequenceLength];
            rune.EncodeToUtf8(utf8);
            if (idOf.TryGetValue(Encoding.Latin1.GetString(utf8), out int id)) result.Add(id);
            else foreach (byte b in utf8) result.Add(b + FirstByte);
        }
        // The best-scoring neighbours merge first, the leftmost among equals.
        int[] ids = [.. result];
        int count = MergeLoop.Run(new UnionRule(this), [], new int[ids.Length + 1], ids, ids.Length);
        return [Begin, .. ids.AsSpan(0, count)];
    }

    /// <summary>What two tokens become: the token of both texts, ranked by its score.</summary>
    readonly struct UnionRule(Llama2cTokenizer tokenizer) : IMergeRule
    {
        public Merge Find(int left, int right, ReadOnlySpan<byte> union) =>
            tokenizer.idOf.TryGetValue(Encoding.Latin1.GetString(tokenizer.tokens[left]) + Encoding.Latin1.GetString(tokenizer.tokens[right]), out int id) ? new(tokenizer.ranks[id], id) : new(Merge.None, -1);
    }

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
