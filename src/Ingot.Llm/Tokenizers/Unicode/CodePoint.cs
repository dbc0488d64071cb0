using System.Globalization;

namespace Ingot.Llm.Tokenizers.Unicode;

/// <summary>What a code point is, as one bit of a mask: its general category, with two of them cut in two so that whitespace and word characters are masks too.</summary>
/// <remarks>
/// .NET 10 and Hugging Face's tokenizers (Oniguruma 6.9.10) both carry Unicode 16: all categories were compared over all code points and agree. Exceptions,
/// which older tables in the reference cause, stand beside the normalizers that need them.
/// </remarks>
static class CodePoint
{
    // General categories are 0 to 29, in .NET's order; two codes more for parts of a category.
    const int WhiteControl = 30, LetterSymbol = 31;

    public const uint Lu = 1u << 0, Ll = 1u << 1, Lt = 1u << 2, Lm = 1u << 3, Lo = 1u << 4;
    public const uint Letter = Lu | Ll | Lt | Lm | Lo;
    public const uint Nonspacing = 1u << 5, Mark = 7u << 5;
    public const uint Digit = 1u << 8, LetterNumber = 1u << 9, Number = 7u << 8;

    /// <summary>\p{Z} and the controls tab to carriage return and U+0085.</summary>
    public const uint White = Separator | 1u << WhiteControl;
    public const uint Separator = 7u << 11;
    public const uint Control = 1u << 14 | 1u << WhiteControl, Format = 1u << 15, PrivateUse = 1u << 17, Unassigned = 1u << 29;
    public const uint Other = Control | Format | 1u << 16 | PrivateUse | Unassigned;
    public const uint Connector = 1u << 18, Punctuation = 127u << 18;
    public const uint Symbol = 15u << 25 | 1u << LetterSymbol;

    /// <summary>\w: alphabetic characters (circled letters among them, which are symbols), marks, digits, connectors.</summary>
    public const uint Word = Letter | Mark | Digit | LetterNumber | Connector | 1u << LetterSymbol;

    static readonly byte[] Basic = [.. Enumerable.Range(0, 0x10000).Select(c => (byte)Code(c))];

    /// <summary>The bit of a code point from 0 to 0x10FFFF.</summary>
    public static uint Class(int codePoint) => 1u << ((uint)codePoint < 0x10000 ? Basic[codePoint] : Code(codePoint));

    public static bool Is(int codePoint, uint mask) => (Class(codePoint) & mask) != 0;

    static int Code(int c) => c is >= 9 and <= 13 or 0x85 ? WhiteControl
        : c is >= 0x24B6 and <= 0x24E9 or >= 0x1F130 and <= 0x1F149 or >= 0x1F150 and <= 0x1F169 or >= 0x1F170 and <= 0x1F189 ? LetterSymbol
        : (int)CharUnicodeInfo.GetUnicodeCategory(c);

    /// <summary>The mask that a name of \p{...} stands for.</summary>
    public static bool TryMask(string name, out uint mask)
    {
        mask = name switch
        {
            "L" or "Letter" => Letter,
            "Lu" => Lu,
            "Ll" => Ll,
            "Lt" => Lt,
            "Lm" => Lm,
            "Lo" => Lo,
            "M" or "Mark" => Mark,
            "Mn" => Nonspacing,
            "Mc" => 1u << 6,
            "Me" => 1u << 7,
            "N" or "Number" => Number,
            "Nd" => Digit,
            "Nl" => LetterNumber,
            "No" => 1u << 10,
            "Z" => Separator,
            "Zs" => 1u << 11,
            "Zl" => 1u << 12,
            "Zp" => 1u << 13,
            "C" => Other,
            "Cc" => Control,
            "Cf" => Format,
            "Cs" => 1u << 16,
            "Co" => PrivateUse,
            "Cn" => Unassigned,
            "P" or "Punctuation" => Punctuation,
            "Pc" => Connector,
            "Pd" => 1u << 19,
            "Ps" => 1u << 20,
            "Pe" => 1u << 21,
            "Pi" => 1u << 22,
            "Pf" => 1u << 23,
            "Po" => 1u << 24,
            "S" or "Symbol" => Symbol,
            "Sm" => 1u << 25,
            "Sc" => 1u << 26,
            "Sk" => 1u << 27,
            "So" => 1u << 28 | 1u << LetterSymbol,
            _ => 0,
        };
        return mask != 0;
    }
}
