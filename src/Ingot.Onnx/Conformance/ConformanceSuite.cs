using System.Formats.Tar;
using System.IO.Compression;
using Ingot.Onnx.Format;
using Ingot.Runtime;

namespace Ingot.Onnx.Conformance;

/// <summary>A case of ONNX's backend tests: a model, and values it must give for values it is given.</summary>
/// <param name="Group">node, simple, pytorch-converted, pytorch-operator or light.</param>
/// <param name="Name">The case.</param>
/// <param name="Model">The model file's bytes.</param>
/// <param name="DataSets">For each data set the files of inputs and of outputs, in order.</param>
public sealed record ConformanceCase(string Group, string Name, byte[] Model, IReadOnlyList<(IReadOnlyList<byte[]> Inputs, IReadOnlyList<byte[]> Outputs)> DataSets)
{
    /// <summary>Of a case with an operator replaced by its function's body (_expanded): the model of the case with the operator itself.</summary>
    public byte[]? Plain { get; init; }

    /// <summary>What it tests: the first operator in its graph that is not Constant, of an expanded case that of the plain one; for a whole model, its name.</summary>
    public string Operator
    {
        get
        {
            if (Group == "light") return Name;
            try { return ModelParser.Parse(Storage.Of(Plain ?? Model), Name, null).Graph.Nodes.FirstOrDefault(n => n.Operator != "Constant")?.Operator ?? "Constant"; }
            catch (FormatException) { return Name; }
        }
    }
}

/// <summary>Cases as ONNX lays them out: GROUP/CASE/model.onnx with test_data_set_N/input_N.pb and output_N.pb, and light/light_X.onnx with light_X_output_0.pb.</summary>
public static class ConformanceSuite
{
    /// <summary>Most bytes of one file: the largest real case has a few megabytes.</summary>
    const long MostBytes = 256 << 20;

    /// <summary>Reads all cases, in the order of their names.</summary>
    /// <param name="path">A folder, or a tar archive, gzipped or not.</param>
    /// <exception cref="FormatException">It is neither, or has no case.</exception>
    public static IReadOnlyList<ConformanceCase> Read(string path)
    {
        var files = Directory.Exists(path) ? Folder(path) : Archive(path);
        var cases = Cases(files);
        return cases.Count > 0 ? cases : throw new FormatException($"{path} has no case GROUP/CASE/model.onnx");
    }

    static Dictionary<string, byte[]> Folder(string path) =>
        Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Where(IsOurs)
            .ToDictionary(f => Path.GetRelativePath(path, f).Replace(Path.DirectorySeparatorChar, '/'), File.ReadAllBytes, StringComparer.Ordinal);

    static bool IsOurs(string name) => name.EndsWith(".onnx", StringComparison.Ordinal) || name.EndsWith(".pb", StringComparison.Ordinal);

    static Dictionary<string, byte[]> Archive(string path)
    {
        var files = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        try
        {
            using var file = File.OpenRead(path);
            bool isZipped = file.ReadByte() == 0x1F && file.ReadByte() == 0x8B;
            file.Position = 0;
            using Stream stream = isZipped ? new GZipStream(file, CompressionMode.Decompress) : file;
            using var tar = new TarReader(stream);
            while (tar.GetNextEntry() is { } entry)
            {
                if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile) || !IsOurs(entry.Name)) continue;
                if (entry.Length > MostBytes) throw new FormatException($"{path}: {entry.Name} has {entry.Length:N0} bytes");
                using var content = new MemoryStream();
                entry.DataStream?.CopyTo(content);
                files[entry.Name.StartsWith("./", StringComparison.Ordinal) ? entry.Name[2..] : entry.Name] = content.ToArray();
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or System.FormatException) { throw new FormatException($"cannot read {path}: {e.Message}", e); }
        return files;
    }

    static List<ConformanceCase> Cases(Dictionary<string, byte[]> files)
    {
        var cases = new List<ConformanceCase>();
        foreach (var (name, model) in files.OrderBy(f => f.Key, StringComparer.Ordinal))
        {
            var parts = name.Split('/');
            if (parts[^1] == "model.onnx" && parts.Length >= 2)
            {
                string folder = name[..^"model.onnx".Length];
                var sets = new List<(IReadOnlyList<byte[]>, IReadOnlyList<byte[]>)>();
                for (int s = 0; Values(files, $"{folder}test_data_set_{s}/output_") is { Count: > 0 } outputs; s++) sets.Add((Values(files, $"{folder}test_data_set_{s}/input_"), outputs));
                string group = parts.Length >= 3 ? parts[^3] : "";
                int expanded = parts[^2].IndexOf("_expanded", StringComparison.Ordinal);
                byte[]? plain = expanded > 0 ? files.GetValueOrDefault(folder.Replace($"{parts[^2]}/", $"{parts[^2][..expanded]}/", StringComparison.Ordinal) + "model.onnx") : null;
                cases.Add(new(group, parts[^2], model, sets) { Plain = plain });
            }
            else if (parts[^1].EndsWith(".onnx", StringComparison.Ordinal) && Values(files, $"{name[..^".onnx".Length]}_output_") is { Count: > 0 } outputs)
                cases.Add(new(parts.Length >= 2 ? parts[^2] : "light", parts[^1][..^".onnx".Length], model, [([], outputs)]));
        }
        return cases;
    }

    /// <summary>PREFIX0.pb, PREFIX1.pb and so on.</summary>
    static List<byte[]> Values(Dictionary<string, byte[]> files, string prefix)
    {
        var values = new List<byte[]>();
        while (files.TryGetValue($"{prefix}{values.Count}.pb", out var bytes)) values.Add(bytes);
        return values;
    }
}
