using FsCheck;
using FsCheck.Fluent;
using Ingot.Llm.Tokenizers.Normalizers;
using Ingot.Llm.Tokenizers.Patterns;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tests.Tokenizers;

public class NormalizerTests
{
    [Theory] // the examples of UAX 15 and others
    [InlineData("\u212B", "\u00C5", "A\u030A", "\u00C5", "A\u030A")]
    [InlineData("\uFB01", "\uFB01", "\uFB01", "fi", "fi")]
    [InlineData("\u1E9B\u0323", "\u1E9B\u0323", "\u017F\u0323\u0307", "\u1E69", "s\u0323\u0307")]
    [InlineData("q\u0307\u0323", "q\u0323\u0307", "q\u0323\u0307", "q\u0323\u0307", "q\u0323\u0307")]
    [InlineData("\uAC01", "\uAC01", "\u1100\u1161\u11A8", "\uAC01", "\u1100\u1161\u11A8")]
    [InlineData("\u0958", "\u0915\u093C", "\u0915\u093C", "\u0915\u093C", "\u0915\u093C")] // excluded from composition
    [InlineData("\u0344", "\u0308\u0301", "\u0308\u0301", "\u0308\u0301", "\u0308\u0301")]
    [InlineData("2\u2075", "2\u2075", "2\u2075", "25", "25")]
    [InlineData("\u1100\u1161\u11A8", "\uAC01", "\u1100\u1161\u11A8", "\uAC01", "\u1100\u1161\u11A8")]
    public void NormalForms_KnownText_AreAsUnicodeSays(string text, string nfc, string nfd, string nfkc, string nfkd) =>
        new[] { NormalForm.Nfc(text), NormalForm.Nfd(text), NormalForm.Nfkc(text), NormalForm.Nfkd(text) }.ShouldBe([nfc, nfd, nfkc, nfkd]);

    [Fact]
    public void NormalForms_AnyText_AreStable()
    {
        var texts = Gen.Choose(0, 0x2FFFF).Where(c => c is < 0xD800 or >= 0xE000).ListOf().Select(list => string.Concat(list.Select(char.ConvertFromUtf32))).ToArbitrary();
        Prop.ForAll(texts, text => NormalForm.Nfc(NormalForm.Nfc(text)) == NormalForm.Nfc(text) && NormalForm.Nfc(NormalForm.Nfd(text)) == NormalForm.Nfc(text)
            && NormalForm.Nfd(NormalForm.Nfc(text)) == NormalForm.Nfd(text) && NormalForm.Nfkd(NormalForm.Nfkc(text)) == NormalForm.Nfkd(text)).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Bert_Text_IsCleanedAndLowered() =>
        new BertNormalizer(true, true, true, true).Normalize("Ünï\u0000 \u00AD漢\tÉ\u3000ﬁ").ShouldBe("uni  漢  e ﬁ");

    [Fact]
    public void Lowercase_TurkishDot_StaysAsMark() => new LowercaseNormalizer().Normalize("İΣAß").ShouldBe("i\u0307σaß");

    [Fact]
    public void Replace_Pattern_ReplacesEveryMatch() => new ReplaceNormalizer(SplitPatterns.Of(@"\s+"), "_").Normalize(" a  b\n").ShouldBe("_a_b_");

    [Fact]
    public void Precompiled_BrokenTable_IsAFormatException()
    {
        Should.Throw<Ingot.FormatException>(() => new PrecompiledNormalizer([1, 2], byCluster: true)).Message.ShouldContain("precompiled");
        Should.Throw<Ingot.FormatException>(() => new PrecompiledNormalizer([255, 255, 255, 127, 0, 0, 0, 0], byCluster: true));
        // Units that point anywhere: nothing but a FormatException may happen.
        var random = new Random(3);
        for (int i = 0; i < 300; i++)
        {
            byte[] table = new byte[4 + 4 * 64 + 8];
            random.NextBytes(table);
            BitConverter.TryWriteBytes(table, 4 * 64);
            try { new PrecompiledNormalizer(table, byCluster: i % 2 == 0).Normalize("aé漢ab"); }
            catch (Ingot.FormatException) { }
        }
    }

    [Fact]
    public void Precompiled_SmallTable_ReplacesWhatIsInIt()
    {
        // A trie of one string, "a" (0x61): the root's children at 0x61 ^ offset 1, its end at that unit's own offset.
        var units = new uint[256];
        units[0] = 1u << 10;
        units[1 ^ 0x61] = 0x61 | 1u << 8 | (uint)(128 ^ (1 ^ 0x61)) << 10;
        units[128] = 1u << 31; // the value 0
        byte[] table = [.. BitConverter.GetBytes(4 * units.Length), .. units.SelectMany(BitConverter.GetBytes), (byte)'x', (byte)'y', 0];
        foreach (bool byCluster in new[] { true, false }) new PrecompiledNormalizer(table, byCluster).Normalize("abA").ShouldBe("xybA");
    }
}
