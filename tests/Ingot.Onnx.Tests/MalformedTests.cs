using System.Formats.Tar;
using System.IO.Compression;

namespace Ingot.Onnx.Tests;

public sealed class MalformedTests
{
    public static IEnumerable<TheoryDataRow<string>> Files() => Load() is { } all ? all.Keys.Where(k => k.EndsWith(".onnx", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(k => new TheoryDataRow<string>(k)) : [new("none")];

    static Dictionary<string, byte[]>? Load()
    {
        for (var d = new DirectoryInfo(AppContext.BaseDirectory); d is not null; d = d.Parent)
        {
            var path = Path.Combine(d.FullName, "shared", "data", "malformed.tar.gz");
            if (!File.Exists(path)) continue;
            var files = new Dictionary<string, byte[]>(StringComparer.Ordinal);
            using var tar = new TarReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
            while (tar.GetNextEntry() is { } entry)
            {
                if (entry.DataStream is null) continue;
                using var content = new MemoryStream();
                entry.DataStream.CopyTo(content);
                files[string.Join('/', entry.Name.Split('/')[^2..])] = content.ToArray();
            }
            return files;
        }
        return null;
    }

    static long Allocated() => GC.GetAllocatedBytesForCurrentThread() + Runtime.MemoryPool.RentedByThisThread;

    static string Expectation(Dictionary<string, byte[]> files, string name) =>
        System.Text.Encoding.UTF8.GetString(files.First(f => f.Key.EndsWith("MANIFEST.tsv", StringComparison.Ordinal)).Value).Split('\n').First(l => l.StartsWith(name + "\t", StringComparison.Ordinal)).Split('\t')[1];

    [Theory]
    [MemberData(nameof(Files))]
    public void File_OfTheArchive_IsLoadedOrRefusedAsItsManifestSays(string name)
    {
        if (Load() is not { } files)
        {
            Assert.Skip("no data");
            return;
        }
        IngotException? refusal = null;
        using var folder = new TemporaryFolder();
        string path = folder[Path.GetFileName(name)];
        File.WriteAllBytes(path, files[name]);
        long allocated = -Allocated();
        try
        {
            OnnxModel model;
            try { model = OnnxModel.Load(path, new() { MaxMemory = 64 << 20 }); }
            finally { allocated += Allocated(); }
            model.Run(model.Inputs.ToDictionary(i => i.Name, Ones));
        }
        catch (IngotException e) { refusal = e; }
        allocated.ShouldBeInRange(0, 2 * files[name].Length + (16 << 20)); // no count in a file is believed before it is checked
        switch (Expectation(files, name))
        {
            case "accept": refusal.ShouldBeNull(); break;
            case "reject":
                refusal.ShouldNotBeNull();
                refusal.Message.Length.ShouldBeGreaterThan(20);
                break;
        }
    }

    static OnnxValue Ones(OnnxValueInfo input)
    {
        var type = (input.Type as OnnxType.TensorOf) ?? throw new IngotException($"input {input.Name} is no tensor");
        int[] shape = [.. (type.Shape ?? []).Select(d => (int)Math.Min(d.Value ?? 1, 64))];
        return new OnnxTensor(Tensor.Ones(shape, type.DType.Storage), type.DType);
    }
}
