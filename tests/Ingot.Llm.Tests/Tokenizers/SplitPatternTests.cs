using FsCheck;
using FsCheck.Fluent;
using Ingot.Llm.Tokenizers.Patterns;

namespace Ingot.Llm.Tests.Tokenizers;

public class SplitPatternTests
{
    static List<string> Pieces(Splitter splitter, byte[] text)
    {
        List<string> pieces = [];
        object? memory = null;
        for (int at = 0; splitter.Next(text, at, ref memory, out int start, out int end); at = end) pieces.Add(Convert.ToHexString(text.AsSpan(start, end - start)));
        return pieces;
    }

    static List<string> Matches(string pattern, string text)
    {
        List<string> pieces = [];
        object? memory = null;
        byte[] utf8 = System.Text.Encoding.UTF8.GetBytes(text);
        var splitter = new RegexSplitter(pattern);
        for (int at = 0; splitter.Next(utf8, at, ref memory, out int start, out int end); at = end) pieces.Add(System.Text.Encoding.UTF8.GetString(utf8, start, end - start));
        return pieces;
    }

    static readonly Gen<byte[]> Texts = Gen.Elements("a", "Bc", "d", "E", "F", "é", "É", "ß", "漢", "ー", "ʰ", "ǅ", "e\u0301", "\u0301", "'", "'s", "'S", "'ſ", "'re", "'lL", "'Ve", "1", "23", "٣", "²", "Ⅷ", " ", "  ", "\t", "\n", "\r", "\r\n", "\u00A0", "\u0085", "\u3000", "!", "/", "...", "—", "😀", "\u200D", "$", "_")
        .ListOf().Select(parts => System.Text.Encoding.UTF8.GetBytes(string.Concat(parts)));

    [Theory]
    [InlineData(SplitPatterns.Gpt2), InlineData(SplitPatterns.Cl100k), InlineData(SplitPatterns.TwoDigits), InlineData(SplitPatterns.Qwen2), InlineData(SplitPatterns.O200k)]
    public void Scanner_AnyText_CutsAsItsPattern(string pattern)
    {
        var scanner = SplitPatterns.Of(pattern);
        scanner.ShouldNotBeOfType<RegexSplitter>();
        var regex = new RegexSplitter(pattern);
        var config = Config.QuickThrowOnFailure.WithMaxTest(2000);
        Prop.ForAll(Texts.ToArbitrary(), text => Pieces(scanner, text).SequenceEqual(Pieces(regex, text))).Check(config);
        Prop.ForAll<byte[]>(text => text is null || Pieces(scanner, text).SequenceEqual(Pieces(regex, text))).Check(config); // bytes that are no UTF-8
    }

    [Theory]
    [InlineData("a|ab", "abab", "a a")]
    [InlineData("(?:ab|a)b?", "abbab", "abb ab")]
    [InlineData("a{2,3}", "aaaaaa a", "aaa aaa")]
    [InlineData("a{2,3}?", "aaaaa", "aa aa")]
    [InlineData("(?i:é|ß)x", "Éxßx", "Éx ßx")]
    [InlineData("[a-c&&[^b]]+", "abca", "a ca")]
    [InlineData(@"\w+(?=!)", "ab! cd", "ab")]
    [InlineData(@"(?<!a)b", "abbb", "b b")]
    [InlineData(@"(?>a+)b|a", "aab", "aab")]
    [InlineData("a++a|b", "aaab", "b")]
    [InlineData(@"\x{1F600}|\u00e9", "😀é", "😀 é")]
    [InlineData(@"[[:digit:]_\]-]+", "1_]-a", "1_]-")]
    [InlineData(@"\p{Han}+", "漢字かな", "漢字")]
    [InlineData(@"^a|a$", "aaa\na", "a a a")]
    public void Regex_Construct_MatchesAsRegexesDo(string pattern, string text, string expected) => string.Join(' ', Matches(pattern, text)).ShouldBe(expected);

    [Theory]
    [InlineData("(a", "not closed")]
    [InlineData("[a", "not closed")]
    [InlineData("a)", "unmatched )")]
    [InlineData("*a", "nothing before it")]
    [InlineData(@"(a)\1", "back-reference")]
    [InlineData(@"\p{Klingon}", "Klingon")]
    [InlineData("[z-a]", "backwards")]
    [InlineData("((((a{1000}){1000}){1000}){1000})", "instructions")]
    [InlineData(@"a\", "end")]
    public void Regex_Broken_SaysWhatAndWhere(string pattern, string what) => Should.Throw<Ingot.FormatException>(() => new RegexSplitter(pattern)).Message.ShouldContain(what);

    [Theory]
    [InlineData("(a*)*b")]
    [InlineData("(a|aa)+b")]
    [InlineData(@"\s+$")]
    [InlineData("a*a*a*a*a*b")]
    public void Regex_PatternsThatBacktrack_TakeLinearTime(string pattern)
    {
        string text = new string(pattern[0] == '\\' ? ' ' : 'a', 30_000) + "c";
        Matches(pattern, text).ShouldBeEmpty();
    }
}
