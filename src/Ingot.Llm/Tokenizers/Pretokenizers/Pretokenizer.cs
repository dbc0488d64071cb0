using Ingot.Llm.Tokenizers.Patterns;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers.Pretokenizers;

/// <summary>A stretch of normalized text.</summary>
/// <param name="Bytes">Its UTF-8.</param>
/// <param name="IsFirst">True if the text begins with it.</param>
readonly record struct Piece(ReadOnlyMemory<byte> Bytes, bool IsFirst);

/// <summary>Cuts text into pieces that tokens do not cross. The names are those of tokenizer.json.</summary>
abstract class Pretokenizer
{
    /// <summary>Appends what a piece becomes.</summary>
    public abstract void Split(Piece piece, List<Piece> pieces);
}

sealed class SequencePretokenizer(IReadOnlyList<Pretokenizer> steps) : Pretokenizer
{
    public IReadOnlyList<Pretokenizer> Steps => steps;

    public override void Split(Piece piece, List<Piece> pieces)
    {
        List<Piece> now = [piece];
        foreach (var step in steps)
        {
            List<Piece> next = [];
            foreach (var p in now) step.Split(p, next);
            now = next;
        }
        pieces.AddRange(now);
    }
}

/// <summary>What becomes of the matches of a pattern.</summary>
enum SplitBehavior
{
    Removed,
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}

/// <summary>Cuts at the matches of a pattern.</summary>
/// <param name="splitter">Finds them.</param>
/// <param name="behavior">What becomes of them.</param>
/// <param name="isInverted">What lies between matches counts as the matches.</param>
sealed class SplitPretokenizer(Splitter splitter, SplitBehavior behavior, bool isInverted = false) : Pretokenizer
{
    public Splitter Splitter => splitter;

    /// <summary>True if the pieces are the matches and nothing but them.</summary>
    public bool IsMatches => splitter.CoversAll && (behavior == SplitBehavior.Isolated && !isInverted || behavior == SplitBehavior.Removed && isInverted);

    public override void Split(Piece piece, List<Piece> pieces)
    {
        var parts = Parts(piece.Bytes.Span);
        for (int i = 0; i < parts.Count; i++)
        {
            var (start, end, isMatch) = parts[i];
            switch (behavior)
            {
                case SplitBehavior.Removed when isMatch:
                    continue;
                case SplitBehavior.MergedWithPrevious when !isMatch && i + 1 < parts.Count && parts[i + 1].IsMatch:
                    end = parts[++i].End;
                    break;
                case SplitBehavior.MergedWithNext when isMatch && i + 1 < parts.Count && !parts[i + 1].IsMatch:
                    end = parts[++i].End;
                    break;
                case SplitBehavior.Contiguous:
                    while (i + 1 < parts.Count && parts[i + 1].IsMatch == isMatch) end = parts[++i].End;
                    break;
            }
            pieces.Add(new(piece.Bytes[start..end], piece.IsFirst && start == 0));
        }
    }

    /// <summary>The matches and what lies between them, none empty.</summary>
    List<(int Start, int End, bool IsMatch)> Parts(ReadOnlySpan<byte> text)
    {
        List<(int, int, bool)> parts = [];
        object? memory = null;
        int at = 0, from = 0;
        while (from < text.Length && splitter.NextOrEmpty(text, from, ref memory, out int start, out int end))
        {
            if (start > at) parts.Add((at, start, isInverted));
            if (end > start) parts.Add((start, end, !isInverted));
            int length = 0;
            if (end == start) Utf8.Decode(text, end, out length);
            (at, from) = (end, end + length);
        }
        if (at < text.Length) parts.Add((at, text.Length, isInverted));
        return parts;
    }
}

/// <summary>Bytes written in GPT-2's alphabet, after GPT-2's split if asked for. Before a byte-level model the writing is left out on both sides.</summary>
/// <param name="addsSpace">A space before text that begins with none.</param>
/// <param name="splits">By GPT-2's pattern.</param>
/// <param name="writesAlphabet">False where the model takes bytes.</param>
sealed class ByteLevelPretokenizer(bool addsSpace, bool splits, bool writesAlphabet) : Pretokenizer
{
    static readonly Gpt2Splitter Pattern = new();

    public bool AddsSpace => addsSpace;

    /// <summary>Null: the piece stays whole.</summary>
    public static Splitter? SplitterOf(ByteLevelPretokenizer p) => p.Splits ? Pattern : null;

    public bool Splits => splits;

    public bool WritesAlphabet => writesAlphabet;

    public override void Split(Piece piece, List<Piece> pieces)
    {
        if (addsSpace && piece.Bytes.Length > 0 && piece.Bytes.Span[0] != ' ') piece = piece with { Bytes = (byte[])[(byte)' ', .. piece.Bytes.Span] };
        for (int start = 0, end; start < piece.Bytes.Length; start = end)
        {
            end = splits ? Pattern.End(piece.Bytes.Span, start) : piece.Bytes.Length;
            var part = piece.Bytes[start..end];
            pieces.Add(new(writesAlphabet ? Utf8.Bytes(ByteAlphabet.Write(part.Span)) : part, piece.IsFirst && start == 0));
        }
    }
}

/// <summary>When a word mark is put before text.</summary>
enum PrependScheme
{
    Never,
    First,
    Always,
}

/// <summary>SentencePiece's: spaces written as a mark, one put before the text, and perhaps a cut before each.</summary>
sealed class MetaspacePretokenizer(string mark, PrependScheme prepends, bool splits) : Pretokenizer
{
    readonly byte[] mark = Utf8.Bytes(mark);
    readonly SplitPretokenizer split = new(new LiteralSplitter(Utf8.Bytes(mark)), SplitBehavior.MergedWithNext);

    public override void Split(Piece piece, List<Piece> pieces)
    {
        var text = new List<byte>(piece.Bytes.Length + mark.Length);
        foreach (byte b in piece.Bytes.Span)
        {
            if (b == ' ') text.AddRange(mark);
            else text.Add(b);
        }
        if ((prepends == PrependScheme.Always || prepends == PrependScheme.First && piece.IsFirst) && !System.Runtime.InteropServices.CollectionsMarshal.AsSpan(text).StartsWith(mark)) text.InsertRange(0, mark);
        var written = piece with { Bytes = text.ToArray() };
        if (splits) split.Split(written, pieces);
        else if (text.Count > 0) pieces.Add(written);
    }
}

/// <summary>Cuts into pieces of so many characters.</summary>
sealed class FixedLengthPretokenizer(int characters) : Pretokenizer
{
    public override void Split(Piece piece, List<Piece> pieces)
    {
        var text = piece.Bytes.Span;
        int start = 0, count = 0;
        for (int at = 0; at < text.Length;)
        {
            Utf8.Decode(text, at, out int length);
            at += length;
            if (++count < characters && at < text.Length) continue;
            pieces.Add(new(piece.Bytes[start..at], piece.IsFirst && start == 0));
            (start, count) = (at, 0);
        }
    }
}

/// <summary>Reads GPT-2's alphabet back to bytes, where something stood between its writing and a model that takes bytes.</summary>
sealed class AlphabetReader : Pretokenizer
{
    public override void Split(Piece piece, List<Piece> pieces) => pieces.Add(piece with { Bytes = ByteAlphabet.Read(piece.Bytes.Span) ?? piece.Bytes.ToArray() });
}
