using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Serving;

/// <summary>Prompts of models that were trained to write what stands between two texts.</summary>
/// <remarks>Bavarian et al. 2022, "Efficient training of language models to fill in the middle": prefix, suffix, middle.</remarks>
public static class FillInTheMiddle
{
    static readonly (string Prefix, string Suffix, string Middle)[] Marks =
    [
        ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"), // Qwen2.5-Coder
        ("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),       // StarCoder, SmolLM
        ("<fim-prefix>", "<fim-suffix>", "<fim-middle>"),       // SantaCoder
        ("▁<PRE>", "▁<SUF>", "▁<MID>"),                         // Code Llama
    ];

    /// <summary>The prompt, or null if the tokenizer has no marks for it.</summary>
    /// <param name="tokenizer">Of the model.</param>
    /// <param name="before">The text before what is to be written.</param>
    /// <param name="after">The text after it.</param>
    public static int[]? Prompt(Tokenizer tokenizer, string before, string after)
    {
        foreach (var (prefix, suffix, middle) in Marks)
            if (tokenizer.TokenId(prefix) is { } p && tokenizer.TokenId(suffix) is { } s && tokenizer.TokenId(middle) is { } m)
                return [.. tokenizer.BeginIds, p, .. Plain(before), s, .. Plain(after), m];
        return null;

        int[] Plain(string text) => tokenizer.Encode(text, addSpecial: false, parseSpecial: false);
    }
}
