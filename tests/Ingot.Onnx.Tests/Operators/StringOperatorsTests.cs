namespace Ingot.Onnx.Tests.Operators;

public sealed class StringOperatorsTests
{
    static StringTensor S(params string[] values) => new(values, new(values.Length));

    [Theory]
    [InlineData(" a b ", 1, "a|b ")]
    [InlineData("  a  b  c ", 1, "a|b  c ")]
    [InlineData(" a b ", 2, "a|b")]
    [InlineData(" a ", 0, "a ")]
    [InlineData("   ", 1, "")]
    public void StringSplit_AtBlanks_SplitsAsPython(string text, int most, string words)
    {
        var split = (StringTensor)OneNode.Run("StringSplit", 20, [S(text)], 2, "", ("maxsplit", (long)most))[0];
        string.Join('|', split.Values).ShouldBe(words);
    }

    [Theory]
    [InlineData(@"\w+", "caf\u00e9", false)]
    [InlineData(@"\w+", "cafe", true)]
    [InlineData(@"\d", "\u0663", false)]
    [InlineData(@"[\w.-]+@[^\s@]+\.(?P<top>[[:alpha:]]{2,3})", "a-b.c@x.org", true)]
    [InlineData(@"[^\W\d]+", "ab1", false)]
    [InlineData(@"[\D]+", "a-b", true)]
    [InlineData(@"a$", "a\n", false)]
    [InlineData(@"[]a]+", "]a", true)]
    [InlineData(@"[a[]+", "[a", true)]
    [InlineData(@"\Qa.b\E+", "a.bb", true)]
    [InlineData(@"\pL\x{41}", "\u00e9A", true)]
    public void RegexFullMatch_Pattern_MeansWhatItMeansInRe2(string pattern, string text, bool matches) =>
        ((OnnxTensor)OneNode.Run("RegexFullMatch", 20, [S(text)], 1, "", ("pattern", pattern))[0]).Tensor.ToArray<bool>().ShouldBe([matches]);

    [Theory]
    [InlineData(@"(a)\1")]
    [InlineData("(?=a)a")]
    [InlineData("(")]
    public void RegexFullMatch_WhatRe2DoesNotHave_IsRefused(string pattern) =>
        Should.Throw<IngotException>(() => OneNode.Run("RegexFullMatch", 20, [S("aa")], 1, "", ("pattern", pattern))).Message.ShouldContain("no regular expression of RE2");

    [Fact]
    public void RegexFullMatch_NestedRepeats_TakeLinearTime() => // one that tries all ways would try 2^5000 of them
        ((OnnxTensor)OneNode.Run("RegexFullMatch", 20, [S(new string('a', 5000) + "b")], 1, "", ("pattern", "(a*)*"))[0]).Tensor.ToArray<bool>().ShouldBe([false]);
}
