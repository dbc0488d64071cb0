using System.Text.Json;
using System.Text.Json.Nodes;
using Ingot.Formats;
using Ingot.Llm.Models.Families;
using Ingot.Llm.Tokenizers;
using Ingot.Nn;

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

    static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>True if a folder looks like one of these.</summary>
    public static bool Exists(string path) => File.Exists(Path.Combine(path, ConfigName));

    /// <exception cref="FormatException">A file is missing or damaged, the architecture is none of Ingot's, or a tensor is missing or of another shape than config.json says.</exception>
    public static ModelFolder Load(string path)
    {
        var json = new ConfigJson(ReadJson(Path.Combine(path, ConfigName)), Path.Combine(path, ConfigName));
        var config = Family.Of(json).Read(json);
        var generation = Path.Combine(path, GenerationName);
        if (File.Exists(generation) && new ConfigJson(ReadJson(generation), generation).Tokens("eos_token_id") is { Count: > 0 } ends) // the ends of turns, too
            config = config with { EndTokens = [.. config.EndTokens.Union(ends)] };
        return new(LoadWeights(path, config, json.Path), LoadTokenizer(path), LoadTemplate(path));
    }

    static Decoder LoadWeights(string path, DecoderConfig config, string configPath)
    {
        var files = WeightFiles(path).Select(f => Safetensors.Open(f)).ToList();
        var places = new Dictionary<string, Safetensors>();
        foreach (var file in files)
            foreach (var entry in file.Entries)
                if (!places.TryAdd(entry.Name, file)) throw new FormatException($"{path}: the tensor {entry.Name} is in two files");
        // Before a model of that many layers is made: a damaged number must not take all memory.
        string last = $"model.layers.{config.Layers - 1}.self_attn.q_proj.weight";
        if (!places.ContainsKey(last)) throw new FormatException($"{configPath} says {config.Layers} layers, but there is no tensor {last} in {path}");
        Decoder model;
        try { model = new(config); }
        catch (Exception e) when (e is IngotException and not FormatException or OverflowException) { throw new FormatException($"{configPath}: {e.Message}", e); }
        var state = places.Where(p => !IsDerived(p.Key, config)).ToDictionary(p => p.Key, p => p.Value[p.Key]);
        try { Module.LoadStateDict(model, state); }
        catch (IngotException e) when (e is not FormatException) { throw new FormatException($"{path}: {e.Message}", e); }
        return model;
    }

    /// <summary>Tensors that some files have though others imply them: tables of rotary frequencies, a head that is the embedding.</summary>
    static bool IsDerived(string name, DecoderConfig config) => name.EndsWith("rotary_emb.inv_freq", StringComparison.Ordinal) || (config.TiedHead && name == "lm_head.weight");

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

    static Tokenizer? LoadTokenizer(string path) => new[] { TokenizerName, "tokenizer.model" }.Any(f => File.Exists(Path.Combine(path, f))) ? TokenizerFile.Load(path) : null;

    static string? LoadTemplate(string path)
    {
        if (Path.Combine(path, TemplateName) is var file && File.Exists(file)) return File.ReadAllText(file);
        var settings = Path.Combine(path, TokenizerConfigName);
        return File.Exists(settings) && ReadJson(settings) is { ValueKind: JsonValueKind.Object } json && json.TryGetProperty("chat_template", out var t) && t.ValueKind == JsonValueKind.String ? t.GetString() : null;
    }

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

    static bool IsOurs(string name) => name is ConfigName or GenerationName or TokenizerName or TokenizerConfigName or TemplateName || name.StartsWith("model", StringComparison.Ordinal) && name.Contains(".safetensors", StringComparison.Ordinal);

    void WriteFiles(string path, DType dtype)
    {
        var config = Model.Config;
        using var noGrad = new NoGrad();
        Safetensors.Save(Path.Combine(path, WeightsName), Module.StateDict(Model).ToDictionary(p => p.Key, p => p.Value.Detach().To(dtype)), new Dictionary<string, string> { ["format"] = "pt" });
        var json = Family.Named(config.Family).Write(config);
        json["torch_dtype"] = dtype switch { DType.F16 => "float16", DType.BF16 => "bfloat16", _ => "float32" };
        Write(ConfigName, json);
        var ends = json["eos_token_id"]?.DeepClone();
        Write(GenerationName, new JsonObject { ["bos_token_id"] = config.BeginToken, ["eos_token_id"] = ends });
        if (Tokenizer is not null) TokenizerFile.Save(Tokenizer, Path.Combine(path, TokenizerName));
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
