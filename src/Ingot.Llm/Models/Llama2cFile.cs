namespace Ingot.Llm.Models;

/// <summary>llama2.c's checkpoint: seven int32, then float32 weights, those of all layers together.</summary>
/// <remarks>github.com/karpathy/llama2.c, version 0 of the format: dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size (negative if the head is not the embedding), seq_len.</remarks>
public static class Llama2cFile
{
    /// <exception cref="FormatException">The file is missing or truncated, or its numbers make no model.</exception>
    public static Llama Load(string path)
    {
        try
        {
            using var reader = new BinaryReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16));
            if (reader.BaseStream.Length < 28) throw new FormatException($"{path} is not a llama2.c checkpoint: {reader.BaseStream.Length} bytes");
            int width = reader.ReadInt32(), hidden = reader.ReadInt32(), layers = reader.ReadInt32(), heads = reader.ReadInt32(), keyHeads = reader.ReadInt32(),
                vocabulary = reader.ReadInt32(), context = reader.ReadInt32();
            bool isTied = vocabulary > 0;
            var config = new LlamaConfig(width, hidden, layers, heads, keyHeads, Math.Abs(vocabulary), context);
            Check(config, isTied, reader.BaseStream.Length, path);
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

    static void Check(LlamaConfig c, bool isTied, long bytes, string path)
    {
        if (c is not { Width: > 0, Hidden: > 0, Layers: > 0, Heads: > 0, KeyHeads: > 0, VocabularySize: > 0, ContextLength: > 0 } || c.Width % c.Heads != 0 || c.Heads % c.KeyHeads != 0)
            throw new FormatException($"{path} is not a llama2.c checkpoint: its header gives {c}");
        decimal keyWidth = c.KeyHeads * c.HeadWidth, width = c.Width; // decimal: seven random integers must not overflow into plausibility
        decimal layer = 2 * width + 2 * width * width + 2 * keyWidth * width + 3 * width * c.Hidden;
        decimal floats = width * c.VocabularySize * (isTied ? 1 : 2) + c.Layers * layer + width + (decimal)c.ContextLength * c.HeadWidth;
        if (28 + 4 * floats != bytes) throw new FormatException($"{path} has {bytes} bytes, but a model of {c} takes {28 + 4 * floats}; it is truncated, or no llama2.c checkpoint");
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
