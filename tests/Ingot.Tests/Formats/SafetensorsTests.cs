using System.Text;
using Ingot.Formats;
using Ingot.Runtime;

namespace Ingot.Tests.Formats;

public sealed class SafetensorsTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("ingot-test-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    string At(string name) => Path.Combine(folder, name);

    [Fact]
    public void Load_MalformedFiles_AcceptsAndRejectsAsTheManifestSays() => MalformedFiles.CheckAll("safetensors", p => Safetensors.Load(p));

    [Fact]
    public void Load_OkBasic_HasTheValuesOfTheNote()
    {
        var t = Safetensors.Load(MalformedFiles.Of("safetensors").Single(c => c.Name.EndsWith("ok_basic.safetensors", StringComparison.Ordinal)).Path).Values.Single();
        t.Shape.ShouldBe(new Shape(2, 3));
        t.ToArray<float>().ShouldBe([0, 1, 2, 3, 4, 5]);
    }

    [Fact]
    public void Load_Float8_HasTheValuesOfTheNote()
    {
        var file = Safetensors.Open(MalformedFiles.Of("safetensors").Single(c => c.Name.EndsWith("ok_fp8.safetensors", StringComparison.Ordinal)).Path);
        float[] Of(string type) => file[file.Entries.Single(e => e.Type == type).Name].ToArray<float>();
        Of("F8_E4M3").ShouldBe([1, -1, 448, MathF.Pow(2, -9)]);
        Of("F8_E5M2").ShouldBe([1, -1, 57344, MathF.Pow(2, -16)]);
    }

    [Fact]
    public void Save_EveryDType_RoundTrips()
    {
        var tensors = new Dictionary<string, Tensor>
        {
            ["bool"] = Tensor.From([true, false, true]),
            ["u8"] = Tensor.From(new byte[] { 1, 255 }),
            ["i8"] = Tensor.From(new sbyte[] { -1, 2 }),
            ["i16"] = Tensor.From(new short[] { -300 }),
            ["i32"] = Tensor.From([1, 2, 3, 4, 5, 6], 2, 3),
            ["i64"] = Tensor.From([long.MinValue, 7]),
            ["u16"] = Tensor.From(new ushort[] { 65535 }),
            ["u32"] = Tensor.From([uint.MaxValue]),
            ["u64"] = Tensor.From([ulong.MaxValue]),
            ["f16"] = Tensor.From([(Half)1.5f]),
            ["bf16"] = Tensor.From([(BFloat16)(-2.5f), (BFloat16)1f, (BFloat16)0f]),
            ["f32"] = Tensor.From([1.25f, float.NaN, float.NegativeInfinity]),
            ["f64"] = Tensor.Scalar(Math.PI),
            ["empty"] = Tensor.From(Array.Empty<float>(), 0, 4),
            ["näme \"quoted\"\n"] = Tensor.From([1f]),
        };
        Safetensors.Save(At("a.safetensors"), tensors, new Dictionary<string, string> { ["step"] = "12", ["ü"] = "ß" });
        var file = Safetensors.Open(At("a.safetensors"));
        file.Metadata.ShouldBe(new Dictionary<string, string> { ["step"] = "12", ["ü"] = "ß" }, ignoreOrder: true);
        file.Entries.Count.ShouldBe(tensors.Count);
        foreach (var (name, t) in tensors)
        {
            file[name].DType.ShouldBe(t.DType);
            file[name].Shape.ShouldBe(t.Shape);
            file[name].ToArray<double>().ShouldBe(t.ToArray<double>(), name);
        }
    }

    [Fact]
    public void Open_Mapped_GivesTheSameValuesAndWritesNothingBack()
    {
        var tensors = new Dictionary<string, Tensor> { ["a"] = Tensor.From([1f, 2, 3]), ["b"] = Tensor.From(new byte[] { 1, 2, 3 }), ["c"] = Tensor.From([4.0, 5]), ["empty"] = Tensor.From(Array.Empty<float>(), 0) };
        Safetensors.Save(At("a"), tensors);
        var bytes = File.ReadAllBytes(At("a"));
        var file = Safetensors.Open(At("a"), map: true);
        foreach (var (name, t) in tensors) file[name].ToArray<double>().ShouldBe(t.ToArray<double>());
        var parameter = file["a"].WithGrad();
        parameter.Assign(Tensor.From([7f, 8, 9])).Realize();
        parameter.ToArray<float>().ShouldBe([7f, 8, 9]);
        file["a"].ToArray<float>().ShouldBe([1f, 2, 3]);
        File.ReadAllBytes(At("a")).ShouldBe(bytes);
    }

    [Fact]
    public void Open_MappedUnaligned_CopiesThoseTensors()
    {
        // One odd byte of U8 before the floats: they cannot be used where they lie.
        var json = "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[1,9]}}";
        File.WriteAllBytes(At("odd"), [.. BitConverter.GetBytes((long)json.Length), .. Encoding.UTF8.GetBytes(json), 5, .. BitConverter.GetBytes(1.5f), .. BitConverter.GetBytes(-2f)]);
        Safetensors.Open(At("odd"), map: true)["b"].ToArray<float>().ShouldBe([1.5f, -2f]);
    }

    /// <summary>A sparse file: 2.5 GB on paper, a few pages on the disk.</summary>
    [Fact]
    public void Open_BeyondTwoGigabytes_ReachesTheLastElement()
    {
        const int half = 1 << 29, last = (1 << 27) - 1; // the last tensor starts at 2 GiB
        var json = $"{{\"big\":{{\"dtype\":\"F32\",\"shape\":[{half}],\"data_offsets\":[0,{4L * half}]}},\"end\":{{\"dtype\":\"F32\",\"shape\":[{last + 1}],\"data_offsets\":[{4L * half},{4L * half + 4L * (last + 1)}]}}}}";
        json = json.PadRight((json.Length + 15) / 8 * 8);
        try
        {
            using var stream = File.Create(At("big"));
            stream.Write([.. BitConverter.GetBytes((long)json.Length), .. Encoding.UTF8.GetBytes(json)]);
            stream.SetLength(8 + json.Length + 4L * half + 4L * (last + 1));
            stream.Seek(-4, SeekOrigin.End);
            stream.Write(BitConverter.GetBytes(42f));
        }
        catch (IOException) { Assert.Skip("no sparse files here"); }
        var file = Safetensors.Open(At("big"));
        file["big"].Count.ShouldBe(half);
        file["end"].Values<float>()[last].ShouldBe(42f);
    }

    [Fact]
    public void Save_ComputedTensor_WritesItsValues()
    {
        Safetensors.Save(At("a"), new Dictionary<string, Tensor> { ["x"] = Tensor.From([1.5f, 2.5f]).To(DType.I32) });
        Safetensors.Load(At("a"))["x"].ToArray<int>().ShouldBe([1, 2]);
    }

    [Fact]
    public void Save_Twice_SameBytesAndNothingElseInTheFolder()
    {
        foreach (var name in new[] { "a", "b", "a" })
            Safetensors.Save(At(name), new Dictionary<string, Tensor> { ["x"] = Tensor.From([1f, 2]), ["y"] = Tensor.From([3]) });
        File.ReadAllBytes(At("a")).ShouldBe(File.ReadAllBytes(At("b")));
        Directory.GetFiles(folder).Length.ShouldBe(2);
    }

    [Fact]
    public void Load_EveryTruncation_IsRefused()
    {
        Safetensors.Save(At("a"), new Dictionary<string, Tensor> { ["x"] = Tensor.From([1f, 2, 3]) });
        var bytes = File.ReadAllBytes(At("a"));
        for (int n = 0; n < bytes.Length; n++)
        {
            File.WriteAllBytes(At("cut"), bytes[..n]);
            Should.Throw<Ingot.FormatException>(() => Safetensors.Load(At("cut"))).Message.ShouldContain(At("cut"));
        }
    }

    [Theory]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[4,4]}}", "occurs twice")]
    [InlineData("{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}", "unknown dtype 'F33'")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", "needs 8 bytes, but data_offsets give 4")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]}}", "the last 1 bytes belong to no tensor")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]}}", "starts at 2, inside 'a'")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4],\"x\":1}}", "unknown field 'x'")]
    public void Open_BadHeader_NamesWhatIsWrong(string json, string message)
    {
        File.WriteAllBytes(At("bad"), [.. BitConverter.GetBytes((long)json.Length), .. Encoding.UTF8.GetBytes(json), 0, 0, 0, 0]);
        Should.Throw<Ingot.FormatException>(() => Safetensors.Open(At("bad"))).Message.ShouldContain(message);
    }

    [Fact]
    public void Open_MissingFile_NamesIt() => Should.Throw<Ingot.FormatException>(() => Safetensors.Open(At("none"))).Message.ShouldContain(At("none"));

    [Fact]
    public void Indexer_UnknownName_ListsSomeThatExist()
    {
        Safetensors.Save(At("a"), new Dictionary<string, Tensor> { ["weight"] = Tensor.From([1f]) });
        Should.Throw<Ingot.FormatException>(() => Safetensors.Open(At("a"))["bias"]).Message.ShouldContain("no tensor 'bias'; it has 1: weight");
    }
}
