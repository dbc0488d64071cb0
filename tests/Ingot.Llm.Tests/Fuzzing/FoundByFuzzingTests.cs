using System.Text;
using Ingot.Formats.Fuzzing;
using Ingot.Llm.Fuzzing;

namespace Ingot.Llm.Tests.Fuzzing;

/// <summary>What <c>ingot fuzz</c> has found, in its smallest form; each was another exception than a refusal, or cost too much memory.</summary>
public class FoundByFuzzingTests
{
    static void ShouldBeRefused(string parser, byte[] file)
    {
        var outcome = FuzzRun.Try(ModelTargets.All.Concat(TextTargets.All).Single(t => t.Name == parser), file);
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

    [Theory]
    [InlineData("{\"const\":\"\u00ff\"}")]
    [InlineData("""{"type":["string",null]}""")]
    [InlineData("""{"type":"object","required":[null]}""")]
    [InlineData("""{"$ref":null}""")]
    [InlineData("""{"allOf":[{"properties":{"a":true}},{"properties":"a"}]}""")]
    [InlineData("""{"allOf":[{"properties":{"a":true}},{"properties":null}]}""")]
    [InlineData("""{"allOf":[{"required":["a"]},{"required":[null]}]}""")]
    [InlineData("""{"allOf":[{"enum":["a"]},{"enum":null}]}""")]
    [InlineData("""{"allOf":[{"type":"number","minimum":1},{"minimum":null}]}""")]
    public void Schema_ValueOfTheWrongKind_IsRefused(string json) => ShouldBeRefused("schema", Latin1(json));

    /// <summary>The look-behind's character was read behind the end.</summary>
    [Theory]
    [InlineData("(?<=")]
    [InlineData("a(?<!")]
    public void Regex_LookBehindThatEnds_IsRefused(string pattern) => ShouldBeRefused("regex", Latin1(pattern));

    /// <summary>Too large for a long, where an item is counted after a point.</summary>
    [Fact]
    public void Jinja_LongItemNumber_IsRefused() => ShouldBeRefused("jinja", Latin1("{{ messages.99999999999999999999 }}"));

    /// <summary>Lists with an entry for each layer took gigabytes.</summary>
    [Theory]
    [InlineData("SmolLM3ForCausalLM")]
    [InlineData("Gemma3ForCausalLM")]
    public void Config_LayersWithoutEnd_AreRefused(string architecture) =>
        ShouldBeRefused("config.json", Latin1($$"""{"architectures":["{{architecture}}"],"hidden_size":64,"intermediate_size":64,"num_hidden_layers":2147483647,"num_attention_heads":4,"vocab_size":8}"""));

    /// <summary>The length and its leeway exceeded an int.</summary>
    [Theory]
    [InlineData("{{ 'abc' | truncate(2325221666785961131) }}")]
    [InlineData("{{ 'abc' | truncate(1, true, '', 9223372036854775807) }}")]
    public void Jinja_LongTruncate_IsTheText(string template) => FuzzRun.Try(TextTargets.All.Single(t => t.Name == "jinja"), Latin1(template)).ShouldSatisfyAllConditions(o => o.What.ShouldBeNull(), o => o.Accepted.ShouldBeTrue());

    /// <summary>Every code point was asked whether it belonged to a class without regard to case, a third of a second for each class.</summary>
    [Fact]
    public void Regex_ClassesWithoutCase_AreFast()
    {
        var target = TextTargets.All.Single(t => t.Name == "regex");
        var file = Latin1("(?i:" + string.Concat(Enumerable.Range('a', 26).Select(c => $"[^0-9{(char)c}]?")) + ")");
        Enumerable.Range(0, 3).Min(_ => FuzzRun.Try(target, file).Milliseconds).ShouldBeLessThan(2000); // 9 s before, on an idle machine
    }

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
