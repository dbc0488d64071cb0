using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers.Patterns;

/// <summary>What the split patterns of the GPT family share, written out as scanners: each byte is looked at once or twice, and nothing is allocated.</summary>
/// <remarks>
/// The patterns themselves are in <see cref="SplitPatterns"/>, and a test holds each scanner to what <see cref="RegexSplitter"/> finds with the pattern.
/// </remarks>
abstract class GptSplitter : CoveringSplitter
{
    /// <summary>Kinds of ASCII characters; 0: not ASCII.</summary>
    protected const byte Letter = 1, Digit = 2, Space = 3, Newline = 4, Sign = 5;

    protected static readonly byte[] Kinds = MakeKinds();

    static byte[] MakeKinds()
    {
        var kinds = new byte[256];
        for (int c = 0; c < 128; c++)
            kinds[c] = char.IsAsciiLetter((char)c) ? Letter : char.IsAsciiDigit((char)c) ? Digit : c is '\r' or '\n' ? Newline : char.IsWhiteSpace((char)c) ? Space : Sign;
        return kinds;
    }

    /// <summary>The kind of the character at a place, and its length in bytes.</summary>
    protected static byte Kind(ReadOnlySpan<byte> text, int at, out int length)
    {
        byte kind = Kinds[text[at]];
        length = 1;
        return kind != 0 ? kind : KindOfWide(text, at, out length);
    }

    static byte KindOfWide(ReadOnlySpan<byte> text, int at, out int length)
    {
        uint c = CodePoint.Class(Utf8.Decode(text, at, out length));
        return (c & CodePoint.Letter) != 0 ? Letter : (c & CodePoint.Number) != 0 ? Digit : (c & CodePoint.White) != 0 ? Space : Sign;
    }

    /// <summary>\p{L}*, \p{N}*: past all characters of a kind.</summary>
    protected static int PastAll(ReadOnlySpan<byte> text, int at, byte kind)
    {
        while (at < text.Length && Kind(text, at, out int length) == kind) at += length;
        return at;
    }

    /// <summary>\p{N}{0,most}.</summary>
    protected static int PastDigits(ReadOnlySpan<byte> text, int at, int most)
    {
        for (; most > 0 && at < text.Length && Kind(text, at, out int length) == Digit; most--) at += length;
        return at;
    }

    /// <summary>[\r\n]*, or [\r\n/]*.</summary>
    protected static int PastNewlines(ReadOnlySpan<byte> text, int at, bool orSlashes = false)
    {
        while (at < text.Length && (text[at] is (byte)'\r' or (byte)'\n' || orSlashes && text[at] == '/')) at++;
        return at;
    }

    /// <summary>(?:'s|'t|'re|'ve|'m|'ll|'d): past it, or the same place.</summary>
    protected static int PastContraction(ReadOnlySpan<byte> text, int at, bool ignoresCase)
    {
        if (at + 1 >= text.Length || text[at] != '\'') return at;
        int fold = ignoresCase ? 0x20 : 0;
        int first = text[at + 1] | fold;
        if (first is 's' or 't' or 'm' or 'd') return at + 2;
        if (at + 2 >= text.Length) return at;
        int second = text[at + 2] | fold;
        // Case folding makes a long s (U+017F, C5 BF) an s.
        if (ignoresCase && text[at + 1] == 0xC5 && text[at + 2] == 0xBF) return at + 3;
        return (first, second) is ('r', 'e') or ('v', 'e') or ('l', 'l') ? at + 3 : at;
    }

    /// <summary>\s*[\r\n]+|\s+(?!\S)|\s+, the first of them only if asked for: whitespace with its last line break, or all of it but one character, which goes with what follows.</summary>
    protected static int PastWhite(ReadOnlySpan<byte> text, int at, bool untilLastNewline)
    {
        int start = at, last = at, newline = -1;
        while (at < text.Length)
        {
            byte kind = Kind(text, at, out int length);
            if (kind is not (Space or Newline)) break;
            last = at;
            at += length;
            if (kind == Newline) newline = at;
        }
        if (untilLastNewline && newline > 0) return newline;
        return at == text.Length || last == start ? at : last;
    }
}

/// <summary>GPT-2, r50k, p50k.</summary>
sealed class Gpt2Splitter : GptSplitter
{
    public override int End(ReadOnlySpan<byte> text, int start)
    {
        byte kind = Kind(text, start, out int length);
        if (kind == Sign && PastContraction(text, start, ignoresCase: false) is var past && past > start) return past;
        int at = start + length;
        if (text[start] == ' ' && at < text.Length && Kind(text, at, out length) is var next && next is not (Space or Newline)) (kind, at) = (next, at + length);
        else if (kind is Space or Newline) return PastWhite(text, start, untilLastNewline: false);
        return PastAll(text, at, kind);
    }
}

