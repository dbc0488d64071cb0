using System.IO.Compression;
using System.Text;
using Ingot.Runtime;

namespace Ingot.Formats.Fuzzing;

/// <summary>The parsers of this library, with the files that fuzzing them begins from: made by our own writers, different each time.</summary>
public static class FormatTargets
{
    const string Name = "the input";

    static readonly DType[] Types = [DType.F32, DType.F16, DType.BF16, DType.F64, DType.I8, DType.I16, DType.I32, DType.I64];

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
            foreach (var t in file.Tensors)
                if (t.Shape.Count < 1 << 20 && t.Type.IsQuantized) _ = file[t.Name]; // is decoded at once; the others stay where they are
        };
    }

    static FuzzSeed SafetensorsSeed(Random random)
    {
        var tensors = Enumerable.Range(0, random.Next(4)).Select(i => (Shape: RandomShape(random, 5), Type: Types[random.Next(Types.Length)])).ToList();
        var json = new StringBuilder("{");
        if (random.Next(2) == 0) json.Append("\"__metadata__\":{\"format\":\"pt\",\"a\\u00e9\":\"\"},");
        long at = 0;
        foreach (var (i, (shape, type)) in tensors.Index())
        {
            long end = at + shape.Count * type.Size;
            string name = random.Next(6) == 0 && type.Size == 1 ? "F8_E4M3" : random.Next(8) == 0 ? "BOOL" : type.ToString();
            json.Append($"\"t{i}\":{{\"dtype\":\"{name}\",\"shape\":[{string.Join(",", shape.ToArray())}],\"data_offsets\":[{at},{end}]}},");
            at = end;
        }
        var text = json.ToString().TrimEnd(',') + "}";
        bool isChanged = random.Next(3) == 0;
        var header = isChanged ? JsonMutation.Apply(text, random) : Encoding.UTF8.GetBytes(text.PadRight((text.Length + 7) / 8 * 8));
        return new([.. BitConverter.GetBytes((long)header.Length), .. header, .. new byte[at]], new LengthField(0, 8, 8, header.Length)) { IsChanged = isChanged };
    }

    static FuzzSeed GgufSeed(Random random)
    {
        var writer = new GgufWriter(random.Next(4) == 0 ? 64u : 32u);
        object[] values =
        [
            (byte)1, (sbyte)-1, (ushort)2, (short)-2, 3u, -3, 4ul, -4L, 0.5f, 0.25, true, "llama", "", new[] { 1, 2, 3 }, new[] { "a", "bc", "" }, new[] { 0.5f }, new[] { true, false }, Array.Empty<byte>(),
            new object[] { new[] { 1u }, new[] { "x", "y" } }, new object[] { new object[] { new object[] { new byte[] { 1 } } } },
        ];
        for (int i = random.Next(8); i > 0; i--) writer.Set($"k.{random.Next(20)}", values[random.Next(values.Length)]);
        var types = Enum.GetValues<GgmlType>();
        for (int i = random.Next(4); i > 0; i--)
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
            else cursor.Value(type, null);
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
        var text = Encoding.ASCII.GetBytes(header + "\n");
        int version = random.Next(1, 4), size = version == 1 ? 2 : 4;
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
