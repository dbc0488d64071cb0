using Ingot.Formats;
using Ingot.Llm.Chat;
using Ingot.Llm.Generation;
using Ingot.Llm.Pipeline;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Models;

/// <summary>A language model from the files it comes in, ready to write: weights where they lie in the mapped file, in the precision that they have there.</summary>
public sealed class LoadedModel
{
    readonly Tokenizer? tokenizer;
    IReadOnlyList<string>? parts;

    LoadedModel(string path, Decoder model, Tokenizer? tokenizer, string? chatTemplate, long bytes)
    {
        (Path, Model, this.tokenizer, ChatTemplate, Bytes) = (path, model, tokenizer, chatTemplate, bytes);
        Name = System.IO.Path.GetFileNameWithoutExtension(path) is { Length: > 0 } name && File.Exists(path) ? GgufParts.NameOf(name) : System.IO.Path.GetFileName(path);
    }

    /// <summary>The file or folder that it was loaded from.</summary>
    public string Path { get; }

    /// <summary>The file's name without its ending, or the folder's.</summary>
    public string Name { get; }

    /// <summary>The family, as <see cref="DecoderConfig.Family"/>.</summary>
    public string Family => Model.Config.Family;

    public Decoder Model { get; }

    /// <exception cref="IngotException">The model came without one.</exception>
    public Tokenizer Tokenizer => tokenizer ?? throw new IngotException($"{Path} has no tokenizer; put its file beside the model (tokenizer.json, tokenizer.model or tokenizer.bin), or name it in the options");

    public bool HasTokenizer => tokenizer is not null;

    /// <summary>The text of the Jinja template that came with it; null if none did.</summary>
    public string? ChatTemplate { get; }

    /// <summary>How its makers want tokens to be chosen where nobody says otherwise.</summary>
    public SamplingDefaults Sampling { get; private init; } = SamplingDefaults.None;

    /// <summary>It was trained for conversations: there is a template, or the tokenizer has the marks of Ingot's own format.</summary>
    public bool IsChat => ChatTemplate is not null || tokenizer is not null && ChatFormat.Fits(tokenizer);

    /// <summary>The token that a text begins with; null: none is known.</summary>
    public int? BeginToken => Model.Config.BeginToken ?? (tokenizer?.BeginIds is [var first, ..] ? first : null);

    /// <summary>Tokens that end a text or a turn.</summary>
    public IReadOnlyList<int> EndTokens => Model.Config.EndTokens;

    /// <summary>Bytes of the weights in memory, mapped ones among them.</summary>
    public long Bytes { get; }

    /// <summary>
    /// Loads a model: a Hugging Face folder, a GGUF file, llama2.c's checkpoint (.bin, with its tokenizer.bin beside it), or a folder that <c>ingot speedrun</c> or
    /// one of its stages made.
    /// </summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="options">How to take it.</param>
    /// <exception cref="FormatException">It is none of these, damaged, or of an architecture that Ingot does not have; the message says which and what is missing.</exception>
    public static LoadedModel Load(string path, LoadOptions? options = null)
    {
        options ??= new();
        path = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        if (Directory.Exists(path)) return LoadFolder(path, options);
        if (!File.Exists(path)) throw new FormatException($"there is no file or folder {path}");
        return KindOf(path) switch
        {
            Kind.Gguf => LoadGguf(path, options),
            Kind.Safetensors => throw new FormatException($"{path} holds weights only; give the folder with its config.json: {System.IO.Path.GetDirectoryName(path)}"),
            Kind.Pickle => throw new FormatException($"{path} is a file of PyTorch's, which is a program and is not run; convert it to safetensors or GGUF"),
            Kind.Onnx => throw new FormatException($"{path} is an ONNX model, not a language model's file; see: ingot onnx --help"),
            _ => LoadLlama2c(path, options),
        };
    }

    enum Kind { Gguf, Safetensors, Pickle, Onnx, Llama2c }

