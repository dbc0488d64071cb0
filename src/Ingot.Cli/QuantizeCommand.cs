using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using Ingot.Llm.Models;

namespace Ingot.Cli;

/// <summary><c>ingot quantize</c>: a model as GGUF with fewer bits a weight, and what that costs.</summary>
static partial class QuantizeCommand
{
    public static Command Create()
    {
        var model = ExportCommand.Model();
        var to = new Option<string>("--to") { Description = "The type of the weights: q8_0, q6_k, q5_k, q5_0, q4_k, q4_0, iq4_nl, q3_k, q2_k, mxfp4, f16, bf16, ...; rows that are no whole blocks of it get the nearest that they are.", Required = true };
        var output = ExportCommand.Output();
        var part = ExportCommand.PartSize();
        var command = new Command("quantize", "Write a model as GGUF with quantized weights, for Ingot and llama.cpp.") { model, to, output, part };
        command.SetAction(args =>
        {
            long? partBytes = args.GetValue(part) is { } size ? ExportCommand.BytesOf(size) : null;
            var type = ModelArguments.TypeOf(args.GetValue(to)!);
            var loaded = LoadedModel.Load(args.GetValue(model)!, new() { ContextLength = int.MaxValue });
            string path = args.GetValue(output) ?? $"{loaded.Name}-{type}.gguf";
            ExportCommand.RefuseItself(loaded, path);
            var written = new List<WrittenTensor>();
            var files = GgufExport.Write(path, loaded.Model, loaded.HasTokenizer ? loaded.Tokenizer : null, loaded.ChatTemplate, type, loaded.Name, written.Add, loaded.Sampling, partBytes);
            Table(written);
            ExportCommand.Report(files);
        });
        return command;
    }

    /// <summary>A line for each kind of tensor, all layers together.</summary>
    static void Table(List<WrittenTensor> written)
    {
        Line("tensors", "number", "from", "to", "MB", "MB after", "error");
        foreach (var group in written.GroupBy(t => Layer().Replace(t.Name, "blk.*."))) Line(group.Key, group.ToList());
        Line("all", written);
    }

    static void Line(string name, List<WrittenTensor> tensors)
    {
        double error = tensors.Sum(t => t.SquaredError), sum = tensors.Sum(t => t.SquaredSum);
        Line(name, $"{tensors.Count}", Types(tensors.Select(t => t.From)), Types(tensors.Select(t => t.To)), Megabytes(tensors.Sum(t => t.BytesBefore)), Megabytes(tensors.Sum(t => t.BytesAfter)),
            sum > 0 ? Math.Sqrt(error / sum).ToString("P3", CultureInfo.InvariantCulture) : "none");
    }

    static string Types(IEnumerable<Formats.GgmlType> types) => types.Distinct().ToList() is var all && all.Count <= 2 ? string.Join(",", all) : "mixed";

    static string Megabytes(long bytes) => (bytes / 1e6).ToString("N3", CultureInfo.InvariantCulture);

    static void Line(string name, string number, string from, string to, string before, string after, string error) => Console.WriteLine($"{name,-28}{number,7} {from,-10} {to,-10}{before,12}{after,12}{error,11}");

    [GeneratedRegex(@"^blk\.\d+\.")]
    private static partial Regex Layer();
}
