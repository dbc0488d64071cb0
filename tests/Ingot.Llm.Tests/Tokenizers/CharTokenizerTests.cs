using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Tests.Tokenizers;

public class CharTokenizerTests
{
    [Fact]
    public void Train_Text_SortsItsCodePoints()
    {
        var t = CharTokenizer.Train("bca\nü😀b");
        t.VocabularySize.ShouldBe(6);
        t.Encode("\nabcü😀").ShouldBe([0, 1, 2, 3, 4, 5]);
        t.Decode([5, 4, 0, 3]).ShouldBe("😀ü\nc");
    }

    [Fact]
    public void Encode_UnknownCharacter_NamesItAndItsPlace() =>
        Should.Throw<IngotException>(() => CharTokenizer.Train("ab").Encode("a😀")).Message.ShouldBe("the character '😀' (U+1F600) at position 1 does not occur in the text this model was trained on; leave it out");

    [Fact]
    public void Decode_IdOutOfRange_Throws() => Should.Throw<IngotException>(() => CharTokenizer.Train("ab").Decode([2])).Message.ShouldBe("token 2 is not in a vocabulary of 2");

    [Fact]
    public void Train_Empty_Throws() => Should.Throw<IngotException>(() => CharTokenizer.Train(""));

    [Fact]
    public void ToJson_FromJson_RoundTrips()
    {
        var t = CharTokenizer.Train("\"quote\" \\ \u0001 é 😀");
        var back = CharTokenizer.FromJson(t.ToJson(), "x");
        back.VocabularySize.ShouldBe(t.VocabularySize);
        back.Encode("quote 😀é\u0001").ShouldBe(t.Encode("quote 😀é\u0001"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("{\"kind\":\"bpe\",\"vocabulary\":\"ab\"}")]
    [InlineData("{\"kind\":\"char\",\"vocabulary\":\"\"}")]
    [InlineData("{\"kind\":\"char\",\"vocabulary\":\"aa\"}")]
    public void FromJson_Broken_NamesTheFile(string json) => Should.Throw<Ingot.FormatException>(() => CharTokenizer.FromJson(json, "f.json")).Message.ShouldStartWith("f.json is not a tokenizer file");
}
