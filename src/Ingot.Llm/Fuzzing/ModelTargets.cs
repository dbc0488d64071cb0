using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Ingot.Formats;
using Ingot.Formats.Fuzzing;
using Ingot.Llm.Data;
using Ingot.Llm.Models;
using Ingot.Llm.Models.Families;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tokenizers.Files;
using Ingot.Runtime;

namespace Ingot.Llm.Fuzzing;

/// <summary>The parsers of what comes beside a model's weights, and of training data.</summary>
public static partial class ModelTargets
{
    const string Name = "the input";

    /// <summary>What accepted tokenizers encode: words, digits, spaces, other scripts, an emoji, a special token, half a character.</summary>
    const string Text = "Hello  world 1234, it's naïve\tğış 東京 😀 <s>\ud83d aaaaaaaaaaaaaaaa";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("tokenizer.json", TokenizerSeed, bytes => Using(TokenizerFile.FromJson(bytes, Name))),
        new("sentencepiece", SentencePieceSeed, bytes => Using(TokenizerFile.FromSentencePiece(bytes, Name))),
        new("tiktoken", TiktokenSeed, bytes => Using(TokenizerFile.FromTiktoken(bytes, Name, TiktokenEncoding.Known[0]))),
        new("config.json", ConfigSeed, ParseConfig),
        new("gguf-model", GgufModelSeed, ParseGgufModel),
        new("gzip", GzipSeed, bytes => { _ = DataSource.Unzipped(Name, bytes, 2L * bytes.Length + (4 << 20)); return () => { }; }),
    ];

    static Action Using(Tokenizer tokenizer) => () => tokenizer.Decode(tokenizer.Encode(Text));

    static Action ParseGgufModel(byte[] bytes)
    {
        var file = Gguf.Parse(Storage.Of<byte>(bytes), Name);
        var (_, weights) = GgufModel.Read(file, Name);
        _ = GgufModel.SamplingOf(file);
        _ = GgufModel.TemplateOf(file);
        var tokenizer = GgufModel.TokenizerOf(file);
        return () =>
        {
            GC.KeepAlive(weights);
            tokenizer?.Decode(tokenizer.Encode(Text));
        };
    }

    static Action ParseConfig(byte[] bytes)
    {
        try
        {
            var json = new ConfigJson(JsonDocument.Parse(bytes, new() { MaxDepth = 64 }).RootElement, Name);
            _ = Family.Of(json).Read(json);
        }
        catch (JsonException e) { throw new FormatException($"{Name} is damaged: {e.Message}", e); } // as ModelFolder reads it
        return () => { };
    }

    /// <summary>A SentencePiece model, message by message; contents are short enough for lengths of one byte, which can be kept true.</summary>
    static FuzzSeed SentencePieceSeed(Random random)
    {
        var bytes = new List<byte>();
        var lengths = new List<LengthField>();
        string[] pieces = ["<unk>", "<s>", "</s>", "▁", "▁hello", "world", "a", "aa", "l", "ll", "<0x41>", "東", "<user>", "lo", "wor"];
        int[] kinds = [2, 3, 3, 1, 1, 1, 1, 1, 1, 1, 6, 1, 4, 4, 5];
        for (int i = 0; i < pieces.Length; i++)
            if (i < 3 || random.Next(4) != 0) Message(1, () => { Bytes(1, Encoding.UTF8.GetBytes(pieces[i])); Float(2, -i); if (kinds[i] != 1) Number(3, kinds[i]); });
        Message(2, () => { Number(3, random.Next(1, 5)); Number(35, random.Next(2)); Number(24, random.Next(2)); Number(40, 0); Number(41, 1); Number(42, random.Next(4) - 1); Bytes(44, " \u2047 "u8.ToArray()); });
        Message(3, () => { Bytes(1, "identity"u8.ToArray()); if (random.Next(2) == 0) Bytes(2, CharsMap(random)); Number(3, random.Next(2)); Number(4, random.Next(2)); Number(5, random.Next(2)); });
        return new([.. bytes], lengths);

        void Varint(ulong v)
        {
            for (; v > 127; v >>= 7) bytes.Add((byte)(v | 128));
            bytes.Add((byte)v);
        }
        void Number(int field, int value) { Varint((ulong)field << 3); Varint((ulong)(long)value); }
        void Float(int field, float value) { Varint((ulong)field << 3 | 5); bytes.AddRange(BitConverter.GetBytes(value)); }
        void Bytes(int field, byte[] value) => Message(field, () => bytes.AddRange(value));
        void Message(int field, Action content)
        {
            Varint((ulong)field << 3 | 2);
            int at = bytes.Count;
            bytes.Add(0);
            content();
            int length = bytes.Count - at - 1;
            bytes[at] = (byte)(length > 127 ? length & 127 | 128 : length);
            if (length < 128) lengths.Add(new(at, 1, at + 1, length));
            else
            {
                bytes.Insert(at + 1, (byte)(length >> 7)); // fields within are one further on than they said
                lengths.RemoveAll(f => f.At > at);
            }
        }
    }

    static FuzzSeed TiktokenSeed(Random random)
    {
        var text = new StringBuilder();
        int rank = 0;
        for (int b = 0; b < 256; b++) text.Append($"{Convert.ToBase64String([(byte)b])} {rank++}\n");
        foreach (string token in new[] { "he", "ll", "hell", " w", "or", "aa", "aaaa" }) text.Append($"{Convert.ToBase64String(Encoding.UTF8.GetBytes(token))} {rank++}\n");
        return new(Encoding.UTF8.GetBytes(random.Next(8) == 0 ? text.ToString().Replace("\n", "\r\n", StringComparison.Ordinal) : text.ToString()));
    }

    static FuzzSeed GzipSeed(Random random)
    {
        var packed = new MemoryStream();
        using (var zip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            zip.Write(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("A line of text.\n", random.Next(200)))));
            if (random.Next(100) == 0) zip.Write(new byte[8 << 20]); // unpacks to more than the limit
        }
        return new(random.Next(4) == 0 ? [.. packed.ToArray(), .. packed.ToArray()] : packed.ToArray()); // members may follow one another
    }
}
