using System.Text.Json;
using System.Text.Json.Nodes;
using Ingot.Formats;
using Ingot.Llm.Generation;
using Ingot.Llm.Models.Families;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Models;

/// <summary>A model as Hugging Face keeps it: config.json, model.safetensors or its shards, tokenizer.json, generation_config.json, and the chat template.</summary>
/// <param name="Model">The weights, in float32.</param>
/// <param name="Tokenizer">Null if the folder has none.</param>
/// <param name="ChatTemplate">The Jinja template in tokenizer_config.json or chat_template.jinja, as it is there; null if there is none.</param>
public sealed record ModelFolder(Decoder Model, Tokenizer? Tokenizer, string? ChatTemplate = null)
{
    const string ConfigName = "config.json", GenerationName = "generation_config.json", TokenizerName = "tokenizer.json", TokenizerConfigName = "tokenizer_config.json",
        TemplateName = "chat_template.jinja", WeightsName = "model.safetensors", IndexName = WeightsName + ".index.json";

    /// <summary>Such files are small; a larger one is something else.</summary>
    const long LongestJson = 64L << 20;

    /// <summary>Files of a tokenizer that are copied where it is of a kind that Ingot cannot write.</summary>
    public IReadOnlyList<string> TokenizerFiles { get; init; } = [];

    /// <summary>How its makers want tokens to be chosen: from generation_config.json.</summary>
    public SamplingDefaults Sampling { get; init; } = SamplingDefaults.None;

    static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>True if a folder looks like one of these.</summary>
    public static bool Exists(string path) => File.Exists(Path.Combine(path, ConfigName));

    /// <summary>The model in float32, to be trained or used.</summary>
    /// <exception cref="FormatException">A file is missing or damaged, the architecture is none of Ingot's, or a tensor is missing or of another shape than config.json says.</exception>
    public static ModelFolder Load(string path)
    {
        var (config, weights) = Read(path);
        return new(DecoderWeights.Trainable(config, weights, Path.Combine(path, ConfigName)), LoadTokenizer(path), LoadTemplate(path)) { Sampling = LoadSampling(path) };
    }

    /// <summary>Shape and weights as they are in the files, by the decoder's names.</summary>
    /// <exception cref="FormatException">As of <see cref="Load"/>.</exception>
    internal static (DecoderConfig Config, Dictionary<string, Weight> Weights) Read(string path)
    {
        var json = new ConfigJson(ReadJson(Path.Combine(path, ConfigName)), Path.Combine(path, ConfigName));
        var family = Family.Of(json);
        var config = family.Read(json);
        var generation = Path.Combine(path, GenerationName);
        if (File.Exists(generation) && new ConfigJson(ReadJson(generation), generation).Tokens("eos_token_id") is { Count: > 0 } ends) // the ends of turns, too
            config = config with { EndTokens = [.. config.EndTokens.Union(ends)] };
        var places = new Dictionary<string, Safetensors>();
        foreach (var file in WeightFiles(path).Select(f => Safetensors.Open(f)))
            foreach (var entry in file.Entries)
                if (!places.TryAdd(entry.Name, file)) throw new FormatException($"{path}: the tensor {entry.Name} is in two files");
        var weights = family.FromFolder(places.Where(p => !IsDerived(p.Key)).ToDictionary(p => p.Key, p => Weight.Of(p.Value[p.Key])), config);
        if (config.TiedHead) weights.Remove("lm_head.weight");
        return (config, weights);
    }

    /// <summary>Tensors that some files have though others imply them: tables of rotary frequencies, GPT-2's causal mask.</summary>
    static bool IsDerived(string name) => name.EndsWith("rotary_emb.inv_freq", StringComparison.Ordinal) || name.EndsWith(".attn.bias", StringComparison.Ordinal) || name.EndsWith(".attn.masked_bias", StringComparison.Ordinal);

