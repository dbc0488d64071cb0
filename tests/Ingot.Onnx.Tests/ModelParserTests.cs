using Ingot.Onnx.Export;
using Ingot.Onnx.Format;

namespace Ingot.Onnx.Tests;

public sealed class ModelParserTests
{
    static byte[] WithExternal(string location, string? offset = null, string? length = null)
    {
        static ProtoWriter Pair(string key, string value) => new ProtoWriter().Text(1, key).Text(2, value);
        var tensor = new ProtoWriter().Int(1, 4).Int(2, 1).Text(8, "w").Message(13, Pair("location", location)).Int(14, 1);
        if (offset is not null) tensor.Message(13, Pair("offset", offset));
        if (length is not null) tensor.Message(13, Pair("length", length));
        var node = new ProtoWriter().Text(1, "w").Text(2, "y").Text(4, "Relu");
        var graph = new ProtoWriter().Message(1, node).Message(5, tensor).Message(12, new ProtoWriter().Text(1, "y"));
        return new ProtoWriter().Int(1, 8).Message(7, graph).Message(8, new ProtoWriter().Int(2, 17)).ToArray();
    }

    [Fact]
    public void ExternalData_InTheModelsFolder_IsRead()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["sub"]);
        File.WriteAllBytes(folder["sub", "w.bin"], [.. new byte[16], .. new[] { -1f, 2f, -3f, 4f }.SelectMany(BitConverter.GetBytes)]);
        File.WriteAllBytes(folder["m.onnx"], WithExternal("sub/w.bin", "16", "16"));
        ((OnnxTensor)OnnxModel.Load(folder["m.onnx"]).Run()["y"]).Tensor.ToArray<float>().ShouldBe([0, 2, 0, 4]);
    }

    [Theory]
    [InlineData("../w.bin")]
    [InlineData("sub/../../w.bin")]
    [InlineData("sub\\..\\..\\w.bin")]
    [InlineData("/etc/hostname")]
    [InlineData("")]
    [InlineData("link.bin")]
    [InlineData("missing.bin")]
    public void ExternalData_OutsideTheModelsFolder_IsRefused(string location)
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["inner", "sub"]);
        File.WriteAllBytes(folder["w.bin"], new byte[16]);
        File.CreateSymbolicLink(folder["inner", "link.bin"], folder["w.bin"]);
        File.WriteAllBytes(folder["inner", "m.onnx"], WithExternal(location));
        Should.Throw<Ingot.FormatException>(() => OnnxModel.Load(folder["inner", "m.onnx"])).Message.ShouldContain("'w'");
    }

    [Theory]
    [InlineData("8", null)]
    [InlineData("-4", "16")]
    [InlineData("0", "9223372036854775807")]
    [InlineData("0", "12")]
    public void ExternalData_NotTheTensorsBytes_IsRefused(string offset, string? length)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["w.bin"], new byte[16]);
        File.WriteAllBytes(folder["m.onnx"], WithExternal("w.bin", offset, length));
        Should.Throw<Ingot.FormatException>(() => OnnxModel.Load(folder["m.onnx"]));
    }

    [Fact]
    public void Parse_MessagesNestedTooDeep_IsRefusedWithoutRecursion()
    {
        var type = new ProtoWriter().Message(1, new ProtoWriter().Int(1, 1));
        for (int i = 0; i < 200; i++) type = new ProtoWriter().Message(4, new ProtoWriter().Message(1, type));
        var graph = new ProtoWriter().Message(11, new ProtoWriter().Text(1, "x").Message(2, type));
        var bytes = new ProtoWriter().Int(1, 8).Message(7, graph).Message(8, new ProtoWriter().Int(2, 17)).ToArray();
        Should.Throw<Ingot.FormatException>(() => OnnxModel.Parse(bytes)).Message.ShouldContain("nested more than 100 deep");
    }

    /// <summary>Files of many small parts, each of which takes more memory than bytes in the file: an array of T bytes is 24 and more.</summary>
    public static TheoryData<string> Crowds => ["nodes", "initializers", "tensors of an attribute", "attributes", "inputs", "dimensions", "types", "texts", "names", "integers", "floats", "pairs", "graphs", "functions", "sparse tensors"];

    /// <summary>All that parsing allocates is counted, what the collector may take back at once included, the copy of the file as well.</summary>
    [Theory]
    [MemberData(nameof(Crowds))]
    public void Parse_ManySmallParts_TakesAtMostTwiceTheFileAndSixteenMegabytes(string what)
    {
        static ProtoWriter Node(ProtoWriter? attribute = null)
        {
            var node = new ProtoWriter().Text(4, "A");
            return attribute is null ? node : node.Message(5, attribute.Text(1, "a"));
        }
        static ProtoWriter Repeated(int field, ProtoWriter part, int count = 300_000)
        {
            var whole = new ProtoWriter();
            for (int i = 0; i < count; i++) whole.Message(field, part);
            return whole;
        }
        var empty = new ProtoWriter();
        var tensor = new ProtoWriter().Int(2, 2);
        ProtoWriter Numbered(int field, Func<int, ProtoWriter> part)
        {
            var whole = new ProtoWriter();
            for (int i = 0; i < 100_000; i++) whole.Message(field, part(i));
            return whole;
        }
        var graph = what switch
        {
            "nodes" => Repeated(1, Node()),
            "initializers" => Numbered(5, i => new ProtoWriter().Int(2, 2).Text(8, $"{i}")),
            "tensors of an attribute" => new ProtoWriter().Message(1, Node(Repeated(10, tensor))),
            "attributes" => new ProtoWriter().Message(1, Numbered(5, i => new ProtoWriter().Text(1, $"{i}")).Text(4, "A")),
            "inputs" => Repeated(11, empty),
            "dimensions" => new ProtoWriter().Message(11, new ProtoWriter().Message(2, new ProtoWriter().Message(1, new ProtoWriter().Int(1, 1).Message(2, Repeated(1, empty))))),
            "types" => Repeated(11, new ProtoWriter().Message(2, new ProtoWriter().Message(4, empty))),
            "texts" => new ProtoWriter().Message(1, Node(Repeated(9, empty))),
            "names" => new ProtoWriter().Message(1, Repeated(1, empty).Text(4, "A")),
            "integers" => new ProtoWriter().Message(1, Node(new ProtoWriter().Bytes(8, new byte[3_000_000]))),
            "floats" => new ProtoWriter().Message(1, Node(new ProtoWriter().Bytes(7, new byte[12_000_000]))),
            "graphs" => new ProtoWriter().Message(1, Node(Repeated(11, empty))),
            "sparse tensors" => Numbered(15, i => new ProtoWriter().Message(1, new ProtoWriter().Int(1, 0).Int(2, 2).Text(8, $"{i}")).Message(2, tensor)),
            _ => new ProtoWriter(),
        };
        var model = new ProtoWriter().Int(1, 8).Message(7, graph).Message(8, new ProtoWriter().Int(2, 17));
        if (what == "functions") for (int i = 0; i < 100_000; i++) model.Message(25, new ProtoWriter().Text(1, $"{i}"));
        if (what == "pairs") for (int i = 0; i < 200_000; i++) model.Message(14, new ProtoWriter().Text(1, $"{i}"));
        byte[] bytes = model.ToArray();
        long before = GC.GetAllocatedBytesForCurrentThread() + Runtime.MemoryPool.RentedByThisThread;
        try { OnnxModel.Parse(bytes); }
        catch (IngotException) { }
        (GC.GetAllocatedBytesForCurrentThread() + Runtime.MemoryPool.RentedByThisThread - before).ShouldBeInRange(bytes.Length, (2 * bytes.Length) + (16L << 20));
    }

    [Fact]
    public void Parse_MillionsOfTinyMessages_SaysWhyItStops()
    {
        var graph = new ProtoWriter();
        for (int i = 0; i < 200_000; i++) graph.Message(1, new ProtoWriter().Text(4, "A"));
        var bytes = new ProtoWriter().Int(1, 8).Message(7, graph).Message(8, new ProtoWriter().Int(2, 17)).ToArray();
        Should.Throw<Ingot.FormatException>(() => OnnxModel.Parse(bytes)).Message.ShouldContain("describes more than its size allows");
    }

    /// <summary>Found by fuzzing: 49 bytes took 25 GB.</summary>
    [Fact]
    public void ParseValue_SmallFileOfALargeSparseTensor_IsRefused()
    {
        var values = new ProtoWriter().Int(1, 0).Int(2, (int)OnnxDType.Float);
        var indices = new ProtoWriter().Int(1, 0).Int(2, (int)OnnxDType.Int64);
        byte[] File(params int[] dims) => dims.Aggregate(new ProtoWriter().Message(1, values).Message(2, indices), (p, d) => p.Int(3, d)).ToArray();
        var type = new OnnxType.TensorOf(OnnxDType.Float, null, IsSparse: true);
        Should.Throw<Ingot.FormatException>(() => ModelParser.ParseValue(File(1 << 30, 8), type, "large.pb")).Message.ShouldContain("sparse tensor");
        ModelParser.ParseValue(File(3, 2), type, "small.pb").Describe().ShouldContain("(3, 2)");
    }

    [Theory]
    [InlineData(OnnxDType.Float, 4)]
    [InlineData(OnnxDType.Int32, 5)]
    [InlineData(OnnxDType.Int64, 7)]
    [InlineData(OnnxDType.Double, 10)]
    [InlineData(OnnxDType.UInt64, 11)]
    [InlineData(OnnxDType.Float16, 5)]
    [InlineData(OnnxDType.Bool, 5)]
    public void Tensor_ListOfNumbers_IsThatManyElements(OnnxDType dtype, int field)
    {
        static ProtoWriter Numbers(ProtoWriter to, OnnxDType dtype, int field, int count)
        {
            for (int i = 0; i < count; i++)
            {
                if (field == 4) to.Float(field, 1);
                else if (field == 10) to.Bytes(field, BitConverter.GetBytes(1.0));
                else to.Int(field, dtype == OnnxDType.Float16 ? 0x3C00 : 1);
            }
            return to;
        }
        var right = Numbers(new ProtoWriter().Int(1, 3).Int(2, (int)dtype), dtype, field, 3);
        ((OnnxTensor)Format.ModelParser.ParseValue(right.ToArray(), null, "t")).Tensor.ToArray<double>().ShouldBe([1, 1, 1]);
        foreach (int wrong in new[] { 2, 4 })
            Should.Throw<Ingot.FormatException>(() => Format.ModelParser.ParseValue(Numbers(new ProtoWriter().Int(1, 3).Int(2, (int)dtype), dtype, field, wrong).ToArray(), null, "t"));
    }

    [Theory]
    [InlineData(OnnxDType.Int4, new byte[] { 0x8F, 0x07 }, new double[] { -1, -8, 7 })]
    [InlineData(OnnxDType.UInt4, new byte[] { 0x8F, 0x07 }, new double[] { 15, 8, 7 })]
    [InlineData(OnnxDType.Int2, new byte[] { 0b00_10_11_01 }, new double[] { 1, -1, -2 })]
    [InlineData(OnnxDType.UInt2, new byte[] { 0b00_10_11_01 }, new double[] { 1, 3, 2 })]
    public void Tensor_PackedBits_AreUnpackedFromTheLowest(OnnxDType dtype, byte[] raw, double[] expected)
    {
        var message = new ProtoWriter().Int(1, 3).Int(2, (int)dtype).Bytes(9, raw);
        var tensor = (OnnxTensor)Format.ModelParser.ParseValue(message.ToArray(), null, "t");
        tensor.DType.ShouldBe(dtype);
        tensor.Storage.ToArray<double>().ShouldBe(expected);
    }
}
