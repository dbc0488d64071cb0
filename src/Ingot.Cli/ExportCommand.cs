using System.CommandLine;
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
        var command = new Command("export", "Write a model for other programs: as a Hugging Face folder or as GGUF, with its tokenizer and chat template.") { model, to, dtype, output };
        command.SetAction(args =>
        {
            string path = args.GetValue(model)!, format = args.GetValue(to)!.ToLowerInvariant();
            GgmlType? type = args.GetValue(dtype) is { } name ? ModelArguments.TypeOf(name) : null;
            return format switch
            {
                "gguf" => WriteGguf(path, args.GetValue(output), type),
                "safetensors" => WriteFolder(path, args.GetValue(output), type),
                _ => throw new IngotException($"--to is safetensors or gguf, not '{format}'"),
            };
        });
        return command;
    }

    internal static Argument<string> Model() => new("MODEL") { Description = "A folder of Hugging Face's, a .gguf file, llama2.c's .bin, or a folder that speedrun made." };

    internal static Option<string?> Output() => new("--out", "-o") { Description = "The file or folder to write; by default the model's name with the type beside it." };

    static int WriteGguf(string path, string? to, GgmlType? type)
    {
        var loaded = LoadedModel.Load(path, new() { ContextLength = int.MaxValue });
        to ??= type is { } t ? $"{loaded.Name}-{t}.gguf" : $"{loaded.Name}.gguf";
        if (Path.GetFullPath(to) == loaded.Path) throw new IngotException($"{to} is the model itself; give another --out");
        GgufExport.Write(to, loaded.Model, loaded.HasTokenizer ? loaded.Tokenizer : null, loaded.ChatTemplate, type, loaded.Name, sampling: loaded.Sampling);
        Console.WriteLine($"{to}: {new FileInfo(to).Length / 1e6:N1} MB. Try: ingot run {to}");
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
