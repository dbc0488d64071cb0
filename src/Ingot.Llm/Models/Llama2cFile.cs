using Ingot.Formats;
using Ingot.Llm.Tokenizers;
using Ingot.Runtime;

namespace Ingot.Llm.Models;

/// <summary>llama2.c's checkpoint: seven int32, then float32 weights, those of all layers together.</summary>
/// <remarks>github.com/karpathy/llama2.c, version 0 of the format: dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size (negative if the head is not the embedding), seq_len.</remarks>
public static class Llama2cFile
{
    const int HeaderBytes = 28;

    /// <exception cref="FormatException">The file is missing or truncated, or its numbers make no model.</exception>
    public static Llama Load(string path)
    {
        try
        {
            using var reader = new BinaryReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16));
            if (reader.BaseStream.Length < HeaderBytes) throw new FormatException($"{path} is not a llama2.c checkpoint: {reader.BaseStream.Length} bytes");
            var (config, isTied) = ReadHeader(reader, path);
            return Read(reader, config, isTied);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FormatException($"cannot read {path}: {e.Message}", e);
        }
    }

    static Llama Read(BinaryReader reader, LlamaConfig c, bool isTied)
    {
        var file = new Weights(reader);
        int keyWidth = c.KeyHeads * c.HeadWidth;
        var embedding = file.Next(c.VocabularySize, c.Width);
        var attentionNorm = file.Each(c.Layers, c.Width);
        var query = file.Each(c.Layers, c.Width, c.Width);
        var key = file.Each(c.Layers, keyWidth, c.Width);
        var value = file.Each(c.Layers, keyWidth, c.Width);
        var output = file.Each(c.Layers, c.Width, c.Width);
        var feedForwardNorm = file.Each(c.Layers, c.Width);
        var gate = file.Each(c.Layers, c.Hidden, c.Width);
        var down = file.Each(c.Layers, c.Width, c.Hidden);
        var up = file.Each(c.Layers, c.Hidden, c.Width);
        var finalNorm = file.Next(c.Width);
        file.Next(c.ContextLength, c.HeadWidth); // tables of rotations, computed anew
        var head = isTied ? embedding : file.Next(c.VocabularySize, c.Width);
        var blocks = Enumerable.Range(0, c.Layers).Select(i =>
            new LlamaBlock(attentionNorm[i], query[i], key[i], value[i], output[i], feedForwardNorm[i], gate[i], down[i], up[i]));
        return new(c, embedding, [.. blocks], finalNorm, head);
    }

    /// <summary>Shape and weights by a decoder's names; the weights are parts of the mapped file.</summary>
    /// <exception cref="FormatException">As of <see cref="Load"/>.</exception>
    internal static (DecoderConfig Config, Dictionary<string, Weight> Weights) Read(string path)
    {
        var (c, isTied) = Header(path);
        var config = new DecoderConfig
        {
            Family = "llama",
            Width = c.Width,
            Hidden = c.Hidden,
            Layers = c.Layers,
            Heads = c.Heads,
            KeyHeads = c.KeyHeads,
            HeadWidth = c.HeadWidth,
            VocabularySize = c.VocabularySize,
            ContextLength = c.ContextLength,
            NormEpsilon = c.NormEpsilon,
            QkNorm = false,
            TiedHead = isTied,
            AdjacentRotation = true,
            BeginToken = Llama2cTokenizer.Begin,
            EndTokens = [Llama2cTokenizer.Begin, Llama2cTokenizer.End], // llama2.c begins the next story with the token that begins texts
        };
        var file = new MappedFile(path);
        var weights = new Dictionary<string, Weight>();
        long at = HeaderBytes;
        Weight Next(params ReadOnlySpan<int> shape)
        {
            var s = new Shape(shape);
            var weight = new Weight(GgmlType.F32, s, new MappedStorage(file, at, s.Count * sizeof(float)));
            at += weight.Bytes;
            return weight;
        }
        void Each(string name, params int[] shape)
        {
            for (int i = 0; i < c.Layers; i++) weights[$"model.layers.{i}.{name}.weight"] = Next(shape);
        }
        int keyWidth = c.KeyHeads * c.HeadWidth;
        weights["model.embed_tokens.weight"] = Next(c.VocabularySize, c.Width);
        Each("input_layernorm", c.Width);
        Each("self_attn.q_proj", c.Width, c.Width);
        Each("self_attn.k_proj", keyWidth, c.Width);
        Each("self_attn.v_proj", keyWidth, c.Width);
        Each("self_attn.o_proj", c.Width, c.Width);
        Each("post_attention_layernorm", c.Width);
        Each("mlp.gate_proj", c.Hidden, c.Width);
        Each("mlp.down_proj", c.Width, c.Hidden);
        Each("mlp.up_proj", c.Hidden, c.Width);
        weights["model.norm.weight"] = Next(c.Width);
        Next(c.ContextLength, c.HeadWidth); // tables of rotations, computed anew
        if (!isTied) weights["lm_head.weight"] = Next(c.VocabularySize, c.Width);
        return (config, weights);
    }

    /// <summary>The tokenizer in a file of its own: the one named, or one beside the checkpoint that has as many tokens.</summary>
    /// <param name="path">The checkpoint.</param>
    /// <param name="tokenizer">A file of llama2.c's or of any other kind; null: it is looked for.</param>
    /// <param name="vocabulary">Tokens of the model.</param>
    /// <returns>Null if there is none.</returns>
    /// <exception cref="FormatException">The file named is damaged or belongs to another model.</exception>
    internal static Tokenizer? TokenizerOf(string path, string? tokenizer, int vocabulary)
    {
        if (tokenizer is not null) return tokenizer.EndsWith(".bin", StringComparison.Ordinal) ? Llama2cTokenizer.Load(tokenizer, vocabulary).ToTokenizer() : TokenizerFile.Load(tokenizer);
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        foreach (string name in new[] { "tokenizer.bin", $"tok{vocabulary}.bin", $"tokenizer{vocabulary}.bin" })
            if (Path.Combine(folder, name) is var file && File.Exists(file)) return Llama2cTokenizer.Load(file, vocabulary).ToTokenizer();
        return ModelFolder.LoadTokenizer(folder);
    }

    static (LlamaConfig Config, bool IsTied) Header(string path)
    {
        try
        {
            using var reader = new BinaryReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, HeaderBytes));
            if (reader.BaseStream.Length < HeaderBytes) throw new FormatException($"{path} is not a llama2.c checkpoint: {reader.BaseStream.Length} bytes");
            return ReadHeader(reader, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FormatException($"cannot read {path}: {e.Message}", e);
        }
    }

    static (LlamaConfig Config, bool IsTied) ReadHeader(BinaryReader reader, string path)
    {
        int width = reader.ReadInt32(), hidden = reader.ReadInt32(), layers = reader.ReadInt32(), heads = reader.ReadInt32(), keyHeads = reader.ReadInt32(),
            vocabulary = reader.ReadInt32(), context = reader.ReadInt32();
        bool isTied = vocabulary > 0;
        if (vocabulary == int.MinValue) throw new FormatException($"{path} is not a llama2.c checkpoint: its vocabulary is {vocabulary}");
        var config = new LlamaConfig(width, hidden, layers, heads, keyHeads, Math.Abs(vocabulary), context);
        Check(config, isTied, reader.BaseStream.Length, path);
        return (config, isTied);
    }

    static void Check(LlamaConfig c, bool isTied, long bytes, string path)
    {
        if (c is not { Width: > 0, Hidden: > 0, Layers: > 0, Heads: > 0, KeyHeads: > 0, VocabularySize: > 0, ContextLength: > 0 } || c.Width % c.Heads != 0 || c.Heads % c.KeyHeads != 0)
            throw new FormatException($"{path} is not a llama2.c checkpoint: its header gives {c}");
        decimal keyWidth = c.KeyHeads * c.HeadWidth, width = c.Width; // decimal: seven random integers must not overflow into plausibility
        decimal layer = 2 * width + 2 * width * width + 2 * keyWidth * width + 3 * width * c.Hidden;
        decimal floats = width * c.VocabularySize * (isTied ? 1 : 2) + c.Layers * layer + width + (decimal)c.ContextLength * c.HeadWidth;
        if (HeaderBytes + 4 * floats != bytes) throw new FormatException($"{path} has {bytes} bytes, but a model of {c} takes {HeaderBytes + 4 * floats}; it is truncated, or no llama2.c checkpoint");
    }

    /// <summary>Reads tensors one after the other.</summary>
    sealed class Weights(BinaryReader reader)
    {
        public Tensor Next(params ReadOnlySpan<int> shape)
        {
            var values = new float[new Shape(shape).Count];
            reader.BaseStream.ReadExactly(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()));
            return Tensor.From(values, shape);
        }

        public Tensor[] Each(int layers, params int[] shape) => [.. Enumerable.Range(0, layers).Select(_ => Next(shape))];
    }
}
