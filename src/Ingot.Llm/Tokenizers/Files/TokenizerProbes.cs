using Ingot.Llm.Tokenizers.Models;

namespace Ingot.Llm.Tokenizers.Files;

/// <summary>Texts that tell tokenizers apart, to see that one which was written to a file is read as what it was.</summary>
static class TokenizerProbes
{
    static readonly string[] Texts =
    [
        "", "a", " ", "  ", "hello", " hello", "hello ", "Hello, world!", "HELLO World", "two  spaces   and more", " around ", "line\nline\r\n\ttab", "don't I'll we've", "3.14159 and 1,234,567", "a_b-c+d=e", "(x){y}[z]<w>", "\"quoted\" 'single'",
        "naïve café Ångström", "e\u0301 a\u030A", "ﬁnd the ﬂow", "Straße ß ẞ", "Привет, мир", "İstanbul ığüşöç", "你好世界", "日本語テキスト", "안녕하세요", "مرحبا بالعالم", "שלום", "नमस्ते", "สวัสดี", "😀👍🏽👨‍👩‍👧", "½ ² ™ …", "\u00A0\u2003\u3000wide", "zero\u200Bwidth", "ABCabc１２３",
        "the quick brown fox jumps over the lazy dog", "antidisestablishmentarianism", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "def f(x):\n    return x * 2  # comment\n", "https://example.org/a?b=c&d=%20e", "a\u2581b", "\uFFFD", "\u0001\u0007",
    ];

    /// <summary>The first text whose ids differ, or that does not come back the same; null: there is none.</summary>
    public static string? FirstDifference(Tokenizer a, Tokenizer b) => Array.Find(Texts, text =>
    {
        int[] ids = a.Encode(text, addSpecial: true, parseSpecial: false);
        if (ids.Contains(UnknownOf(a))) return !ids.AsSpan().SequenceEqual(b.Encode(text, addSpecial: true, parseSpecial: false)); // what stands for an unknown token differs from format to format
        return !ids.AsSpan().SequenceEqual(b.Encode(text, addSpecial: true, parseSpecial: false)) || a.Decode(ids) != b.Decode(ids);
    });

    /// <summary>The token for what the vocabulary cannot express; -1: there is none.</summary>
    public static int UnknownOf(Tokenizer tokenizer) => tokenizer.Parts.Model switch
    {
        BpeModel bpe => bpe.Options.Unknown,
        UnigramModel unigram => unigram.Unknown,
        WordPieceModel pieces => pieces.Unknown,
        _ => -1,
    };
}
