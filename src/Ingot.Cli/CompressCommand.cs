using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Ingot.Formats;
using Ingot.Llm.Compression;
using Ingot.Llm.Models;

namespace Ingot.Cli;

/// <summary><c>ingot compress</c> and <c>ingot decompress</c>: files made small with a language model, and restored.</summary>
static class CompressCommand
{
    const string Ending = ".ilm";

    public static Command Compress()
    {
        var streams = Options.Number("--streams", null, "Parts of the file computed side by side: more are faster, and each costs a few bytes; 0: as the length suggests.", 0);
        return Create("compress", "Compress a file with a trained model: as many bits as its bits per byte promise.", $"Default: FILE{Ending}.", streams, (file, model, output, args) =>
        {
            output ??= Fresh(file + Ending);
            CompressionReport report = null!;
            double seconds = Timed(() => Transform(file, output, (from, to) => report = ModelCompressor.Compress(model, from, to, args.GetValue(streams), Show, StopSignal.Token)));
            Line("file", $"{report.Bytes:N0} bytes, {report.Tokens:N0} tokens in {report.Streams} {(report.Streams == 1 ? "stream" : "streams")}");
            Line("bits per byte", $"{report.BitsPerByte:0.0000} of the model on this file");
            Line("promised", $"{report.PromisedBytes:N0} bytes");
            Line("compressed", $"{report.CompressedBytes:N0} bytes{(report.ModelBits > 0 ? $", {report.CompressedBytes / report.PromisedBytes:0.0000} of the promised" : "")}");
            Line("ratio", $"{report.Ratio:0.000}");
            Line("speed", $"{report.Bytes / seconds / 1e6:0.000} MB/s");
            Line("written", output);
        });
    }

    public static Command Decompress() => Create("decompress", "Restore a file that 'ingot compress' made small, byte for byte.", $"Default: FILE without {Ending}.", null, (file, model, output, _) =>
    {
        output ??= file.EndsWith(Ending, StringComparison.Ordinal) ? Fresh(file[..^Ending.Length]) : throw new IngotException($"{file} does not end in {Ending}; say where to write with --out");
        double seconds = Timed(() => Transform(file, output, (from, to) => ModelCompressor.Decompress(model, from, to, Show, StopSignal.Token)));
        long bytes = new FileInfo(output).Length;
        Line("restored", $"{output}, {bytes:N0} bytes at {bytes / seconds / 1e6:0.000} MB/s");
    });

    static Command Create(string name, string description, string standard, Option<int>? more, Action<string, ModelFolder, string?, ParseResult> run)
    {
        var file = new Argument<string>("FILE") { Description = "The file." };
        var model = Options.Folder("--model", "-m", "Folder of a model: config.json, safetensors, tokenizer.json; or of a run.");
        model.Required = true;
        var output = new Option<string?>("--out", "-o") { Description = $"Where to write. {standard} That must not exist yet; what is named here is replaced." };
        var command = new Command(name, description) { file, model, output };
        if (more is not null) command.Add(more);
        command.SetAction(args =>
        {
            string folder = args.GetValue(model)!, given = args.GetValue(file)!;
            if (!File.Exists(given)) throw new IngotException($"there is no file {given}");
            run(given, StageArguments.Load(folder), args.GetValue(output), args);
            return 0;
        });
        return command;
    }

    static void Transform(string file, string output, Action<Stream, Stream> work)
    {
        if (Path.GetFullPath(file) == Path.GetFullPath(output)) throw new IngotException($"{output} is the file itself; name another one with --out");
        using var from = File.OpenRead(file);
        AtomicFile.Write(output, to => work(from, to));
        if (!Console.IsErrorRedirected) Console.Error.Write("\r            \r");
    }

    static string Fresh(string path) => File.Exists(path) ? throw new IngotException($"{path} exists; name it with --out to replace it") : path;

    static double Timed(Action work)
    {
        var clock = Stopwatch.StartNew();
        work();
        return clock.Elapsed.TotalSeconds;
    }

    static void Show(double done)
    {
        if (!Console.IsErrorRedirected) Console.Error.Write(string.Create(CultureInfo.InvariantCulture, $"\r{100 * done:0.0} %  "));
    }

    static void Line(string name, string value) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-16}{value}"));
}
