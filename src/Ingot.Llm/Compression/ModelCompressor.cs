using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;
using Ingot.Nn;

namespace Ingot.Llm.Compression;

/// <summary>How much smaller a file became.</summary>
/// <param name="Bytes">Of the file.</param>
/// <param name="Tokens">It was read as.</param>
/// <param name="Streams">It was cut into.</param>
/// <param name="ModelBits">The sum of -log2 of the probabilities that the model gave to the tokens.</param>
/// <param name="CompressedBytes">Of the compressed file, everything in it.</param>
public sealed record CompressionReport(long Bytes, long Tokens, int Streams, double ModelBits, long CompressedBytes)
{
    /// <summary>Of the model on this file.</summary>
    public double BitsPerByte => Bytes == 0 ? 0 : ModelBits / Bytes;

    /// <summary>The size that the model's bits are.</summary>
    public double PromisedBytes => ModelBits / 8;

    /// <summary>Of the file's size to the compressed one.</summary>
    public double Ratio => CompressedBytes == 0 ? 0 : (double)Bytes / CompressedBytes;
}

/// <summary>
/// Compresses files by arithmetic coding with the probabilities of a language model, and restores them byte for byte with the same model. A long file is cut
/// into streams that are computed side by side.
/// </summary>
/// <remarks>Shannon 1951, "Prediction and entropy of printed English", is the idea; Rissanen 1976, "Generalized Kraft inequality", the coding.</remarks>
public static class ModelCompressor
{
    /// <summary>Bytes a stream at least, where its begin is in the middle of a text: a stream costs some six bytes more than a text that goes on, 0.23% of this measured at 1.15 bits a byte.</summary>
    const int BytesPerStream = 1 << 14;

    /// <summary>Bytes a stream at least, where it can begin with a document: it costs the two bytes that say how long it is.</summary>
    const int BytesPerDocumentStream = 1 << 13;

    /// <summary>As many rows as <see cref="Generation.Engine"/> runs at a time.</summary>
    const int MostStreams = 256;

    /// <summary>Memory for all streams' keys and values.</summary>
    const long CacheBytes = 1L << 30;

    /// <summary>Writes a compressed file.</summary>
    /// <param name="model">With its tokenizer.</param>
    /// <param name="from">Read to its end.</param>
    /// <param name="to">Gets the compressed file when all of it is known.</param>
    /// <param name="streams">Parts computed side by side; 0: as the length suggests.</param>
    /// <param name="progress">Told the share done.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="IngotException">The tokenizer does not give the file back, the model has none, or its logits are not finite.</exception>
    public static CompressionReport Compress(ModelFolder model, Stream from, Stream to, int streams = 0, Action<double>? progress = null, CancellationToken cancellation = default)
    {
        if (streams is < 0 or > MostStreams) throw new IngotException($"a file is cut into 1 to {MostStreams} streams, not {streams}");
        var (decoder, tokenizer, begin) = Parts(model);
        var bytes = ReadAll(from);
        var (all, separator) = new FileTokens(tokenizer, begin).Encode(bytes);
        if (streams == 0) streams = StreamsFor(bytes.Length, separator.Length > 0, decoder);
        int[] lengths = Cut(all, streams, separator.Length > 0 ? begin : null);
        var starts = new int[lengths.Length];
        for (int i = 1; i < starts.Length; i++) starts[i] = starts[i - 1] + lengths[i - 1];

        uint arithmetic = Arithmetic(decoder, begin, lengths.Length, cancellation);
        var (coder, frequencies) = (new RangeEncoder(), new TokenFrequencies(decoder.VocabularySize));
        double bits = 0;
        TokenStreams.Run(decoder, begin, lengths, (stream, position, logits) =>
        {
            int token = all[starts[stream] + position];
            frequencies.Set(logits);
            bits += frequencies.Bits(token);
            coder.Encode(frequencies.Below(token), frequencies.Frequencies[token], frequencies.Total);
            return token;
        }, progress is null ? null : done => progress((double)done / all.Length), cancellation);
        var file = new CompressedFile(Fingerprint(model), arithmetic, bytes.Length, CompressedFile.ChecksumOf(bytes), separator, lengths, coder.Finish().ToArray()).ToBytes();
        to.Write(file);
        return new(bytes.Length, all.Length, lengths.Length, bits, file.Length);
    }

