using Ingot.Formats;
using Ingot.Llm.Chat;
using Ingot.Llm.Generation;
using Ingot.Llm.Models.Families;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tokenizers.Files;

namespace Ingot.Llm.Models;

/// <summary>Writes a model as a GGUF file that llama.cpp loads: shape, tokenizer, chat template, weights.</summary>
public static class GgufExport
{
    /// <summary>Ingot's own format of conversations, for other programs.</summary>
    const string OwnTemplate = "{{- bos_token -}}{%- set ns = namespace(system='') -%}{%- for message in messages -%}{%- if message['role'] == 'system' -%}{%- set ns.system = message['content'] + '\\n\\n' -%}"
        + "{%- elif message['role'] == 'user' -%}{{- '<|user_start|>' + ns.system + message['content'] + '<|user_end|>' -}}{%- set ns.system = '' -%}"
        + "{%- elif message['role'] == 'assistant' -%}{{- '<|assistant_start|>' + message['content'] + '<|assistant_end|>' -}}{%- endif -%}{%- endfor -%}{%- if add_generation_prompt -%}{{- '<|assistant_start|>' -}}{%- endif -%}";

    /// <summary>Writes the file, or several. They appear whole or not at all.</summary>
    /// <param name="path">The file.</param>
    /// <param name="model">The weights.</param>
    /// <param name="tokenizer">Null: the file has none, and llama.cpp takes token ids only.</param>
    /// <param name="template">The Jinja template of its conversations.</param>
    /// <param name="type">Of the matrices, as far as their rows are whole blocks of it; null: as they are. Vectors are float32.</param>
    /// <param name="name">What the file calls the model.</param>
    /// <param name="written">Told of each tensor once it is made: what it was, what it has become, and what that cost.</param>
    /// <param name="sampling">How its makers want tokens to be chosen.</param>
    /// <param name="partBytes">The most bytes of a file: a larger model becomes several, as llama-gguf-split makes them; null: one file.</param>
    /// <returns>The files: the path, or NAME-00001-of-0000N.gguf and so on.</returns>
    /// <exception cref="IngotException">llama.cpp has no such models or tokenizers, or the file cannot be written.</exception>
    public static IReadOnlyList<string> Write(string path, Decoder model, Tokenizer? tokenizer, string? template = null, GgmlType? type = null, string? name = null, Action<WrittenTensor>? written = null, SamplingDefaults? sampling = null, long? partBytes = null)
    {
        var config = model.Config;
        var family = Family.Named(config.Family);
        var writer = new GgufWriter();
        writer.Set("general.architecture", family.GgufArchitecture ?? "");
        writer.Set("general.name", name ?? Path.GetFileNameWithoutExtension(path));
        foreach (var (key, value) in family.GgufMetadata(config)) writer.Set(key, value);
        var weights = family.ToGguf(DecoderWeights.Of(model), config);
        writer.Set("general.file_type", FileType(type ?? MostOf(weights)));
        writer.Set("general.quantization_version", 2u);
        if (sampling is not null) WriteSampling(writer, sampling);
        if (tokenizer is not null) WriteTokenizer(writer, tokenizer, config, template);
        else writer.Set("tokenizer.ggml.model", "no_vocab");
        foreach (var (key, weight) in weights.OrderBy(w => w.Key.StartsWith("blk.", StringComparison.Ordinal))) // the sort is stable
        {
            var to = TensorTypes.Of(key, weight, type, config.TiedHead);
            writer.Add(key, to, weight.Shape, () =>
            {
                var made = weight.As(to);
                written?.Invoke(WrittenTensor.Of(key, weight, made));
                return made.Memory;
            });
        }
        if (partBytes is { } most) return writer.WriteParts(path, most);
        writer.Write(path);
        return [path];
    }

