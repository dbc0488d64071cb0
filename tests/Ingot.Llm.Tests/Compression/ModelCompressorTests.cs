using System.Text;
using Ingot.Llm.Compression;
using Ingot.Llm.Models;
using Ingot.Llm.Tests.Models;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tokenizers.Training;

namespace Ingot.Llm.Tests.Compression;

public class ModelCompressorTests
{
    static readonly Tokenizer Tokens = NewTokenizer();

    static readonly ModelFolder Model = new(RandomDecoder.Of(Shape), Tokens);

    static DecoderConfig Shape => new() { Width = 32, Hidden = 48, Layers = 2, Heads = 2, KeyHeads = 1, HeadWidth = 16, VocabularySize = 300, ContextLength = 24, BeginToken = 0 };

    static Tokenizer NewTokenizer()
    {
        var trainer = new BpeTrainer(new() { VocabularySize = 290 });
        trainer.Add(Text(3000));
        return trainer.Train();
    }

    static string Text(int length)
    {
        var random = new Random(length);
        return string.Concat(Enumerable.Range(0, length).Select(i => i % 5 == 4 ? ' ' : "etaoin"[random.Next(6)]));
    }

    static byte[] Contents(string kind)
    {
        var random = new Random(5);
        var any = new byte[400];
        random.NextBytes(any);
        return kind switch
        {
            "empty" => [],
            "a byte" => [0x80],
            "binary" => any,
            "zeros" => new byte[300],
            "special" => Encoding.UTF8.GetBytes("a <|bos|><|user_start|> b"),
            "marks" => Encoding.UTF8.GetBytes("<|endoftext|>\none\n<|endoftext|>\ntwo\n<|endoftext|>\n<|endoftext|>\nthree <|endoftext|> four\n<|endoftext|>\n"),
            "odd marks" => Encoding.UTF8.GetBytes("one \r\n<|end_of_text|>two \r\n<|end_of_text|>three"),
            _ => Encoding.UTF8.GetBytes(Text(700) + "äöü 你好 \r\n"),
        };
    }

    static (byte[] Bytes, CompressionReport Report) Compressed(byte[] original, int streams = 0)
    {
        var to = new MemoryStream();
        var report = ModelCompressor.Compress(Model, new MemoryStream(original), to, streams);
        return (to.ToArray(), report);
    }

    static byte[] Restored(byte[] compressed, ModelFolder? model = null)
    {
        var to = new MemoryStream();
        ModelCompressor.Decompress(model ?? Model, new MemoryStream(compressed), to);
        return to.ToArray();
    }

    [Theory]
    [InlineData("empty", 0)]
    [InlineData("a byte", 3)]
    [InlineData("binary", 1)]
    [InlineData("binary", 7)]
    [InlineData("zeros", 0)]
    [InlineData("special", 1)]
    [InlineData("marks", 2)]
    [InlineData("odd marks", 1)]
    [InlineData("text", 1)]
    [InlineData("text", 5)]
    public void Decompress_WhateverTheBytes_GivesThemBack(string kind, int streams)
    {
        var original = Contents(kind);
        var (compressed, report) = Compressed(original, streams);
        Restored(compressed).ShouldBe(original);
        (report.Bytes, report.CompressedBytes).ShouldBe((original.Length, compressed.Length));
        // Some 26 bytes around the code and the lengths of the streams; nothing else is added to what the model promises.
        report.CompressedBytes.ShouldBeInRange((long)report.PromisedBytes, (long)(1.001 * report.PromisedBytes) + 27 + 2 * report.Streams + (kind == "odd marks" ? 20 : 0));
    }

    [Fact]
    public void Compress_MarksBetweenDocuments_AreOneTokenEach()
    {
        var (_, with) = Compressed(Encoding.UTF8.GetBytes("one\n<|endoftext|>\ntwo\n<|endoftext|>\nthree"));
        var (_, without) = Compressed(Encoding.UTF8.GetBytes("onetwothree"));
        with.Tokens.ShouldBeInRange(without.Tokens + 1, without.Tokens + 4);
    }