    /// <summary>Restores the original.</summary>
    /// <param name="model">The one it was compressed with.</param>
    /// <param name="from">Read to its end.</param>
    /// <param name="to">Gets the original after its checksum was found to be right; nothing before.</param>
    /// <param name="progress">Told the share done.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="FormatException">The file is damaged, not whole, or none of these.</exception>
    /// <exception cref="IngotException">The model is another one, or computes other bits here than it did where the file was made.</exception>
    public static void Decompress(ModelFolder model, Stream from, Stream to, Action<double>? progress = null, CancellationToken cancellation = default)
    {
        var file = CompressedFile.Read(ReadAll(from));
        var (decoder, tokenizer, begin) = Parts(model);
        if (Fingerprint(model) is var fingerprint && file.Model != fingerprint)
            throw new IngotException($"the file was compressed with another model: its fingerprint is {file.Model:x8}, that of this model {fingerprint:x8}; give the model that compressed it");
        if (Arithmetic(decoder, begin, file.Streams.Length, cancellation) != file.Arithmetic)
            throw new IngotException("the model is the right one, but computes other bits here than where the file was compressed, so that nothing could be restored: decompress on a machine with the same instruction set, with the same version of Ingot and the same settings (INGOT_ISA)");
        var (coder, frequencies) = (new RangeDecoder(file.Code), new TokenFrequencies(decoder.VocabularySize));
        long count = file.Streams.Sum(n => (long)n);
        var tokens = TokenStreams.Run(decoder, begin, file.Streams, (_, _, logits) =>
        {
            frequencies.Set(logits);
            var (token, below) = frequencies.Find(coder.Peek(frequencies.Total));
            coder.Take(below, frequencies.Frequencies[token]);
            // Padding rows of the model's table are no tokens: they come up in a damaged file alone.
            return token < tokenizer.VocabularySize ? token : throw Damaged();
        }, progress is null ? null : done => progress((double)done / count), cancellation);
        var bytes = new FileTokens(tokenizer, begin).Decode([.. tokens.SelectMany(t => t)], file.Separator);
        if (bytes.Length != file.Length || CompressedFile.ChecksumOf(bytes) != file.Checksum) throw Damaged();
        to.Write(bytes);

        static FormatException Damaged() => new("what was decompressed is not the original by its checksum: the file is damaged, or the model computes other bits here than where it was compressed; nothing is written");
    }

    static (Decoder Model, Tokenizer Tokenizer, int Begin) Parts(ModelFolder model)
    {
        var tokenizer = model.Tokenizer ?? throw new IngotException("the model has no tokenizer.json; without it text cannot become tokens");
        if (tokenizer.VocabularySize > model.Model.VocabularySize) throw new IngotException($"the tokenizer has {tokenizer.VocabularySize} tokens, the model {model.Model.VocabularySize}; they do not belong together");
        int begin = model.Model.Config.BeginToken ?? (tokenizer.BeginIds is [var first, ..] ? first : tokenizer.TokenId("<|bos|>") ?? tokenizer.TokenId("<|endoftext|>") ?? 0);
        return (model.Model, tokenizer, begin);
    }

    static byte[] ReadAll(Stream from)
    {
        using var memory = new MemoryStream();
        try { from.CopyTo(memory); }
        catch (IOException e) when (memory.Length > 1 << 30) { throw new IngotException("files above 2 GB are not compressed; cut the file", e); }
        return memory.ToArray();
    }

    static int StreamsFor(long bytes, bool hasDocuments, Decoder model) =>
        (int)Math.Clamp(bytes / (hasDocuments ? BytesPerDocumentStream : BytesPerStream), 1, Math.Clamp(CacheBytes / TokenStreams.BytesPerStream(model), 1, MostStreams));

    /// <summary>Parts of about one length, each behind a document's end if there is one near.</summary>
    static int[] Cut(ReadOnlySpan<int> tokens, int streams, int? begin)
    {
        var lengths = new List<int>();
        int from = 0;
        for (int i = 1; i <= streams; i++)
        {
            int to = (int)((long)tokens.Length * i / streams), near = tokens.Length / streams / 2;
            if (i < streams && begin is { } mark && tokens.Slice(to, Math.Min(near, tokens.Length - to)).IndexOf(mark) is >= 0 and var found) to += found + 1;
            if (to > from) lengths.Add(to - from);
            from = Math.Max(from, to);
        }
        return [.. lengths];
    }

    /// <summary>Of the weights and of what each token stands for.</summary>
    static uint Fingerprint(ModelFolder model)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, weight) in Module.StateDict(model.Model))
        {
            hash.AppendData(System.Text.Encoding.UTF8.GetBytes($"{name} {weight.Shape}"));
            hash.AppendData(MemoryMarshal.AsBytes<float>(weight.ToArray<float>()));
        }
        var tokenizer = model.Tokenizer!;
        for (int id = 0; id < tokenizer.VocabularySize; id++)
        {
            var text = tokenizer.DecodesBytes ? tokenizer.BytesOf(id) : System.Text.Encoding.UTF8.GetBytes(tokenizer.TokenText(id) ?? "");
            hash.AppendData(BitConverter.GetBytes(text.Length));
            hash.AppendData(text);
        }
        return BitConverter.ToUInt32(hash.GetHashAndReset());
    }

    /// <summary>Of the frequencies of a few tokens in as many streams: the same only where the model's numbers are the same to the last bit.</summary>
    static uint Arithmetic(Decoder model, int begin, int streams, CancellationToken cancellation)
    {
        const int each = 3;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var frequencies = new TokenFrequencies(model.VocabularySize);
        TokenStreams.Run(model, begin, [.. Enumerable.Repeat(each, streams)], (stream, position, logits) =>
        {
            frequencies.Set(logits);
            hash.AppendData(MemoryMarshal.AsBytes(frequencies.Frequencies));
            return (int)((31L * stream + 7 * position + 1) * 2654435761 % model.VocabularySize);
        }, null, cancellation);
        return BitConverter.ToUInt32(hash.GetHashAndReset());
    }
}
