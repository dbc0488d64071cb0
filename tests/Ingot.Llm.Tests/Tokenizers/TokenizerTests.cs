using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Ingot.Llm.Corpus;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tokenizers.Patterns;
using Ingot.Llm.Tokenizers.Training;

namespace Ingot.Llm.Tests.Tokenizers;

public class TokenizerTests
{
    static readonly Dictionary<string, Tokenizer> Trained = new[] { SplitPatterns.Gpt2, SplitPatterns.Cl100k, SplitPatterns.TwoDigits, SplitPatterns.Qwen2, SplitPatterns.O200k }.ToDictionary(p => p, Train);

    static readonly Tokenizer Usual = Trained[SplitPatterns.Cl100k];

    static Tokenizer Train(string pattern)
    {
        var trainer = new BpeTrainer(new() { VocabularySize = 1000, Pattern = pattern });
        trainer.Add(StoryCorpus.Generate(3, 100_000));
        return trainer.Train();
    }

    static string Repaired(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    /// <summary>Texts of what tokenizers stumble over.</summary>
    static readonly Gen<string> Texts = Gen.Elements("the ", "The", "don't", "'ſ", "'LL", "12345", "٣٤٥", " ", "  ", "\n", "\r\n", "\t", "\u00A0", "\u3000", "é", "e\u0301", "\u0301", "ǅ", "漢字", "한", "😀", "👨‍👩‍👧", "...", "/", "\n/", "<|bos|>", "<|", "\uD800", "\uDC00", "\0", "\uFFFD", "ﬁ", "𝔘", "A", "Bc", "²", "Ⅷ")
        .ListOf().Select(string.Concat);

    [Fact]
    public void EncodeDecode_AnyText_ComesBack()
    {
        foreach (var tokenizer in Trained.Values)
            Prop.ForAll(Texts.ToArbitrary(), text => tokenizer.Decode(tokenizer.Encode(text), skipSpecial: false) == Repaired(text)).QuickCheckThrowOnFailure();
        Prop.ForAll<string>(text => text is null || Usual.Decode(Usual.Encode(text), skipSpecial: false) == Repaired(text)).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void EncodeDecode_AnyBytes_ComeBack()
    {
        foreach (var tokenizer in Trained.Values)
            Prop.ForAll<byte[]>(bytes => bytes is null || tokenizer.DecodeBytes(tokenizer.EncodeBytes(bytes)).AsSpan().SequenceEqual(bytes)).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Stream_AnyText_GivesWholeCharactersAndAllOfThem() => Prop.ForAll(Texts.ToArbitrary(), text =>
    {
        var stream = Usual.NewStream(skipSpecial: false);
        var whole = new StringBuilder();
        foreach (int id in Usual.Encode(text))
        {
            string part = stream.Add(id);
            if (!text.Contains('\uFFFD') && Repaired(text) == text && (part.Contains('\uFFFD') || part.Length > 0 && char.IsLowSurrogate(part[0]))) return false;
            whole.Append(part);
        }
        return whole.Append(stream.Finish()).ToString() == Repaired(text);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Stream_UnfinishedCharacter_WaitsAndThenIsReplaced()
    {
        int[] ids = Usual.EncodeBytes([0xF0, 0x9F, 0x98]); // three bytes of four
        var stream = Usual.NewStream();
        string.Concat(ids.Select(stream.Add)).ShouldBe("");
        stream.Finish().ShouldBe("\uFFFD");
    }

    [Fact]
    public void Stream_DecodersThatLookAtNeighbours_GiveTheSameAsDecode()
    {
        var bert = TokenizerFile.FromJson("""
            {"model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "un": 1, "##related": 2, "it": 3, "'": 4, "s": 5, ".": 6}},
             "pre_tokenizer": {"type": "BertPreTokenizer"}, "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true}}
            """u8, "test");
        int[] ids = bert.Encode("it's unrelated. it");
        ids.ShouldBe([3, 4, 5, 1, 2, 6, 3]);
        var stream = bert.NewStream();
        (string.Concat(ids.Select(stream.Add)) + stream.Finish()).ShouldBe(bert.Decode(ids));
    }

    [Theory]
    [InlineData('a'), InlineData(' '), InlineData('\n'), InlineData('7'), InlineData('!'), InlineData('\''), InlineData('A'), InlineData('é'), InlineData('漢'), InlineData('\u0301')]
    public void Encode_MillionOfOneCharacter_TakesNoQuadraticTime(char c)
    {
        long Work(Tokenizer tokenizer, int length)
        {
            string text = new string(c, length) + "x";
            long before = GC.GetAllocatedBytesForCurrentThread();
            var ids = tokenizer.Encode(text);
            before = GC.GetAllocatedBytesForCurrentThread() - before;
            tokenizer.Decode(ids).ShouldBe(text);
            return before;
        }
        // A second where nothing else runs; a quadratic time would be hours.
        foreach (var tokenizer in Trained.Values) ((double)Work(tokenizer, 1_000_000) / Work(tokenizer, 125_000)).ShouldBeLessThan(32); // eight times the text; lists that double take up to twice that
    }

    [Fact]
    public void Encode_SpecialText_IsATokenOnlyIfAskedFor()
    {
        int id = Usual.TokenId("<|user_start|>")!.Value;
        Usual.Encode("a<|user_start|>b").ShouldContain(id);
        int[] plain = Usual.Encode("a<|user_start|>b", addSpecial: false, parseSpecial: false);
        plain.ShouldNotContain(id);
        Usual.Decode(plain).ShouldBe("a<|user_start|>b");
        Usual.Decode(Usual.Encode("a<|user_start|>b")).ShouldBe("ab");
    }

    [Fact]
    public void Decode_IdOutOfRange_SaysSo()
    {
        foreach (int id in new[] { -1, Usual.VocabularySize })
            Should.Throw<IngotException>(() => Usual.Decode([id])).Message.ShouldBe($"token {id} is not in a vocabulary of {Usual.VocabularySize}");
    }

    [Fact]
    public void SaveLoad_Trained_EncodesTheSame()
    {
        using var folder = new TemporaryFolder();
        foreach (var (pattern, tokenizer) in Trained)
        {
            TokenizerFile.Save(tokenizer, folder["tokenizer.json"]);
            var back = TokenizerFile.Load(folder.Path);
            back.VocabularySize.ShouldBe(tokenizer.VocabularySize);
            Prop.ForAll(Texts.ToArbitrary(), text => back.Encode(text).AsSpan().SequenceEqual(tokenizer.Encode(text))).QuickCheckThrowOnFailure();
            for (int id = 0; id < back.VocabularySize; id++) back.TokenText(id).ShouldBe(tokenizer.TokenText(id), pattern);
        }
        Directory.GetFiles(folder.Path).Length.ShouldBe(1);
    }

    [Fact]
    public void SaveLoad_Ranks_EncodeTheSame()
    {
        var tokenizer = GoldenVectors.Load("r50k_base");
        using var folder = new TemporaryFolder();
        TokenizerFile.Save(tokenizer, folder["tokenizer.json"]);
        var back = TokenizerFile.Load(folder["tokenizer.json"]);
        string text = StoryCorpus.Generate(1, 20_000) + "naïve 漢字 👨‍👩‍👧 xqzzzyx <|endoftext|>";
        back.Encode(text).ShouldBe(tokenizer.Encode(text));
    }

    [Fact]
    public void Save_OtherKinds_AreRefusedWithoutAFile()
    {
        using var folder = new TemporaryFolder();
        var words = TokenizerFile.FromJson("""{"model": {"type": "WordLevel", "vocab": {"a": 0}}}"""u8, "test");
        Should.Throw<IngotException>(() => TokenizerFile.Save(words, folder["x.json"])).Message.ShouldContain("WordLevel");
        Directory.GetFiles(folder.Path).ShouldBeEmpty();
    }
}
