using System.Text.Json;
using Ingot.Llm.Generation;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Tests.Generation;

public class FillInTheMiddleTests
{
    /// <summary>A tokenizer of small letters and of these special tokens, which come after them.</summary>
    static Tokenizer Letters(params string[] special) => TokenizerFile.FromJson(JsonSerializer.SerializeToUtf8Bytes(new
    {
        added_tokens = special.Select((s, i) => new { id = 26 + i, content = s, single_word = false, lstrip = false, rstrip = false, normalized = false, special = true }),
        pre_tokenizer = new { type = "ByteLevel", add_prefix_space = false, trim_offsets = false, use_regex = false },
        decoder = new { type = "ByteLevel" },
        model = new { type = "BPE", vocab = Enumerable.Range(0, 26).ToDictionary(i => $"{(char)('a' + i)}", i => i), merges = Array.Empty<string>() },
    }), "letters");

    [Fact]
    public void Prompt_OfFamilies_HasTheirOrder()
    {
        var qwen = FillInTheMiddle.Of(Letters("<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>"))!;
        qwen.Prompt("ab", "c").ShouldBe([27, 0, 1, 29, 2, 28]);
        qwen.EndTokens.ShouldBe([26, 30], ignoreOrder: true);
        FillInTheMiddle.Of(Letters("<fim_prefix>", "<fim_middle>", "<fim_suffix>"))!.Prompt("ab", "").ShouldBe([26, 0, 1, 28, 27]); // StarCoder
        var llama = FillInTheMiddle.Of(Letters("▁<PRE>", "▁<MID>", "▁<SUF>", "▁<EOT>"))!;
        llama.Prompt("a", "b").ShouldBe([26, 0, 28, 1, 27]);
        llama.EndTokens.ShouldBe([29]);
        FillInTheMiddle.Of(Letters("[SUFFIX]", "[PREFIX]"))!.Prompt("a", "b").ShouldBe([26, 1, 27, 0]); // Codestral has the text after first
    }

    [Fact]
    public void Of_TokenizerWithoutSuchTokens_IsNull() => FillInTheMiddle.Of(Letters("<|endoftext|>", "<|fim_prefix|>")).ShouldBeNull();
}
