using Ingot.Formats;
using Ingot.Formats.Quantization;
using Ingot.Runtime;

namespace Ingot.Tests.Formats;

public sealed class GgufWriterTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("ingot-gguf-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    string Written(GgufWriter writer)
    {
        var path = Path.Combine(folder, "a.gguf");
        writer.Write(path);
        return path;
    }

    [Fact]
    public void Write_EveryMetadataType_ReadsBackTheSame()
    {
        (string Key, object Value)[] values =
        [
            ("u8", byte.MaxValue), ("i8", sbyte.MinValue), ("u16", ushort.MaxValue), ("i16", short.MinValue), ("u32", uint.MaxValue), ("i32", int.MinValue), ("u64", ulong.MaxValue),
            ("i64", long.MinValue), ("f32", 1.5f), ("f64", 0.1), ("true", true), ("false", false), ("text", "çğı \U0001F600\n"), ("empty", ""), ("texts", new[] { "a", "", "ü" }),
            ("bytes", new byte[] { 1, 2 }), ("floats", new[] { 0.5f, -1 }), ("bools", new[] { true, false }), ("none", Array.Empty<long>()), ("nested", new object[] { new[] { 1, 2 }, new[] { "x" }, Array.Empty<byte>() }),
        ];
        var writer = new GgufWriter();
        foreach (var (key, value) in values) writer.Set(key, value);
        var metadata = Gguf.Open(Written(writer)).Metadata;
        metadata.Keys.ShouldBe(values.Select(v => v.Key));
        foreach (var (key, value) in values)
        {
            metadata[key].Value.ShouldBeEquivalentTo(value, key);
        }
        metadata.Integer("u32").ShouldBe(uint.MaxValue);
        metadata.Bytes("bytes").ShouldBe([1, 2]);
        metadata.Numbers("floats").ShouldBe([0.5f, -1]);
        metadata.Texts("texts").ShouldBe(["a", "", "ü"]);
        Should.Throw<Ingot.FormatException>(() => metadata.Integer("u64")).Message.ShouldContain("'u64'");
    }

    [Theory]
    [InlineData(32)]
    [InlineData(64)]
    [InlineData(4096)]
    public void Write_Tensors_ReadBackTheSameAndAligned(int alignment)
    {
        var writer = new GgufWriter((uint)alignment);
        var matrix = Tensor.Randn(3, 64);
        var cut = Tensor.Arange(12).Reshape(3, 4).To(DType.F32)[1..];
        writer.Add("matrix", matrix);
        writer.Add("cut", cut);
        writer.Add("half", matrix, GgmlType.F16);
        writer.Add("q8", matrix, GgmlType.Q8_0);
        writer.Add("scalar", Tensor.Full([], 2.5f));
        writer.Add("empty", Tensor.Zeros([0, 4]));
        writer.Add("long", Tensor.Arange(5).To(DType.I64));
        foreach (bool map in new[] { false, true })
        {
            var file = Gguf.Open(Written(writer), map);
            file.Alignment.ShouldBe(alignment);
            file.Tensors.ShouldAllBe(t => t.Offset % alignment == 0);
            file["matrix"].ToArray<float>().ShouldBe(matrix.ToArray<float>());
            file["cut"].ToArray<float>().ShouldBe([4, 5, 6, 7, 8, 9, 10, 11]);
            file["half"].DType.ShouldBe(DType.F16);
            file["half"].To(DType.F32).ToArray<float>().ShouldBe(matrix.To(DType.F16).To(DType.F32).ToArray<float>());
            file.Find("q8").ByteCount.ShouldBe(6 * 34);
            var blocks = new byte[6 * 34];
            BlockFormats.Encode(GgmlType.Q8_0, matrix.ToArray<float>(), blocks);
            file.Bytes("q8").Span<byte>().ToArray().ShouldBe(blocks);
            file["scalar"].Shape.ShouldBe(Shape.Scalar);
            file["scalar"].Item<float>().ShouldBe(2.5f);
            file["empty"].Shape.ShouldBe(new Shape(0, 4));
            file["long"].ToArray<long>().ShouldBe([0, 1, 2, 3, 4]);
        }
    }

    [Fact]
    public void Write_WhatWasRead_GivesTheSameBytes()
    {
        if (MalformedFiles.Shared(Path.Combine("gguf", "stories260K-Q4_0.gguf")) is not { } path) Assert.Skip("no data");
        else
        {
            var file = Gguf.Open(path);
            var writer = new GgufWriter();
            foreach (var (key, value) in file.Metadata) writer.Set(key, value.Value);
            foreach (var t in file.Tensors) writer.Add(t.Name, t.Type, t.Shape, () => file.Bytes(t.Name));
            File.ReadAllBytes(Written(writer)).ShouldBe(File.ReadAllBytes(path));
        }
    }

    [Fact]
    public void Add_WhatGgufCannotHold_IsRefused()
    {
        var writer = new GgufWriter();
        Should.Throw<IngotException>(() => writer.Add("a", Tensor.Zeros([2, 172]), GgmlType.Q8_0)).Message.ShouldContain("rows of 172");
        Should.Throw<IngotException>(() => writer.Add(new string('n', 64), Tensor.Zeros([1]))).Message.ShouldContain("64 bytes");
        Should.Throw<IngotException>(() => writer.Add("a", Tensor.Zeros([1, 1, 1, 1, 1]))).Message.ShouldContain("5 dimensions");
        Should.Throw<IngotException>(() => writer.Set("k", DateTime.Now)).Message.ShouldContain("'k'");
        Should.Throw<IngotException>(() => writer.Set("general.alignment", 7u));
        writer.Add("b", Tensor.Zeros([2]));
        Should.Throw<IngotException>(() => writer.Add("b", Tensor.Zeros([2])));
        writer.Add("c", GgmlType.F32, new Shape(2), () => Storage.Allocate(4));
        Should.Throw<IngotException>(() => Written(writer)).Message.ShouldContain("needs 8 bytes, but 4");
        Directory.EnumerateFiles(folder).ShouldBeEmpty();
    }
}
