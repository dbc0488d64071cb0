using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Generation;

/// <summary>Prompts that ask a model for the text between two others, for models that were trained to: their tokenizers have special tokens for it.</summary>
/// <remarks>Bavarian et al. 2022, "Efficient training of language models to fill in the middle". The tokens are those of the models' own documentation.</remarks>
public sealed class FillInTheMiddle
{
    /// <summary>A family's tokens: what stands before the text that comes first, before the other, and at the end.</summary>
    sealed record Style(string First, string Second, string? Middle, bool SuffixFirst, params string[] Ends);

    static readonly Style[] Styles =
    [
        new("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", false, "<|endoftext|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<|file_separator|>"), // Qwen 2.5 Coder, CodeGemma
        new("<fim_prefix>", "<fim_suffix>", "<fim_middle>", false, "<|endoftext|>", "<file_sep>", "<filename>"), // StarCoder, Granite
        new("<fim-prefix>", "<fim-suffix>", "<fim-middle>", false, "<|endoftext|>"), // SantaCoder
        new("▁<PRE>", "▁<SUF>", "▁<MID>", false, "▁<EOT>"), // Code Llama
        new("<PRE>", "<SUF>", "<MID>", false, "<EOT>"),
        new("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>", false, "<｜end▁of▁sentence｜>"), // DeepSeek Coder
        new("[SUFFIX]", "[PREFIX]", null, true), // Codestral
    ];

    readonly Tokenizer tokenizer;
    readonly Style style;
    readonly int first, second;
    readonly int? middle;

    FillInTheMiddle(Tokenizer tokenizer, Style style, int first, int second, int? middle)
    {
        (this.tokenizer, this.style, this.first, this.second, this.middle) = (tokenizer, style, first, second, middle);
        EndTokens = [.. style.Ends.Select(tokenizer.TokenId).OfType<int>()];
    }

    /// <summary>What there is for a tokenizer; null if it has no such tokens.</summary>
    public static FillInTheMiddle? Of(Tokenizer tokenizer)
    {
        foreach (var s in Styles)
            if (tokenizer.TokenId(s.First) is { } first && tokenizer.TokenId(s.Second) is { } second && (s.Middle is null || tokenizer.TokenId(s.Middle) is not null))
                return new(tokenizer, s, first, second, s.Middle is null ? null : tokenizer.TokenId(s.Middle));
        return null;
    }

    /// <summary>Tokens that end the text between, besides those that end any text of the model.</summary>
    public IReadOnlyList<int> EndTokens { get; }

    /// <summary>The prompt; what the model writes next is the text between.</summary>
    /// <param name="before">The text before, in which special tokens are not looked for.</param>
    /// <param name="after">The text after, likewise.</param>
    public int[] Prompt(string before, string after)
    {
        int[] Text(string text) => tokenizer.Encode(text, addSpecial: false, parseSpecial: false);
        var (one, other) = style.SuffixFirst ? (after, before) : (before, after);
        return [.. tokenizer.BeginIds, first, .. Text(one), second, .. Text(other), .. middle is { } m ? new[] { m } : []];
    }
}
