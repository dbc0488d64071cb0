namespace Ingot.Llm.Tokenizers.Unicode;

/// <summary>GPT-2's way to write bytes as printable characters: those that are printable in Latin-1 stand for themselves, the others are U+0100 and up in order.</summary>
static class ByteAlphabet
{
    static readonly char[] CharOf = MakeChars();
    static readonly short[] ByteOf = MakeBytes();

    static char[] MakeChars()
    {
        var chars = new char[256];
        int next = 0x100;
        for (int b = 0; b < 256; b++) chars[b] = b is >= '!' and <= '~' or >= 0xA1 and <= 0xAC or >= 0xAE ? (char)b : (char)next++;
        return chars;
    }

    static short[] MakeBytes()
    {
        var bytes = new short[0x144];
        Array.Fill<short>(bytes, -1);
        for (int b = 0; b < 256; b++) bytes[CharOf[b]] = (short)b;
        return bytes;
    }

    public static char Char(byte b) => CharOf[b];

    /// <summary>The byte that a character stands for; -1 if it is not of the alphabet.</summary>
    public static int Byte(int codePoint) => (uint)codePoint < (uint)ByteOf.Length ? ByteOf[codePoint] : -1;

    public static string Write(ReadOnlySpan<byte> bytes) => string.Create(bytes.Length, bytes, (to, from) =>
    {
        for (int i = 0; i < to.Length; i++) to[i] = CharOf[from[i]];
    });

    /// <summary>The bytes that a text in this alphabet, itself in UTF-8, stands for; null if a character of it is not of the alphabet.</summary>
    public static byte[]? Read(ReadOnlySpan<byte> written)
    {
        var bytes = new byte[written.Length];
        int count = 0;
        for (int at = 0; at < written.Length;)
        {
            int b = Byte(Utf8.Decode(written, at, out int length));
            if (b < 0) return null;
            bytes[count++] = (byte)b;
            at += length;
        }
        return bytes[..count];
    }
}
