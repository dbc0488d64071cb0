using System.Text;
using Ingot.Formats.Fuzzing;
using Ingot.Llm.Fuzzing;

namespace Ingot.Llm.Tests.Fuzzing;

/// <summary>What <c>ingot fuzz</c> has found, in its smallest form; each was another exception than a refusal, or cost too much memory.</summary>
public class FoundByFuzzingTests
{
    static void ShouldBeRefused(string parser, byte[] file)
    {
        var outcome = FuzzRun.Try(ModelTargets.All.Single(t => t.Name == parser), file);
        outcome.What.ShouldBeNull();
        outcome.Accepted.ShouldBeFalse();
    }

    static byte[] Latin1(string text) => Encoding.Latin1.GetBytes(text);

    [Theory]
    [InlineData("""{"type":"Metaspace","replacement":""}""")]
    [InlineData("""{"type":"CTC","pad_token":"","word_delimiter_token":""}""")]
    public void Tokenizer_DecoderThatReplacesNothing_IsRefused(string decoder) =>
        ShouldBeRefused("tokenizer.json", Latin1($$$"""{"decoder":{{{decoder}}},"model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"}}"""));

    [Theory]
    [InlineData("{\"architectures\":[\"\\ud83d\"]}")]
    [InlineData("{\"architectures\":[\"\u00ff\"]}")]
    [InlineData("{\"model_type\":\"\\ud83d\"}")]
    public void Config_TextThatIsNone_IsRefused(string json) => ShouldBeRefused("config.json", Latin1(json));

    /// <summary>The table of strings was made for as many as the largest rank says, 24 MB here.</summary>
    [Fact]
    public void Tiktoken_OneHighRank_CostsLittle()
    {
        var file = string.Concat(Enumerable.Range(0, 256).Select(b => $"{Convert.ToBase64String([(byte)b])} {(b == 255 ? 500_500 : b)}\n"));
        var outcome = FuzzRun.Try(ModelTargets.All.Single(t => t.Name == "tiktoken"), Latin1(file));
        outcome.What.ShouldBeNull();
        outcome.Allocated.ShouldBeLessThan(12 << 20);
    }
}