    static void WriteSampling(GgufWriter writer, SamplingDefaults sampling)
    {
        if (sampling.Temperature is { } temperature) writer.Set(GgufModel.Sampling + "temp", (float)temperature);
        if (sampling.TopK is { } topK) writer.Set(GgufModel.Sampling + "top_k", topK);
        if (sampling.TopP is { } topP) writer.Set(GgufModel.Sampling + "top_p", (float)topP);
        if (sampling.MinP is { } minP) writer.Set(GgufModel.Sampling + "min_p", (float)minP);
        if (sampling.RepetitionPenalty is { } penalty) writer.Set(GgufModel.Sampling + "penalty_repeat", (float)penalty);
    }

    static void WriteTokenizer(GgufWriter writer, Tokenizer tokenizer, DecoderConfig config, string? template)
    {
        const string Key = "tokenizer.ggml.";
        var v = GgufVocabularyOf.Of(tokenizer, config.VocabularySize);
        writer.Set(Key + "model", v.Model);
        writer.Set(Key + "pre", v.Pre ?? "default");
        writer.Set(Key + "tokens", v.Tokens.ToArray());
        if (v.Scores is { } scores) writer.Set(Key + "scores", scores.ToArray());
        writer.Set(Key + "token_type", v.TokenTypes!.ToArray());
        if (v.Merges is { } merges) writer.Set(Key + "merges", merges.ToArray());
        if (v.AddsBegin is { } begins) writer.Set(Key + "add_bos_token", begins);
        if (v.AddsEnd is { } ends) writer.Set(Key + "add_eos_token", ends);
        if (v.AddsSpacePrefix is { } space) writer.Set(Key + "add_space_prefix", space);
        if (v.RemovesExtraSpaces) writer.Set(Key + "remove_extra_whitespaces", true);
        if (v.Replacements is { } replacements) writer.Set(Key + "precompiled_charsmap", replacements);
        if (v.SeparatorId is { } separator) writer.Set(Key + "seperator_token_id", (uint)separator); // the format spells it so
        if (TokenizerProbes.UnknownOf(tokenizer) is >= 0 and var unknown) writer.Set(Key + "unknown_token_id", (uint)unknown);
        if ((config.BeginToken ?? v.BeginId) is { } begin) writer.Set(Key + "bos_token_id", (uint)begin);
        bool isOwn = ChatFormat.Fits(tokenizer);
        var endTokens = isOwn ? config.EndTokens.Append(new ChatFormat(tokenizer).AssistantEnd).Distinct().ToList() : [.. config.EndTokens];
        if (v is { AddsEnd: true, EndId: { } last }) endTokens = [last, .. endTokens.Where(e => e != last)]; // what is put behind texts is the first
        if (endTokens.Count > 0) writer.Set(Key + "eos_token_id", (uint)endTokens[0]);
        if (endTokens.Count > 1) writer.Set(Key + "eot_token_id", (uint)endTokens[1]);
        if (endTokens.Count > 2) writer.Set(Key + "eom_token_id", (uint)endTokens[2]);
        if ((template ?? (isOwn ? OwnTemplate : null)) is { } text) writer.Set("tokenizer.chat_template", text);
    }

    static GgmlType MostOf(Dictionary<string, Weight> weights) => weights.Values.GroupBy(w => w.Type).MaxBy(g => g.Sum(w => w.Bytes))!.Key;

    /// <summary>llama.cpp's number for a file that is mostly of a type (llama_ftype).</summary>
    static uint FileType(GgmlType type) => type switch
    {
        GgmlType.F16 => 1,
        GgmlType.Q4_0 => 2,
        GgmlType.Q4_1 => 3,
        GgmlType.Q8_0 => 7,
        GgmlType.Q5_0 => 8,
        GgmlType.Q5_1 => 9,
        GgmlType.Q2_K => 10,
        GgmlType.Q3_K => 12,
        GgmlType.Q4_K => 15,
        GgmlType.Q5_K => 17,
        GgmlType.Q6_K => 18,
        GgmlType.IQ4_NL => 25,
        GgmlType.IQ4_XS => 30,
        GgmlType.BF16 => 32,
        GgmlType.TQ1_0 => 36,
        GgmlType.TQ2_0 => 37,
        GgmlType.MXFP4 => 38,
        _ => 0,
    };
}
