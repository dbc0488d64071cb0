using System.IO.Compression;
using System.Text;
using Ingot.Runtime;

namespace Ingot.Formats.Fuzzing;

/// <summary>The parsers of this library, with the files that fuzzing them begins from: made by our own writers, different each time.</summary>
public static class FormatTargets
{
    const string Name = "the input";

    static readonly DType[] Types = [DType.F32, DType.F16, DType.BF16, DType.F64, DType.Bool, DType.I8, DType.U8, DType.I16, DType.U16, DType.I32, DType.U32, DType.I64, DType.U64];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("safetensors", SafetensorsSeed, bytes => { _ = SafetensorsHeader.Read(new MemoryStream(bytes), Name); return Nothing; }),
        new("gguf", GgufSeed, ParseGguf),
        new("npy", r => NpySeed(r), bytes => { _ = Npy.Read(new MemoryStream(bytes), bytes.Length, Name); return Nothing; }),
        new("npz", NpzSeed, bytes => { _ = Npy.ReadArchive(new MemoryStream(bytes), Name); return Nothing; }),
    ];

    static void Nothing() { }

    static Action ParseGguf(byte[] bytes)
    {
        var file = Gguf.Parse(Storage.Of<byte>(bytes), Name);
        return () =>
        {
            foreach (var value in file.Metadata.Values) _ = value.Value;
            foreach (string key in file.Metadata.Keys.Append("no such key"))
                foreach (var read in Readings) Refusable(() => read(file.Metadata, key));
            Refusable(() => GgufParts.Of(file.Metadata, "model-00001-of-00002.gguf"));
            Refusable(() => GgufParts.Of(file.Metadata, "model.gguf"));
            Refusable(() => file.Find("no such tensor"));
            foreach (var t in file.Tensors)
                if (t.Shape.Count < 1 << 20 && t.Type.DType is null) Refusable(() => file[t.Name]); // is decoded at once; the others stay where they are
        };
    }

    /// <summary>All ways in which a value can be asked for.</summary>
    static readonly Func<GgufMetadata, string, object?>[] Readings =
    [
        (m, k) => m[k], (m, k) => m.Text(k), (m, k) => m.Integer(k), (m, k) => m.Number(k), (m, k) => m.Flag(k), (m, k) => m.Texts(k), (m, k) => m.ByteStrings(k), (m, k) => m.Integers(k), (m, k) => m.Numbers(k), (m, k) => m.Bytes(k),
    ];

    /// <summary>Something that may be refused without being the end of the file's use.</summary>
    static void Refusable(Func<object?> use)
    {
        try { _ = use(); }
        catch (IngotException) { }
    }

    static FuzzSeed SafetensorsSeed(Random random)
    {
        if (random.Next(3000) == 0) return Crowded(random);
        var tensors = Enumerable.Range(0, random.Next(4)).Select(i => (Shape: RandomShape(random, 5), Type: Types[random.Next(Types.Length)])).ToList();
        var json = new StringBuilder("{");
        if (random.Next(2) == 0) json.Append("\"__metadata__\":{\"format\":\"pt\",\"a\\u00e9\":\"\"},");
        long at = 0;
        foreach (var (i, (shape, type)) in tensors.Index())
        {
            long end = at + shape.Count * type.Size;
            string[] ofSize = type.Size switch { 1 => ["BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"], 2 => ["I16", "U16", "F16", "BF16"], 4 => ["I32", "U32", "F32"], _ => ["I64", "U64", "F64"] };
            string name = random.Next(50) == 0 ? Odd[random.Next(Odd.Length)] : ofSize[random.Next(ofSize.Length)];
            json.Append($"\"t{i}\":{{\"dtype\":\"{name}\",\"shape\":[{string.Join(",", shape.ToArray())}],\"data_offsets\":[{at},{end}]}},");
            at = end;
        }
        var text = json.ToString().TrimEnd(',') + "}";
        bool isChanged = random.Next(3) == 0;
        var header = isChanged ? JsonMutation.Apply(text, random) : Encoding.UTF8.GetBytes(text.PadRight((text.Length + 7) / 8 * 8));
        return new([.. BitConverter.GetBytes((long)header.Length), .. header, .. new byte[at]], new LengthField(0, 8, 8, header.Length)) { IsChanged = isChanged };
    }

    /// <summary>Element types that there are not, some as long as those that there are.</summary>
    static readonly string[] Odd = ["BOOM", "U9", "I9", "F8", "F99", "I99", "U99", "B16", "F8_E9M9", "BF61", "BF", "f32", "", "F8_E4M2", "F8_E5M3", "X8", "I17", "U17", "F17", "I65"];

    /// <summary>More entries, texts or numbers than a header may have.</summary>
    static FuzzSeed Crowded(Random random)
    {
        string many = string.Concat(Enumerable.Range(0, 17_000).Select(i => $"\"{i}\":\"\","));
        string json = random.Next(5) switch
        {
            0 => "{\"__metadata__\":{" + many.TrimEnd(',') + "}}",
            1 => "{" + string.Join(',', Enumerable.Range(0, 17_000).Select(i => $$"""{{"\""}}{{i}}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}""")) + "}",
            2 => "{\"__metadata__\":{\"a\":\"" + new string('a', 5 << 20) + "\"}}",
            3 => "{\"t\":{\"dtype\":\"U8\",\"shape\":[" + string.Join(',', Enumerable.Repeat(1, 70)) + "],\"data_offsets\":[0,1]}}",
            _ => "{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}",
        };
        var header = Encoding.UTF8.GetBytes(json);
        return new([.. BitConverter.GetBytes((long)header.Length), .. header, 0], new LengthField(0, 8, 8, header.Length)) { IsChanged = true };
    }

    static FuzzSeed GgufSeed(Random random)
    {
        // More tensors than there may be; a name longer than one may be.
        if (random.Next(2000) == 0) return new([.. "GGUF"u8, 3, 0, 0, 0, .. BitConverter.GetBytes(70_000L), .. new byte[2_000_000]]) { IsChanged = true };
        if (random.Next(2000) == 0) return new([.. "GGUF"u8, 3, 0, 0, 0, .. BitConverter.GetBytes(0L), .. BitConverter.GetBytes(1L), .. BitConverter.GetBytes(70_000L), .. new byte[80_000]]) { IsChanged = true };
        var writer = new GgufWriter(random.Next(4) == 0 ? 64u : 32u);
        object[] values =
        [
            (byte)1, (sbyte)-1, (ushort)2, (short)-2, 3u, -3, 4ul, -4L, 0.5f, 0.25, true, "llama", "", new[] { 1, 2, 3 }, new[] { "a", "bc", "" }, new[] { 0.5f }, new[] { true, false }, Array.Empty<byte>(),
            new object[] { new[] { 1u }, new[] { "x", "y" } }, new object[] { new object[] { new object[] { new byte[] { 1 } } } },
            Enumerable.Range(0, 10).Aggregate((object)new[] { 1 }, (inner, _) => new object[] { inner }), // deeper than is read
            ulong.MaxValue, new[] { (sbyte)-1 }, new[] { (ushort)1 }, new[] { (short)1 }, new[] { 1u }, new[] { 1L }, new[] { 1ul, ulong.MaxValue }, new[] { 0.25 },
        ];
        for (int i = random.Next(8); i > 0; i--) writer.Set($"k.{random.Next(20)}", values[random.Next(values.Length)]);
        if (random.Next(4) == 0) writer.Set("split.count", values[random.Next(values.Length)]);
        if (random.Next(4) == 0) writer.Set("split.count", (ushort)random.Next(4));
        if (random.Next(4) == 0) writer.Set("split.no", (ushort)random.Next(3));
        var types = Enum.GetValues<GgmlType>();
        for (int i = random.Next(8); i > 0; i--)
        {
            var type = types[random.Next(types.Length)];
            var shape = type.IsQuantized ? new Shape(random.Next(3), type.BlockLength * random.Next(3)) : RandomShape(random, 4);
            var bytes = new byte[type.BytesOf(shape.Count)];
            random.NextBytes(bytes);
            writer.Add($"t{i}", type, shape, () => Storage.Of<byte>(bytes));
        }
        var stream = new MemoryStream();
        writer.Write(stream);
        var file = stream.ToArray();
        if (random.Next(8) == 0) file[4] = 2; // version 2 is laid out in the same way
        if (random.Next(200) == 0) (file[4], file[7]) = (0, 3); // big-endian
        return new(file, GgufLengths(file));
    }

    /// <summary>The lengths of keys, string values and tensor names.</summary>
    static List<LengthField> GgufLengths(byte[] file)
    {
        var lengths = new List<LengthField>();
        var cursor = new GgufCursor(Storage.Of<byte>(file), Name, 8, file.Length);
        var (tensors, keys) = (cursor.U64(Name), cursor.U64(Name));
        for (; keys > 0; keys--)
        {
            Add(cursor.String(Name));
            var type = (GgufValueType)cursor.U32(Name);
            if (type == GgufValueType.String) Add(cursor.String(Name));
            else
            {
                try { cursor.Value(type, null); }
                catch (FormatException) { return lengths; } // deeper than is read
            }
        }
        for (; tensors > 0; tensors--)
        {
            Add(cursor.String(Name));
            for (uint rank = cursor.U32(Name); rank > 0; rank--) cursor.U64(Name);
            cursor.U32(Name);
            cursor.U64(Name);
        }
        return lengths;

        void Add(GgufBytes b) => lengths.Add(new((int)b.Start - 8, 8, (int)b.Start, b.Length));
    }

    static FuzzSeed NpySeed(Random random)
    {
        var type = Types.Where(t => t != DType.BF16).ElementAt(random.Next(Types.Length - 1));
        var shape = RandomShape(random, 5);
        var header = NpyHeader.Write(type, shape);
        if (random.Next(3) == 0) header = header.Replace("False", "True", StringComparison.Ordinal);
        if (random.Next(4) == 0) header = header.Replace('<', '>');
        if (random.Next(16) == 0) header = header.Replace("<f4", "|b1", StringComparison.Ordinal).Replace("<f8", "|O", StringComparison.Ordinal);
        if (random.Next(16) == 0) header = header.Replace(",", "L,", StringComparison.Ordinal);
        bool isLong = random.Next(3000) == 0; // longer than a header may be, or than version 1 can say
        var text = Encoding.ASCII.GetBytes((isLong ? header.PadRight(random.Next(65_000, 70_000)) : header) + "\n");
        int version = random.Next(isLong ? 2 : 1, 4), size = version == 1 ? 2 : 4;
        byte[] head = [0x93, .. "NUMPY"u8, (byte)version, 0, .. BitConverter.GetBytes(text.Length).AsSpan(0, size)];
        return new([.. head, .. text, .. new byte[shape.Count * type.Size]], new LengthField(8, size, head.Length, text.Length));
    }

    /// <summary>The archive around broken members must be right, or only the archive is tested: so members are changed before they are packed.</summary>
    static FuzzSeed NpzSeed(Random random)
    {
        var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
            for (int i = random.Next(4); i > 0; i--)
            {
                var seed = NpySeed(random);
                var bytes = random.Next(3) == 0 ? Mutation.Apply(seed, seed.Bytes, random) : seed.Bytes;
                using var member = zip.CreateEntry(random.Next(9) == 0 ? "../a.npy" : $"a{random.Next(4)}.npy", random.Next(2) == 0 ? CompressionLevel.NoCompression : CompressionLevel.Fastest).Open();
                member.Write(bytes);
                if (random.Next(50) == 0) member.Write(new byte[1 << 20]); // unpacks to a thousand times what it takes
            }
        return new(stream.ToArray()) { IsChanged = true };
    }

    static Shape RandomShape(Random random, int limit) => new([.. Enumerable.Range(0, random.Next(4)).Select(_ => random.Next(limit))]);
}