/// <summary>cl100k, Llama 3 (up to three digits), Qwen 2 and 3 (one digit).</summary>
/// <param name="mostDigits">In one piece.</param>
sealed class Cl100kSplitter(int mostDigits) : GptSplitter
{
    public int MostDigits => mostDigits;

    public override int End(ReadOnlySpan<byte> text, int start)
    {
        byte kind = Kind(text, start, out int length);
        int at = start + length;
        if (kind == Letter) return PastAll(text, at, Letter);
        if (kind == Digit) return PastDigits(text, at, mostDigits - 1);
        if (kind == Newline) return PastWhite(text, start, untilLastNewline: true);
        if (kind == Sign && PastContraction(text, start, ignoresCase: true) is var past && past > start) return past;
        if (at < text.Length && Kind(text, at, out length) is var next)
        {
            if (next == Letter) return PastAll(text, at + length, Letter);
            if (text[start] == ' ' && next == Sign) return PastNewlines(text, PastAll(text, at + length, Sign));
        }
        return kind == Sign ? PastNewlines(text, PastAll(text, at, Sign)) : PastWhite(text, start, untilLastNewline: true);
    }
}

/// <summary>o200k: words are cut where capitals begin anew, and contractions stay with their word.</summary>
sealed class O200kSplitter : GptSplitter
{
    // Letters that may come first in a word, and those that may follow; both have marks and the letters without case.
    const uint Upper = CodePoint.Lu | CodePoint.Lt | CodePoint.Lm | CodePoint.Lo | CodePoint.Mark, Lower = CodePoint.Ll | CodePoint.Lm | CodePoint.Lo | CodePoint.Mark;

    public override int End(ReadOnlySpan<byte> text, int start)
    {
        byte kind = Kind(text, start, out int length);
        int at = start + length;
        if (kind == Digit) return PastDigits(text, at, 2);
        if (kind == Newline) return PastWhite(text, start, untilLastNewline: true);
        int word = kind == Letter ? Word(text, start) : Word(text, at);
        if (kind != Letter && word == at)
        {
            // Nothing after the character that may stand before a word; if it is a mark it is a word itself.
            word = (CodePoint.Class(Utf8.Decode(text, start, out _)) & CodePoint.Mark) != 0 ? at : start;
        }
        else if (kind != Letter && word < 0)
        {
            // Capitals alone: the whole of them is only the second choice, and a mark that begins it would make the first.
            word = (CodePoint.Class(Utf8.Decode(text, start, out _)) & CodePoint.Mark) != 0 ? at : ~word;
        }
        else if (word < 0) word = ~word;
        if (word > start) return PastContraction(text, word, ignoresCase: true);
        if (kind == Sign) return PastNewlines(text, PastAll(text, at, Sign), orSlashes: true);
        if (text[start] == ' ' && at < text.Length && Kind(text, at, out length) == Sign) return PastNewlines(text, PastAll(text, at + length, Sign), orSlashes: true);
        return PastWhite(text, start, untilLastNewline: true);
    }

    /// <summary>Upper*Lower+, or where that does not match Upper+Lower*, as the complement of its end; the same place if neither matches.</summary>
    static int Word(ReadOnlySpan<byte> text, int start)
    {
        int at = start, afterLower = -1;
        uint c = 0;
        while (at < text.Length && ((c = Class(text, at, out int length)) & Upper) != 0)
        {
            at += length;
            if ((c & Lower) != 0) afterLower = at; // Upper* may give back all that follows the last character that is Lower too
        }
        if (at < text.Length && (c & Lower) != 0)
        {
            do at += Length(text, at); while (at < text.Length && (Class(text, at, out _) & Lower) != 0);
            return at;
        }
        return afterLower > 0 ? afterLower : at > start ? ~at : start;
    }

    static uint Class(ReadOnlySpan<byte> text, int at, out int length)
    {
        int c = text[at];
        length = 1;
        if (c < 0x80) return char.IsAsciiLetterLower((char)c) ? CodePoint.Ll : char.IsAsciiLetterUpper((char)c) ? CodePoint.Lu : CodePoint.Symbol;
        return CodePoint.Class(Utf8.Decode(text, at, out length));
    }

    static int Length(ReadOnlySpan<byte> text, int at)
    {
        Utf8.Decode(text, at, out int length);
        return length;
    }
}
