using System.Text;
using Ingot.Llm.Tokenizers.Patterns;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers.Normalizers;

/// <summary>Rewrites text before it is split. The names are those of tokenizer.json.</summary>
abstract class Normalizer
{
    public abstract string Normalize(string text);

    /// <summary>True if text below U+0300 stays as it is, so that it need not become a string to be normalized.</summary>
    public virtual bool KeepsLatin => false;
}

sealed class SequenceNormalizer(IReadOnlyList<Normalizer> steps) : Normalizer
{
    public IReadOnlyList<Normalizer> Steps => steps;

    public override string Normalize(string text)
    {
        foreach (var step in steps) text = step.Normalize(text);
        return text;
    }

    public override bool KeepsLatin => steps.All(s => s.KeepsLatin);
}

sealed class FormNormalizer(Func<string, string> form, bool isNfc) : Normalizer
{
    public override string Normalize(string text) => form(text);

    public override bool KeepsLatin => isNfc;
}

sealed class PrependNormalizer(string prefix) : Normalizer
{
    public override string Normalize(string text) => text.Length > 0 ? prefix + text : text;
}

/// <summary>Every match of a pattern replaced by a text.</summary>
sealed class ReplaceNormalizer(Splitter pattern, string content) : Normalizer
{
    readonly byte[] content = Utf8.Bytes(content);

    public override string Normalize(string text) => Utf8.Text(Replace(Utf8.Bytes(text)));

    public byte[] Replace(byte[] text)
    {
        object? memory = null;
        if (!pattern.Next(text, 0, ref memory, out int start, out int end)) return text;
        var result = new List<byte>(text.Length);
        int at = 0;
        do
        {
            result.AddRange(text.AsSpan(at, start - at));
            result.AddRange(content.AsSpan());
            at = end;
        }
        while (pattern.Next(text, at, ref memory, out start, out end));
        result.AddRange(text.AsSpan(at));
        return [.. result];
    }
}

sealed class StripNormalizer(bool left, bool right) : Normalizer
{
    public override string Normalize(string text)
    {
        if (left) text = text.TrimStart(); // .NET and Rust agree on what whitespace is
        return right ? text.TrimEnd() : text;
    }
}

/// <summary>Each character in lower case by itself: no final sigma, but the dot of the Turkish capital stays as a mark.</summary>
sealed class LowercaseNormalizer : Normalizer
{
    public override string Normalize(string text) => Lower(text);

    public static string Lower(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            int c = rune.Value;
            if (c < 0x80) result.Append((char)(c is >= 'A' and <= 'Z' ? c | 0x20 : c));
            else if (c == 0x130) result.Append("i\u0307");
            else result.Append((Newer(c) is var lower && lower != c ? new Rune(lower) : Rune.ToLowerInvariant(rune)).ToString());
        }
        return result.ToString();
    }

    /// <summary>The capitals that are new in Unicode 17, which Rust's tables have and .NET's do not.</summary>
    static int Newer(int c) => c is 0xA7CE or 0xA7D2 or 0xA7D4 ? c + 1 : c is >= 0x16EA0 and <= 0x16EB8 ? c + 27 : c;
}

/// <summary>Drops what characters fulfil a condition.</summary>
class DroppingNormalizer(Func<int, bool> isDropped) : Normalizer
{
    public override string Normalize(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
            if (!isDropped(rune.Value)) result.Append(rune.ToString());
        return result.ToString();
    }
}

/// <summary>All marks dropped; those that came after Unicode 9 are none to the reference.</summary>
sealed class StripAccentsNormalizer() : DroppingNormalizer(c => OldUnicode.IsMark(c));

/// <summary>Fairseq's cleaning: control characters dropped, odd spaces made plain.</summary>
sealed class NmtNormalizer : Normalizer
{
    public override string Normalize(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            if (c is >= '\u0001' and <= '\u0008' or '\u000B' or >= '\u000E' and <= '\u001F' or '\u007F' or '\u008F' or '\u009F') continue;
            bool isSpace = c is '\t' or '\n' or '\f' or '\r' or '\u1680' or >= '\u200B' and <= '\u200F' or '\u2028' or '\u2029' or '\u2581' or '\uFEFF' or '\uFFFD';
            result.Append(isSpace ? ' ' : c);
        }
        return result.ToString();
    }
}

/// <summary>Bytes written in GPT-2's alphabet.</summary>
sealed class ByteLevelNormalizer : Normalizer
{
    public override string Normalize(string text) => ByteAlphabet.Write(Utf8.Bytes(text));
}

/// <summary>BERT's: control characters dropped, spaces made plain, Chinese characters set apart, accents dropped, lower case.</summary>
sealed class BertNormalizer(bool cleansText, bool setsChineseApart, bool stripsAccents, bool lowers) : Normalizer
{
    public bool CleansText => cleansText;

    public bool SetsChineseApart => setsChineseApart;

    public bool StripsAccents => stripsAccents;

    public bool Lowers => lowers;

    public override string Normalize(string text)
    {
        if (cleansText || setsChineseApart) text = Clean(text);
        if (stripsAccents) text = DropAccents(NormalForm.Nfd(text));
        return lowers ? LowercaseNormalizer.Lower(text) : text;
    }

    string Clean(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            int c = rune.Value;
            if (cleansText && OldUnicode.IsControl(c)) continue;
            if (cleansText && CodePoint.Is(c, CodePoint.White)) result.Append(' ');
            else if (setsChineseApart && IsChinese(c)) result.Append(' ').Append(rune.ToString()).Append(' ');
            else result.Append(rune.ToString());
        }
        return result.ToString();
    }

    static string DropAccents(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
            if (!OldUnicode.IsNonspacingMark(rune.Value)) result.Append(rune.ToString());
        return result.ToString();
    }

    static bool IsChinese(int c) => c is >= 0x4E00 and <= 0x9FFF or >= 0x3400 and <= 0x4DBF or >= 0x20000 and <= 0x2A6DF or >= 0x2A700 and <= 0x2B81F
        or >= 0x2B920 and <= 0x2CEAF or >= 0xF900 and <= 0xFAFF or >= 0x2F800 and <= 0x2FA1F; // 2B820 to 2B91F are left out there too
}