    [Fact]
    public void Compress_ModelThatKnowsTheText_TakesWhatItPromises()
    {
        // Its distribution is the same everywhere, so the promise can be computed beside it: all weights 0 but the tokens' own, the last norm makes 0 of 0.
        var uniform = new ModelFolder(new Ingot.Llm.Models.Decoder(Shape with { TiedHead = false }, 1), Tokens);
        var text = Encoding.UTF8.GetBytes(Text(4000));
        var to = new MemoryStream();
        var report = ModelCompressor.Compress(uniform, new MemoryStream(text), to);
        report.BitsPerByte.ShouldBe(Tokens.EncodeBytes(text).Length * Math.Log2(300) / text.Length, 0.02 * report.BitsPerByte);
        report.CompressedBytes.ShouldBeLessThan((long)(1.001 * report.PromisedBytes) + 30);
    }

    [Fact]
    public void Decompress_OtherModelOrTokenizer_SaysSoAndWritesNothing()
    {
        var (compressed, _) = Compressed(Contents("text"));
        var other = new ModelFolder(RandomDecoder.Of(Shape, seed: 2), Tokens);
        var trainer = new BpeTrainer(new() { VocabularySize = 290 });
        trainer.Add("quite another text, in which other pairs of letters are frequent, frequent, frequent");
        foreach (var model in new[] { other, new(Model.Model, trainer.Train()) })
        {
            var to = new MemoryStream();
            Should.Throw<IngotException>(() => ModelCompressor.Decompress(model, new MemoryStream(compressed), to)).Message.ShouldContain("another model");
            to.Length.ShouldBe(0);
        }
        // The same weights, but other frequencies of the rotation: what the model computes is another thing.
        var turned = new ModelFolder(RandomDecoder.Of(Shape with { RopeTheta = 10 }), Tokens);
        Should.Throw<IngotException>(() => Restored(compressed, turned)).Message.ShouldContain("other bits");
        Should.Throw<IngotException>(() => Restored(compressed, new(Model.Model, null))).Message.ShouldContain("tokenizer.json");
    }

    [Fact]
    public void Decompress_DamagedAnywhereOrCut_SaysSoAndWritesNothing()
    {
        var (compressed, _) = Compressed(Contents("text"), 2);
        var to = new MemoryStream();
        for (int at = 0; at < compressed.Length; at++)
        {
            var damaged = compressed.ToArray();
            damaged[at] ^= 0x10;
            Should.Throw<FormatException>(() => ModelCompressor.Decompress(Model, new MemoryStream(damaged), to));
            Should.Throw<FormatException>(() => ModelCompressor.Decompress(Model, new MemoryStream(compressed, 0, at), to));
        }
        to.Length.ShouldBe(0);
    }

    [Fact]
    public void Decompress_CodeOfAnotherText_IsFoundByTheChecksumOfTheOriginal()
    {
        // As an attacker or a bug would make it: everything fits but the code.
        var file = CompressedFile.Read(Compressed(Contents("text")).Bytes);
        var code = file.Code.ToArray();
        code[code.Length / 2] ^= 1;
        var to = new MemoryStream();
        Should.Throw<FormatException>(() => ModelCompressor.Decompress(Model, new MemoryStream((file with { Code = code }).ToBytes()), to)).Message.ShouldContain("nothing is written");
        to.Length.ShouldBe(0);
        foreach (var bad in new[] { file with { Streams = [int.MaxValue] }, file with { Length = 3 }, file with { Length = -1 } })
            Should.Throw<FormatException>(() => Restored(bad.ToBytes()));
    }

    [Fact]
    public void Compress_TokenizerThatNormalizes_SaysWhereItDiffers()
    {
        var folder = new TemporaryFolder();
        File.WriteAllText(folder["vocab.txt"], "[UNK]\n[CLS]\n[SEP]\n[PAD]\n[MASK]\nab\n##c\n");
        var model = new ModelFolder(RandomDecoder.Of(Shape), TokenizerFile.Load(folder["vocab.txt"]));
        Should.Throw<IngotException>(() => ModelCompressor.Compress(model, new MemoryStream("abc ABC"u8.ToArray()), new MemoryStream())).Message.ShouldContain("does not give the file back");
        folder.Dispose();
    }
}
