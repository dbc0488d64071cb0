using System.IO.Compression;
using System.Text;
using Ingot.Formats;
using Ingot.Formats.Fuzzing;
using Ingot.Runtime;

namespace Ingot.Tests.Formats;

/// <summary>Files whose smallest parts are many: what they cost in memory is bounded by twice their size and 16 MB, whether they are read or refused.</summary>
public sealed class HostileSizesTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("ingot-hostile-").FullName;

    /// <summary>One for all: each block of guarded memory takes two of the 65,530 mappings that Linux gives a process.</summary>
    static readonly Storage Nothing = Storage.Allocate(0);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    static void Check(string parser, byte[] file, bool? accepted = null)
    {
        var outcome = FuzzRun.Try(FormatTargets.All.Single(t => t.Name == parser), file);
        outcome.What.ShouldBeNull($"{file.Length} bytes, {outcome.Allocated} allocated");
        if (accepted is { } a) outcome.Accepted.ShouldBe(a);
    }

    static byte[] Gguf(Action<GgufWriter> fill)
    {
        var writer = new GgufWriter();
        fill(writer);
        var stream = new MemoryStream();
        writer.Write(stream);
        return stream.ToArray();
    }

    [Fact]
    public void Gguf_ManyShortStrings_StayInTheFile() => Check("gguf", Gguf(w => w.Set("tokens", Enumerable.Repeat("a", 200_000).ToArray())), accepted: true);

    [Fact]
    public void Gguf_ManyArraysInArrays_StayInTheFile() => Check("gguf", Gguf(w => w.Set("nested", Enumerable.Repeat((object)Array.Empty<byte>(), 100_000).ToArray())), accepted: true);

    [Fact]
    public void Gguf_AsManyKeysAndTensorsAsAreAllowed_IsWithinTheBudget() => Check("gguf", Gguf(w =>
    {
        for (int i = 0; i < 30_000; i++) w.Set($"{i:x}", true);
        for (int i = 0; i < 30_000; i++) w.Add($"{i:x}", GgmlType.F32, new Shape(0), () => Nothing);
    }), accepted: true);

    [Fact]
    public void Gguf_MoreTensorsThanAllowed_IsRefused() => Check("gguf", Gguf(w =>
    {
        for (int i = 0; i < 70_000; i++) w.Add($"{i:x}", GgmlType.F32, new Shape(0), () => Nothing);
    }), accepted: false);

    static byte[] Safetensors(string json) => [.. BitConverter.GetBytes((long)json.Length), .. Encoding.ASCII.GetBytes(json)];

    [Theory]
    [InlineData(16_000, true)]
    [InlineData(50_000, false)]
    public void Safetensors_ManyEntries_AreWithinTheBudget(int count, bool accepted) =>
        Check("safetensors", Safetensors("{" + string.Join(",", Enumerable.Range(0, count).Select(i => $"\"{i:x}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}")) + "}"), accepted);

    [Fact]
    public void Safetensors_LongShape_IsRefused() => Check("safetensors", Safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[" + string.Join(",", Enumerable.Repeat(1, 300_000)) + "],\"data_offsets\":[0,4]}}"), accepted: false);

    [Fact]
    public void Safetensors_LongMetadata_IsWithinTheBudget()
    {
        Check("safetensors", Safetensors("{\"__metadata__\":{\"a\":\"" + new string('x', 4_000_000) + "\"}}"), accepted: true);
        Check("safetensors", Safetensors("{\"__metadata__\":{\"a\":\"" + new string('x', 6_000_000) + "\"}}"), accepted: false);
    }

    [Fact]
    public void Npz_Bomb_IsRefusedBeforeItIsUnpacked()
    {
        var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            using var member = zip.CreateEntry("a.npy").Open();
            member.Write("\u0093NUMPY\u0001\u0000"u8[1..]); // the first character takes two bytes of UTF-8, of which the second is the one
            var header = "{'descr': '|u1', 'fortran_order': False, 'shape': (16000000,), }\n";
            member.Write(BitConverter.GetBytes((ushort)header.Length));
            member.Write(Encoding.ASCII.GetBytes(header));
            member.Write(new byte[16_000_000]);
        }
        Check("npz", stream.ToArray(), accepted: false);
        var path = Path.Combine(folder, "bomb.npz");
        File.WriteAllBytes(path, stream.ToArray());
        Should.Throw<Ingot.FormatException>(() => Npy.LoadArchive(path)).Message.ShouldContain("mostBytes");
        Npy.LoadArchive(path, mostBytes: 100_000_000)["a"].Shape.ShouldBe(new Shape(16_000_000));
    }

    [Fact]
    public void Npz_WhatWasSaved_ReadsBackTheSame()
    {
        var path = Path.Combine(folder, "a.npz");
        var tensors = new Dictionary<string, Tensor> { ["weights"] = Tensor.Randn(3, 5), ["steps"] = Tensor.Arange(4).To(DType.I64), ["scalar"] = Tensor.Full([], 2.5f) };
        foreach (bool isCompressed in new[] { false, true })
        {
            Npy.SaveArchive(path, tensors, isCompressed);
            var back = Npy.LoadArchive(path);
            back.Keys.ShouldBe(tensors.Keys);
            back["weights"].ToArray<float>().ShouldBe(tensors["weights"].ToArray<float>());
            back["steps"].ToArray<long>().ShouldBe([0, 1, 2, 3]);
            back["scalar"].Item<float>().ShouldBe(2.5f);
        }
    }
}
