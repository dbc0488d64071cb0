using System.Text;

namespace Ingot.Llm.Tokenizers.Unicode;

/// <summary>Reading code points from bytes that may be no UTF-8 at all.</summary>
static class Utf8
{
    /// <summary>What a byte counts as that belongs to no character: a symbol, neither letter nor digit nor space.</summary>
    public const int Invalid = 0xFFFD;

    /// <summary>The code point that begins at a place, and its length; a byte that begins none is <see cref="Invalid"/>, alone.</summary>
    public static int Decode(ReadOnlySpan<byte> text, int at, out int length)
    {
        int first = text[at];
        length = 1;
        if (first < 0x80) return first;
        if (first < 0xC2 || at + 1 >= text.Length) return Invalid;
        int second = text[at + 1];
        if ((second & 0xC0) != 0x80) return Invalid;
        if (first < 0xE0)
        {
            length = 2;
            return (first & 0x1F) << 6 | second & 0x3F;
        }
        if (at + 2 >= text.Length || (text[at + 2] & 0xC0) != 0x80) return Invalid;
        int three = (first & 0x0F) << 12 | (second & 0x3F) << 6 | text[at + 2] & 0x3F;
        if (first < 0xF0)
        {
            if (three < 0x800 || three is >= 0xD800 and < 0xE000) return Invalid;
            length = 3;
            return three;
        }
        if (first > 0xF4 || at + 3 >= text.Length || (text[at + 3] & 0xC0) != 0x80) return Invalid;
        int four = (three << 6 | text[at + 3] & 0x3F) & 0x1FFFFF;
        if (four is < 0x10000 or > 0x10FFFF) return Invalid;
        length = 4;
        return four;
    }

    /// <summary>The code point that ends before a place, and its length.</summary>
    public static int DecodeLast(ReadOnlySpan<byte> text, int end, out int length)
    {
        for (int back = 2; back <= 4 && back <= end; back++)
        {
            int c = Decode(text, end - back, out length);
            if (length == back) return c;
            if ((text[end - back] & 0xC0) != 0x80) break;
        }
        length = 1;
        return text[end - 1] < 0x80 ? text[end - 1] : Invalid;
    }

    /// <summary>UTF-8 of a text, lone surrogates as U+FFFD.</summary>
    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    /// <summary>The text of bytes, U+FFFD for what is not UTF-8.</summary>
    public static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);
}