    static IEnumerable<string> WeightFiles(string path)
    {
        if (File.Exists(Path.Combine(path, WeightsName))) return [Path.Combine(path, WeightsName)];
        var index = Path.Combine(path, IndexName);
        if (!File.Exists(index))
        {
            bool hasPickle = Directory.EnumerateFiles(path, "*.bin").Any();
            throw new FormatException($"{path} has neither {WeightsName} nor {IndexName}{(hasPickle ? "; PyTorch's .bin files are programs and are not read: convert them to safetensors" : "")}");
        }
        var json = ReadJson(index);
        if (json.ValueKind != JsonValueKind.Object || !json.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object) throw new FormatException($"{index} has no 'weight_map'");
        var names = map.EnumerateObject().Select(p => p.Value.ValueKind == JsonValueKind.String ? p.Value.GetString()! : throw new FormatException($"{index}: the place of {p.Name} is not a file name")).Distinct().ToList();
        foreach (var name in names)
            if (name.Length == 0 || name is "." or ".." || name.AsSpan().ContainsAny('/', '\\', ':')) throw new FormatException($"{index} names a file outside its folder: {name}");
        return names.Select(n => Path.Combine(path, n));
    }

    internal static Tokenizer? LoadTokenizer(string path) => new[] { TokenizerName, "tokenizer.model" }.Any(f => File.Exists(Path.Combine(path, f))) ? TokenizerFile.Load(path) : null;

    internal static string? LoadTemplate(string path)
    {
        if (Path.Combine(path, TemplateName) is var file && File.Exists(file)) return File.ReadAllText(file);
        foreach (string name in new[] { TokenizerConfigName, "chat_template.json" })
            if (Path.Combine(path, name) is var settings && File.Exists(settings) && ReadJson(settings) is { ValueKind: JsonValueKind.Object } json && json.TryGetProperty("chat_template", out var t) && TemplateOf(t) is { } template) return template;
        return null;
    }

    /// <summary>What generation_config.json says of how tokens are chosen.</summary>
    public static SamplingDefaults LoadSampling(string path)
    {
        string file = Path.Combine(path, GenerationName);
        if (!File.Exists(file)) return SamplingDefaults.None;
        var json = ReadJson(file);
        double? Number(string name) => json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var v) && v.ValueKind == JsonValueKind.Number && v.TryGetDouble(out double n) ? n : null;
        return new SamplingDefaults { Temperature = Number("temperature"), TopK = Number("top_k") is >= 1 and <= int.MaxValue and var k ? (int)k : null, TopP = Number("top_p"), MinP = Number("min_p"), TypicalP = Number("typical_p"), RepetitionPenalty = Number("repetition_penalty") }.Sound();
    }

