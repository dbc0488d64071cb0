using System.CommandLine;
using System.Globalization;
using Ingot.Formats;
using Ingot.Llm.Models;

namespace Ingot.Cli;

/// <summary><c>ingot export</c>: a model in another file format.</summary>
static class ExportCommand
{
    public static Command Export()
    {
        var model = Model();
        var to = new Option<string>("--to") { Description = "safetensors (a Hugging Face folder) or gguf (a file for llama.cpp).", Required = true };
        var dtype = new Option<string?>("--dtype") { Description = "Of the matrices: f32, f16, bf16; in GGUF also q8_0, q4_0, q4_k, q6_k, ... As they are if not given." };
        var output = Output();
        var part = PartSize();
        var command = new Command("export", "Write a model for other programs: as a Hugging Face folder or as GGUF, with its tokenizer and chat template.") { model, to, dtype, output, part };
        command.SetAction(args =>
        {
            string path = args.GetValue(model)!, format = args.GetValue(to)!.ToLowerInvariant();
            GgmlType? type = args.GetValue(dtype) is { } name ? ModelArguments.TypeOf(name) : null;
            return format switch
            {
                "gguf" => WriteGguf(path, args.GetValue(output), type, args.GetValue(part) is { } size ? BytesOf(size) : null),
                "safetensors" when args.GetValue(part) is not null => throw new IngotException("--split-size is of GGUF files; a folder's weights are one file"),
                "safetensors" => WriteFolder(path, args.GetValue(output), type),
                _ => throw new IngotException($"--to is safetensors or gguf, not '{format}'"),
            };
        });
        return command;
    }

    internal static Argument<string> Model() => new("MODEL") { Description = "A folder of Hugging Face's, a .gguf file, llama2.c's .bin, or a folder that speedrun made." };

    internal static Option<string?> Output() => new("--out", "-o") { Description = "The file or folder to write; by default the model's name with the type beside it." };

    internal static Option<string?> PartSize() => new("--split-size") { Description = "The most bytes of a file, such as 2G or 500M: a larger model is written as NAME-00001-of-0000N.gguf and so on, any of which loads it." };

    /// <summary>M and G are millions and billions, as llama-gguf-split has them.</summary>
    internal static long BytesOf(string size)
    {
        long unit = size[^1..] switch { "G" or "g" => 1_000_000_000, "M" or "m" => 1_000_000, _ => 0 };
        return unit > 0 && int.TryParse(size.AsSpan(0, size.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count > 0 ? count * unit
            : throw new IngotException($"--split-size is a whole number of megabytes or gigabytes, such as 500M or 2G, not '{size}'");
    }

    /// <summary>A model is not written over itself, nor parts over its parts.</summary>
    internal static void RefuseItself(LoadedModel loaded, string to)
    {
        string full = Path.GetFullPath(to), name = full.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) ? full[..^5] : full;
        if (full == loaded.Path || loaded.Files.Any(f => f == full || f.StartsWith(name + "-0", StringComparison.Ordinal) && f.Contains("-of-", StringComparison.Ordinal))) throw new IngotException($"{to} is the model itself; give another --out");
    }

    internal static void Report(IReadOnlyList<string> files) =>
        Console.WriteLine($"{files[0]}{(files.Count > 1 ? $" and {files.Count - 1} more" : "")}: {files.Sum(f => new FileInfo(f).Length) / 1e6:N1} MB. Try: ingot run {files[0]}");

    static int WriteGguf(string path, string? to, GgmlType? type, long? partBytes)
    {
        var loaded = LoadedModel.Load(path, new() { ContextLength = int.MaxValue });
        to ??= type is { } t ? $"{loaded.Name}-{t}.gguf" : $"{loaded.Name}.gguf";
        RefuseItself(loaded, to);
        Report(GgufExport.Write(to, loaded.Model, loaded.HasTokenizer ? loaded.Tokenizer : null, loaded.ChatTemplate, type, loaded.Name, sampling: loaded.Sampling, partBytes: partBytes));
        return 0;
    }

    static int WriteFolder(string path, string? to, GgmlType? type)
    {
        var loaded = LoadedModel.Load(path, new() { ContextLength = int.MaxValue });
        to ??= $"{loaded.Name}-{(type ?? GgmlType.F32).ToString().ToLowerInvariant()}";
        if (Path.GetFullPath(to) == loaded.Path) throw new IngotException($"{to} is the model itself; give another --out");
        loaded.ToFolder().Save(to, (type ?? GgmlType.F32).DType is { } dtype and (DType.F32 or DType.F16 or DType.BF16) ? dtype : throw new IngotException($"safetensors folders hold f32, f16 or bf16, not {type}; use --to gguf"));
        Console.WriteLine($"{to}: {Directory.EnumerateFiles(to).Sum(f => new FileInfo(f).Length) / 1e6:N1} MB. Try: ingot run {to}");
        return 0;
    }
}
