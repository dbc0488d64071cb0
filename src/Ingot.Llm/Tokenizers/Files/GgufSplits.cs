using Ingot.Llm.Tokenizers.Patterns;

namespace Ingot.Llm.Tokenizers.Files;

/// <summary>The splits that GGUF files name in tokenizer.ggml.pre.</summary>
static class GgufSplits
{
    /// <param name="Patterns">One after the other, each on the pieces of the one before.</param>
    /// <param name="IgnoresMerges">Pieces that are tokens are not merged.</param>
    public sealed record Split(IReadOnlyList<string> Patterns, bool IgnoresMerges = false);

    /// <exception cref="FormatException">The name is not known.</exception>
    public static Split Of(string name) => name switch
    {
        "gpt-2" or "phi-2" or "jina-es" or "jina-de" or "gigachat" or "mpt" or "olmo" or "jais" or "trillion" or "granite-docling" => new([SplitPatterns.Gpt2]),
        "default" => new([@"[\p{P}\$\+<=>\^~\|]+", SplitPatterns.Gpt2, @"\p{N}+", "[0-9][0-9][0-9]"]),
        "llama3" or "llama-v3" or "llama-bpe" or "falcon3" or "falcon-h1" or "pixtral" or "midm-2.0" or "lfm2" => new([SplitPatterns.Cl100k], IgnoresMerges: true),
        "dbrx" or "smaug-bpe" or "glm4" or "chatglm-bpe" or "megrez" => new([SplitPatterns.Cl100k]),
        "qwen2" or "stablelm2" or "hunyuan" or "solar-open" or "deepseek-r1-qwen" => new([SplitPatterns.Qwen2]),
        "gpt-4o" or "llama4" or "kanana2" => new([SplitPatterns.O200k]),
        "starcoder" or "refact" or "command-r" or "smollm" or "codeshell" or "exaone" or "minerva-7b" => new([@"\p{N}", SplitPatterns.Gpt2]),
        "falcon" => new([@"[\p{P}\$\+<=>\^~\|`]+", SplitPatterns.Gpt2, "[0-9][0-9][0-9]"]),
        "tekken" => new([@"[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))*((?=[\p{L}])([^A-Z]))+|[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))+((?=[\p{L}])([^A-Z]))*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"], IgnoresMerges: true),
        "deepseek-coder" => new([@"[\r\n]", @"\s?\p{L}+", @"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", @"\p{N}"]),
        "deepseek-v3" or "hunyuan-dense" => new([@"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", @"[!""#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"]),
        _ => throw new FormatException($"tokenizer.ggml.pre is '{name}', a split that is not known here"),
    };
}