    /// <summary>The template, of several named ones the default.</summary>
    static string? TemplateOf(JsonElement t) => t.ValueKind switch
    {
        JsonValueKind.String => t.GetString(),
        JsonValueKind.Array => t.EnumerateArray().Where(e => e.ValueKind == JsonValueKind.Object && e.TryGetProperty("name", out var n) && n.ValueKind == JsonValueKind.String && n.GetString() == "default")
            .Select(e => e.TryGetProperty("template", out var text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null).FirstOrDefault(),
        _ => null,
    };

    /// <summary>
    /// Writes the folder. It appears whole or not at all: everything is written beside it and renamed. An older model there is replaced, its other files stay.
    /// </summary>
    /// <param name="path">The folder; if it exists it must be empty or a model's.</param>
    /// <param name="dtype">Of the matrices in the file: F32, F16 or BF16.</param>
    /// <exception cref="IngotException">The folder holds something else or cannot be written.</exception>
    public void Save(string path, DType dtype = DType.F32)
    {
        if (dtype is not (DType.F32 or DType.F16 or DType.BF16)) throw new DTypeException($"a model folder keeps f32, f16 or bf16, not {dtype.Name}");
        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (Directory.Exists(path) && !Exists(path) && Directory.EnumerateFileSystemEntries(path).Any()) throw new IngotException($"{path} is not empty and not a model's folder; choose another one");
        string fresh = $"{path}.{Environment.ProcessId}.new", old = $"{path}.{Environment.ProcessId}.old";
        try
        {
            if (Directory.Exists(fresh)) Directory.Delete(fresh, recursive: true);
            Directory.CreateDirectory(fresh);
            WriteFiles(fresh, dtype);
            if (Directory.Exists(path))
            {
                foreach (var file in Directory.EnumerateFiles(path))
                    if (!IsOurs(Path.GetFileName(file))) File.Copy(file, Path.Combine(fresh, Path.GetFileName(file)));
                Directory.Move(path, old);
            }
            Directory.Move(fresh, path);
            if (Directory.Exists(old)) Directory.Delete(old, recursive: true);
        }
        catch (Exception e) when (AtomicFile.IsOfTheSystem(e))
        {
            if (!Directory.Exists(path) && Directory.Exists(old)) Directory.Move(old, path);
            throw new IngotException($"cannot write the model folder {path}: {AtomicFile.Reason(e)}", e);
        }
        finally
        {
            if (Directory.Exists(fresh)) Directory.Delete(fresh, recursive: true);
        }
    }

    /// <summary>What is in a folder beside a model's files.</summary>
    internal static IEnumerable<string> Others(string path) => Directory.Exists(path) ? Directory.EnumerateFileSystemEntries(path).Where(e => Directory.Exists(e) || !IsOurs(Path.GetFileName(e))) : [];

    internal static bool IsOurs(string name) => name is ConfigName or "tokenizer.model" or GenerationName or TokenizerName or TokenizerConfigName or TemplateName || name.StartsWith("model", StringComparison.Ordinal) && name.Contains(".safetensors", StringComparison.Ordinal);

    void WriteFiles(string path, DType dtype)
    {
        var (config, family) = (Model.Config with { AdjacentRotation = false }, Family.Named(Model.Config.Family));
        using var noGrad = new NoGrad();
        var json = family.Write(config);
        var weights = family.ToFolder(DecoderWeights.WithRotation(DecoderWeights.Of(Model), Model.Config, adjacent: false), config);
        Safetensors.Save(Path.Combine(path, WeightsName), weights.ToDictionary(p => p.Key, p => p.Value.Values().To(dtype)), new Dictionary<string, string> { ["format"] = "pt" });
        json["torch_dtype"] = dtype switch { DType.F16 => "float16", DType.BF16 => "bfloat16", _ => "float32" };
        Write(ConfigName, json);
        var ends = json["eos_token_id"]?.DeepClone();
        var generation = new JsonObject { ["bos_token_id"] = config.BeginToken, ["eos_token_id"] = ends };
        if (Sampling != SamplingDefaults.None) generation["do_sample"] = true;
        foreach (var (name, value) in new[] { ("temperature", Sampling.Temperature), ("top_k", Sampling.TopK), ("top_p", Sampling.TopP), ("min_p", Sampling.MinP), ("typical_p", Sampling.TypicalP), ("repetition_penalty", Sampling.RepetitionPenalty) })
            if (value is { } v) generation[name] = name == "top_k" ? (int)v : v;
        Write(GenerationName, generation);
        foreach (var file in TokenizerFiles) File.Copy(file, Path.Combine(path, Path.GetFileName(file)));
        if (Tokenizer is not null && !TokenizerFiles.Any(f => Path.GetFileName(f) == TokenizerName))
        {
            // Most programs look for tokenizer.json; where only SentencePiece's own file can say it, that one is there.
            try { TokenizerFile.Save(Tokenizer, Path.Combine(path, TokenizerName)); }
            catch (IngotException) when (TokenizerFiles.Count > 0) { }
        }
        if (Tokenizer is not null || ChatTemplate is not null) Write(TokenizerConfigName, new JsonObject { ["tokenizer_class"] = "PreTrainedTokenizerFast", ["model_max_length"] = config.ContextLength, ["chat_template"] = ChatTemplate });

        void Write(string name, JsonObject content) => AtomicFile.WriteText(Path.Combine(path, name), content.ToJsonString(Indented) + "\n");
    }

    static JsonElement ReadJson(string path)
    {
        try
        {
            if (new FileInfo(path).Length > LongestJson) throw new FormatException($"{path} has more than {LongestJson >> 20} MB; it is no such file");
            return JsonDocument.Parse(File.ReadAllBytes(path), new() { MaxDepth = 64 }).RootElement;
        }
        catch (JsonException e) { throw new FormatException($"{path} is damaged: {e.Message}", e); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw new FormatException($"cannot read {path}: {e.Message}", e); }
    }
}