    /// <summary>By the first bytes; names may lie.</summary>
    static Kind KindOf(string path)
    {
        Span<byte> start = stackalloc byte[4];
        try
        {
            using var stream = File.OpenRead(path);
            start = start[..stream.ReadAtLeast(start, 4, throwOnEndOfStream: false)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw new FormatException($"cannot read {path}: {e.Message}", e); }
        string ending = System.IO.Path.GetExtension(path).ToLowerInvariant();
        return start.SequenceEqual("GGUF"u8) || ending == ".gguf" ? Kind.Gguf
            : ending == ".safetensors" ? Kind.Safetensors
            : start.StartsWith("PK\u0003\u0004"u8) || start is [0x80, >= 2 and <= 5, ..] || ending is ".pt" or ".pth" ? Kind.Pickle
            : ending == ".onnx" ? Kind.Onnx
            : ending == ".bin" ? Kind.Llama2c
            : throw new FormatException($"{path} is no model of a known kind: a folder with config.json, a .gguf file, or llama2.c's .bin");
    }

    static LoadedModel LoadFolder(string path, LoadOptions options)
    {
        string folder = ModelFolder.Exists(path) ? path : StageRun.ModelPath(path);
        if (!ModelFolder.Exists(folder))
        {
            var files = Directory.EnumerateFiles(path, "*.gguf").Order(StringComparer.Ordinal).ToList();
            if (files.Select(GgufParts.NameOf).Distinct().Count() == 1) return Load(files[0], options); // one, or the parts of one
            throw new FormatException(files.Count > 0 ? $"{path} has several .gguf files; give one of them" : $"there is no model in {path}: no config.json, no .gguf file; give a model's folder or file, a stage's or a run's folder");
        }
        var (config, weights) = ModelFolder.Read(folder);
        return New(path, config, weights, System.IO.Path.Combine(folder, "config.json"), options.Tokenizer is { } file ? TokenizerFile.Load(file) : ModelFolder.LoadTokenizer(folder), ModelFolder.LoadTemplate(folder), options, ModelFolder.LoadSampling(folder));
    }

    static LoadedModel LoadGguf(string path, LoadOptions options)
    {
        var file = Gguf.Open(path);
        var (config, weights) = GgufModel.Read(file, path);
        return New(path, config, weights, path, options.Tokenizer is { } other ? TokenizerFile.Load(other) : GgufModel.TokenizerOf(file), GgufModel.TemplateOf(file), options, GgufModel.SamplingOf(file), file.Paths);
    }

    static LoadedModel LoadLlama2c(string path, LoadOptions options)
    {
        var (config, weights) = Llama2cFile.Read(path);
        return New(path, config, weights, path, Llama2cFile.TokenizerOf(path, options.Tokenizer, config.VocabularySize), null, options);
    }

    static LoadedModel New(string path, DecoderConfig config, Dictionary<string, Weight> weights, string source, Tokenizer? tokenizer, string? template, LoadOptions options, SamplingDefaults? sampling = null, IReadOnlyList<string>? parts = null)
    {
        if (tokenizer is not null && tokenizer.VocabularySize > config.VocabularySize)
            throw new FormatException($"the tokenizer of {path} has {tokenizer.VocabularySize:N0} tokens, the model {config.VocabularySize:N0}: they do not belong together");
        config = Shortened(config, weights, options.ContextLength);
        if (options.Dtype is { } type)
            foreach (var (name, weight) in weights) weights[name] = Matrices.IsOne(name, weight) ? Matrices.Converted(weight, type) : weight;
        return new(path, DecoderWeights.Load(config, weights, source), tokenizer, template, weights.Values.Sum(w => w.Bytes)) { parts = parts, Sampling = sampling ?? SamplingDefaults.None };
    }

    /// <summary>
    /// The context to be used. Models with LongRoPE have other rotations beyond their first training's context, for all positions of such a text; what a text begins
    /// with cannot be turned anew when it becomes long, so the choice is made here, for all texts.
    /// </summary>
    static DecoderConfig Shortened(DecoderConfig config, Dictionary<string, Weight> weights, int? wanted)
    {
        if (wanted is < 1) throw new IngotException($"a context of {wanted} positions holds nothing");
        int length = Math.Min(config.ContextLength, wanted ?? (config.Scaling is RopeScaling.LongRope s ? s.OriginalContext : int.MaxValue));
        if (config.LearnedPositions && length < config.ContextLength && weights.TryGetValue("model.embed_positions.weight", out var table) && table.Shape.Rank == 2 && table.Shape[0] >= length)
            weights["model.embed_positions.weight"] = table.Rows(0, length);
        return config with { ContextLength = length };
    }

    /// <summary>Bytes of weights that writing one token reads: all but an embedding that is only looked up.</summary>
    public long BytesReadPerToken => DecoderWeights.Of(Model).Where(w => !w.Key.Contains("embed_positions", StringComparison.Ordinal) && (Model.Config.TiedHead || w.Key != "model.embed_tokens.weight")).Sum(w => w.Value.Bytes);

    /// <summary>Sees that this model has the tokens of another, so that it can guess for it: a guess is a token's number, and where the numbers mean other texts all guesses would be wrong.</summary>
    /// <param name="name">Of the other model.</param>
    /// <param name="other">Its tokenizer.</param>
    /// <exception cref="IngotException">A token differs.</exception>
    public void RequireTokensOf(string name, Tokenizer other)
    {
        int differs = Enumerable.Range(0, Math.Min(other.VocabularySize, Tokenizer.VocabularySize)).FirstOrDefault(id => other.TokenText(id) != Tokenizer.TokenText(id), -1);
        if (differs >= 0) throw new IngotException($"{Name} cannot guess for {name}: token {differs} is '{Tokenizer.TokenText(differs)}' there and '{other.TokenText(differs)}' here; a smaller model of the same family has the same tokens");
    }

    /// <summary>The model as Hugging Face keeps it.</summary>
    public ModelFolder ToFolder() => new(Model, tokenizer, ChatTemplate) { Sampling = Sampling, TokenizerFiles = [.. TokenizerFiles()] };

    /// <summary>The files that it was loaded from: weights, configuration, tokenizer. What they hold decides what the model writes.</summary>
    public IReadOnlyList<string> Files => parts ?? (File.Exists(Path) ? [Path] : [.. Directory.EnumerateFiles(ModelFolder.Exists(Path) ? Path : StageRun.ModelPath(Path)).Where(f => ModelFolder.IsOurs(System.IO.Path.GetFileName(f)))]);

    IEnumerable<string> TokenizerFiles() => Files.Where(f => System.IO.Path.GetFileName(f) is "tokenizer.json" or "tokenizer.model");

    /// <summary>The same model with its matrices in another precision, the bits of all its weights and their number.</summary>
    internal (Decoder Model, double Bits, double Count) With(Evaluation.WeightRounding rounding)
    {
        double bits = 0, count = 0;
        var weights = DecoderWeights.Of(Model);
        foreach (var (name, weight) in weights)
        {
            bool isRounded = Matrices.IsOne(name, weight);
            bits += isRounded ? rounding.BitsOf(weight) : 32.0 * weight.Shape.Count;
            count += weight.Shape.Count;
            if (isRounded) weights[name] = rounding.Rounded(weight);
        }
        return (DecoderWeights.Load(Model.Config, weights, Path), bits, count);
    }
}
