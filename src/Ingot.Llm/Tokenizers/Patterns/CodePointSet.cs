using System.Text;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers.Patterns;

/// <summary>A set of code points: a union of categories, ranges and other sets, perhaps negated, perhaps cut with others, perhaps whatever the case.</summary>
sealed class CodePointSet
{
    readonly ulong[] ascii = new ulong[2];
    bool isFrozen;

    public uint Categories { get; set; }

    public List<(int First, int Last)> Ranges { get; } = [];

    /// <summary>Sets that belong to the union.</summary>
    public List<CodePointSet> Parts { get; } = [];

    /// <summary>Sets that it is cut with (&amp;&amp;).</summary>
    public List<CodePointSet> Cuts { get; } = [];

    public bool IsNegated { get; set; }

    public bool IgnoresCase { get; set; }

    public static CodePointSet Of(uint categories, bool negated = false) => new() { Categories = categories, IsNegated = negated };

    /// <summary>\w as Oniguruma has it: superscript digits and fractions of Latin-1 belong to it, other such numbers do not.</summary>
    public static CodePointSet Word(bool negated) => new() { Categories = CodePoint.Word, Ranges = { (0xB2, 0xB3), (0xB9, 0xB9), (0xBC, 0xBE) }, IsNegated = negated };

    /// <summary>Ends the making of it.</summary>
    public CodePointSet Freeze()
    {
        for (int c = 0; c < 128; c++)
            if (Compute(c)) ascii[c >> 6] |= 1UL << c;
        isFrozen = true;
        return this;
    }

    public bool Contains(int c) => isFrozen && c < 128 ? (ascii[c >> 6] >> c & 1) != 0 : Compute(c);

    bool Compute(int c)
    {
        bool isIn = Union(c);
        if (!isIn && IgnoresCase) foreach (int other in OtherCases(c)) isIn |= Union(other);
        foreach (var cut in Cuts) isIn &= cut.Contains(c);
        return isIn != IsNegated;
    }

    bool Union(int c)
    {
        if (Categories != 0 && CodePoint.Is(c, Categories)) return true;
        foreach (var (first, last) in Ranges)
            if (c >= first && c <= last) return true;
        foreach (var part in Parts)
            if (part.Contains(c)) return true;
        return false;
    }

    /// <summary>What simple case folding makes equal: both cases, and the three letters outside of ASCII whose other case is in it.</summary>
    static IEnumerable<int> OtherCases(int c)
    {
        if (!Rune.IsValid(c)) yield break;
        yield return Rune.ToLowerInvariant(new(c)).Value;
        yield return Rune.ToUpperInvariant(new(c)).Value;
        if (c is 's' or 'S') yield return 0x17F;
        if (c == 0x17F) yield return 's';
        if (c is 'k' or 'K') yield return 0x212A;
        if (c == 0x212A) yield return 'k';
    }

    /// <summary>\p{Han}, in Unicode 16.</summary>
    public static CodePointSet Han() => new()
    {
        Ranges =
        {
            (0x2E80, 0x2E99), (0x2E9B, 0x2EF3), (0x2F00, 0x2FD5), (0x3005, 0x3005), (0x3007, 0x3007), (0x3021, 0x3029), (0x3038, 0x303B), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),
            (0xF900, 0xFA6D), (0xFA70, 0xFAD9), (0x16FE2, 0x16FE3), (0x16FF0, 0x16FF1), (0x20000, 0x2A6DF), (0x2A700, 0x2B739), (0x2B740, 0x2B81D), (0x2B820, 0x2CEA1),
            (0x2CEB0, 0x2EBE0), (0x2EBF0, 0x2EE5D), (0x2F800, 0x2FA1D), (0x30000, 0x3134A), (0x31350, 0x323AF),
        },
    };
}
