using Ingot.Formats;
using Ingot.Llm.Generation;
using Ingot.Llm.Models.Families;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tokenizers.Files;

namespace Ingot.Llm.Models;

/// <summary>A language model in a GGUF file: shape, tokenizer and chat template in its metadata, weights where they lie.</summary>
/// <remarks>Keys and names of tensors are llama.cpp's: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md and gguf-py/gguf/constants.py.</remarks>
static class GgufModel
{
    const string Begin = "tokenizer.ggml.bos_token_id", End = "tokenizer.ggml.eos_token_id", EndOfTurn = "tokenizer.ggml.eot_token_id", EndOfMessage = "tokenizer.ggml.eom_token_id", Template = "tokenizer.chat_template";

    /// <summary>What keys of sampling begin with.</summary>
    internal const string Sampling = "general.sampling.";

    /// <summary>Texts of tokens that end a turn, in files that name one end only.</summary>
    static readonly string[] TurnEnds = ["<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|eom_id|>", "<|assistant_end|>"];

    /// <summary>Shape and weights, by the decoder's names.</summary>
    /// <exception cref="FormatException">The file is damaged, the architecture is none of Ingot's, or metadata and tensors do not fit together.</exception>
    public static (DecoderConfig Config, Dictionary<string, Weight> Weights) Read(Gguf file, string path)
    {
        string architecture = file.Metadata.Text("general.architecture") ?? throw new FormatException($"{path} has no metadata 'general.architecture': it holds tensors, but not a model");
        var fields = new GgufFields(file, path, architecture);
        var family = Family.OfGguf(fields, architecture);
        var config = family.Read(fields);
        family = Family.Named(config.Family);
        config = config with { BeginToken = Id(file, Begin, config), EndTokens = EndsOf(file, config) };
        return (config, family.FromGguf(file.Tensors.ToDictionary(t => t.Name, t => new Weight(t.Type, t.Shape, file.Bytes(t.Name))), config));
    }

    static int? Id(Gguf file, string key, DecoderConfig config) => file.Metadata.Integer(key) is >= 0 and var id && id < config.VocabularySize ? (int)id : null;

    static IReadOnlyList<int> EndsOf(Gguf file, DecoderConfig config)
    {
        var ends = new[] { End, EndOfTurn, EndOfMessage }.Select(k => Id(file, k, config)).OfType<int>().ToList();
        if (ends.Count > 0 && file.Metadata.ContainsKey(Template) && file.Metadata.Texts("tokenizer.ggml.tokens") is { } tokens && file.Metadata.Integers("tokenizer.ggml.token_type") is { } types)
            for (int id = 0; id < Math.Min(tokens.Length, types.Length); id++)
                if (types[id] == (int)SentencePieceKind.Control && TurnEnds.Contains(tokens[id])) ends.Add(id);
        return [.. ends.Distinct()];
    }

    /// <summary>The tokenizer; null if there is none.</summary>
    /// <exception cref="FormatException">It is of a kind that Ingot does not have, or damaged.</exception>
    public static Tokenizer? TokenizerOf(Gguf file)
    {
        const string Key = "tokenizer.ggml.";
        var m = file.Metadata;
        if (m.Text(Key + "model") is not { } model || model == "no_vocab") return null;
        return new GgufVocabulary(model, m.Texts(Key + "tokens") ?? throw new FormatException($"the metadata has {Key}model, but no {Key}tokens"))
        {
            Pre = m.Text(Key + "pre"),
            Scores = m.Numbers(Key + "scores"),
            TokenTypes = m.Integers(Key + "token_type")?.Select(t => (int)t).ToArray(),
            Merges = m.Texts(Key + "merges"),
            BeginId = (int?)m.Integer(Key + "bos_token_id"),
            EndId = (int?)m.Integer(Key + "eos_token_id"),
            SeparatorId = (int?)m.Integer(Key + "seperator_token_id"),
            AddsBegin = m.Flag(Key + "add_bos_token"),
            AddsEnd = m.Flag(Key + "add_eos_token"),
            AddsSpacePrefix = m.Flag(Key + "add_space_prefix"),
            RemovesExtraSpaces = m.Flag(Key + "remove_extra_whitespaces") ?? false,
            Replacements = m.Bytes(Key + "precompiled_charsmap"),
        }.ToTokenizer();
    }

    /// <summary>How its makers want tokens to be chosen.</summary>
    public static SamplingDefaults SamplingOf(Gguf file)
    {
        var m = file.Metadata;
        return new SamplingDefaults
        {
            Temperature = m.Number(Sampling + "temp"),
            TopK = m.Integer(Sampling + "top_k") is >= 1 and <= int.MaxValue and var k ? (int)k : null,
            TopP = m.Number(Sampling + "top_p"),
            MinP = m.Number(Sampling + "min_p"),
            RepetitionPenalty = m.Number(Sampling + "penalty_repeat"),
        }.Sound();
    }

    public static string? TemplateOf(Gguf file) => file.Metadata.Text(Template);
}
