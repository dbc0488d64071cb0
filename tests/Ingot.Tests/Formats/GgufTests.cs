using System.Text.Json;
using Ingot.Formats;

namespace Ingot.Tests.Formats;

public class GgufTests
{
    static string Data(string name)
    {
        var path = MalformedFiles.Shared(Path.Combine("gguf", name));
        if (path is null) Assert.Skip("no data");
        return path;
    }

    [Fact]
    public void Malformed_EveryCase_IsTreatedAsTheManifestSays() => MalformedFiles.CheckAll("gguf", path =>
    {
        foreach (bool map in new[] { false, true })
        {
            var file = Gguf.Open(path, map);
            foreach (var value in file.Metadata.Values) _ = value.Value;
            foreach (var t in file.Tensors) _ = file[t.Name].ToArray<float>();
        }
    });

    [Fact]
    public void Malformed_Rejected_NamesTheByte()
    {
        foreach (var c in MalformedFiles.Of("gguf").Where(c => c.Expect == "reject"))
            Should.Throw<Ingot.FormatException>(() => Gguf.Open(c.Path)).Message.ShouldMatch(@"at byte \d+: ", c.Name);
    }

    [Theory]
    [InlineData("ok_basic.gguf", 3)]
    [InlineData("ok_v2.gguf", 2)]
    [InlineData("ok_align64.gguf", 3)]
    public void Open_CorrectFile_HasTheTensor(string name, int version)
    {
        var file = Gguf.Open(MalformedFiles.Of("gguf").Single(c => c.Name == "gguf/" + name).Path);
        file.Version.ShouldBe(version);
        file[file.Tensors.ShouldHaveSingleItem().Name].ToArray<float>().ShouldBe([0, 1, 2, 3, 4, 5]);
    }

    [Fact]
    public void Metadata_QuantGolden_EveryValueOfEveryType()
    {
        var file = Gguf.Open(Data("quant-golden.gguf"));
        using var golden = JsonDocument.Parse(File.ReadAllText(Data("quant-golden.metadata.json")));
        var expected = golden.RootElement.EnumerateObject().ToList();
        file.Metadata.Keys.ShouldBe(expected.Select(p => p.Name));
        foreach (var p in expected) Describe(file.Metadata[p.Name].Value).ShouldBe(Describe(p.Value), p.Name);
    }

    /// <summary>A value as the golden file spells it: type, then content.</summary>
    static string Describe(object value) => value switch
    {
        bool b => $"bool {(b ? "true" : "false")}",
        string s => $"str {s}",
        byte or ushort or uint or ulong => $"u{System.Runtime.InteropServices.Marshal.SizeOf(value) * 8} {value}",
        sbyte or short or int or long => $"i{System.Runtime.InteropServices.Marshal.SizeOf(value) * 8} {value}",
        float f => $"f32 {(double)f}",
        double d => $"f64 {d}",
        object[] nested when value is not string[] => $"arr arr [{string.Join("; ", nested.Select(n => Describe(n)))}]",
        Array a => $"arr {Describe(Array.CreateInstance(a.GetType().GetElementType()!, 1).GetValue(0) ?? "").Split(' ')[0]} [{string.Join("; ", a.Cast<object>().Select(Content))}]",
        _ => throw new ArgumentException($"no such value: {value.GetType()}"),
    };

    static string Content(object o) => Describe(o) is var d ? d[(d.IndexOf(' ', StringComparison.Ordinal) + 1)..] : "";

    static string Describe(JsonElement pair)
    {
        var (type, value) = (pair[0].GetString()!, pair[1]);
        if (type != "arr") return $"{type} {Content(type, value)}";
        return value[0].GetString() == "arr"
            ? $"arr arr [{string.Join("; ", value[1].EnumerateArray().Select(e => $"arr {e[0].GetString()} [{string.Join("; ", e[1].EnumerateArray().Select(x => Content(e[0].GetString()!, x)))}]"))}]"
            : $"arr {value[0].GetString()} [{string.Join("; ", value[1].EnumerateArray().Select(x => Content(value[0].GetString()!, x)))}]";
    }

    static string Content(string type, JsonElement value) => type switch { "str" => value.GetString()!, "f32" or "f64" => value.GetDouble().ToString(), _ => value.GetRawText() };

    [Fact]
    public void Open_Mapped_UsesTheFileInPlace()
    {
        var path = Data("stories260K-F32.gguf");
        var (mapped, read) = (Gguf.Open(path, map: true), Gguf.Open(path, map: false));
        foreach (var t in mapped.Tensors)
        {
            mapped.Bytes(t.Name).ShouldBeOfType<Ingot.Runtime.MappedStorage>();
            mapped[t.Name].ToArray<float>().ShouldBe(read[t.Name].ToArray<float>());
        }
    }

    [Fact]
    public void Open_Shapes_AreOutermostFirst()
    {
        var file = Gguf.Open(Data("stories260K-Q8_0.gguf"));
        file.Find("token_embd.weight").Shape.ShouldBe(new Shape(512, 64));
        file.Find("blk.0.ffn_gate.weight").Shape.ShouldBe(new Shape(172, 64));
        file["token_embd.weight"].Shape.ShouldBe(new Shape(512, 64));
        file.Metadata.Text("general.architecture").ShouldBe("llama");
        file.Metadata.Texts("tokenizer.ggml.tokens")!.Length.ShouldBe(512);
    }

    [Fact]
    public void Metadata_WrongType_NamesFileAndKey()
    {
        var path = Data("stories260K-F32.gguf");
        var metadata = Gguf.Open(path).Metadata;
        Should.Throw<Ingot.FormatException>(() => metadata.Integer("general.architecture")).Message.ShouldBe($"{path}: metadata 'general.architecture' must be a whole number, but is a string");
        metadata.Integer("no.such.key").ShouldBeNull();
    }

    /// <summary>Found by fuzzing: the data part begins behind the end of a file that stops after its directory, and there the empty tensor was looked for.</summary>
    [Fact]
    public void Open_EmptyTensorBehindTheEnd_IsEmpty()
    {
        var writer = new GgufWriter();
        writer.Add("a", Ingot.Formats.GgmlType.F32, new Shape(0), () => Ingot.Runtime.Storage.Allocate(0));
        var stream = new MemoryStream();
        writer.Write(stream);
        var path = Path.GetTempFileName();
        File.WriteAllBytes(path, stream.ToArray()[..57]); // 24 of head; name 9, rank 4, extent 8, type 4, offset 8
        try { Gguf.Open(path)["a"].Shape.ShouldBe(new Shape(0)); }
        finally { File.Delete(path); }
    }
}
