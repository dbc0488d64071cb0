using System.Text;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Tests.Tokenizers;

public class TextBeginningTests
{
    static Tokenizer Words(string begin, string post = "null") => TokenizerFile.FromJson(Encoding.UTF8.GetBytes($$$"""
        {"added_tokens":[{"id":0,"content":"{{{begin}}}","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],
        "pre_tokenizer":{"type":"WhitespaceSplit"},"post_processor":{{{post}}},"model":{"type":"WordLevel","vocab":{"{{{begin}}}":0,"a":1,"b":2},"unk_token":"a"}}
        """), "test");

    const string Adds = """{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{"<s>":{"id":"<s>","ids":[0],"tokens":["<s>"]}}}""";

    /// <summary>As of Qwen2 and GPT-2: the config has a begin token, the tokenizer does not write it.</summary>
    [Fact]
    public void Encode_TokenizerWithoutBegin_BeginsOnlyAnEmptyText()
    {
        var tokenizer = Words("<|endoftext|>");
        TextBeginning.Encode(tokenizer, "a b", 0).ShouldBe([1, 2]);
        TextBeginning.Encode(tokenizer, "", 0).ShouldBe([0]);
        TextBeginning.Of(tokenizer, 0).ShouldBeEmpty();
        Should.Throw<IngotException>(() => TextBeginning.Encode(tokenizer, "", null)).Message.ShouldContain("give a prompt");
    }

    [Fact]
    public void Encode_TokenizerWithBegin_HasItOnce()
    {
        var tokenizer = Words("<s>", Adds);
        TextBeginning.Encode(tokenizer, "a b", 0).ShouldBe([0, 1, 2]);
        TextBeginning.Encode(tokenizer, "a b", null).ShouldBe([0, 1, 2]);
        TextBeginning.Of(tokenizer, 0).ShouldBe([0]);
    }

    [Fact]
    public void Encode_IngotsOwn_BeginsAsInTraining()
    {
        var tokenizer = Words("<|bos|>");
        TextBeginning.Encode(tokenizer, "a b", 0).ShouldBe([0, 1, 2]);
        TextBeginning.Encode(tokenizer, "<|bos|> a", 0).ShouldBe([0, 1]);
    }
}
