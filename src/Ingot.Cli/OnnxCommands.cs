using System.CommandLine;
using Ingot.Onnx.Conformance;

namespace Ingot.Cli;

/// <summary><c>ingot onnx</c>: run a model, and ONNX's conformance cases.</summary>
static class OnnxCommands
{
    /// <summary>Beside an archive of cases, the list of those set apart.</summary>
    const string SpecialFile = "onnx-conformance-special.txt";

    public static Command Create() => new("onnx", "Run ONNX models and their conformance cases.") { Conformance(), OnnxRun.Create("run") };

    static Command Conformance()
    {
        var cases = new Argument<string>("ARCHIVE-OR-FOLDER") { Description = "GROUP/CASE/model.onnx with test_data_set_0/*.pb, as a folder, .tar or .tar.gz." };
        var special = new Option<string?>("--special") { Description = $"File of cases set apart from the core score. Default: {SpecialFile} beside the archive, if there is one." };
        var dump = new Option<string?>("--dump") { Description = "Folder to write every output to, as npy: GROUP/CASE/output_N.npy." };
        var json = new Option<bool>("--json") { Description = "Print the score as JSON." };
        var only = new Option<string?>("--only") { Description = "Only cases whose GROUP/CASE or operator contains one of these texts, separated by commas." };
        var seconds = Options.Number("--limit", null, "Seconds that one case may take.", 30);
        var command = new Command("conformance", "Run ONNX's backend cases and print the score, per operator and in total.") { cases, special, dump, json, only, seconds };
        command.SetAction(args =>
        {
            string path = args.GetValue(cases)!;
            if (!File.Exists(path) && !Directory.Exists(path)) throw new IngotException($"there is no {path}");
            string? list = args.GetValue(special);
            if (list is not null && !File.Exists(list)) throw new IngotException($"there is no file {list}");
            if (list is null && Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, SpecialFile) is var beside && File.Exists(beside)) list = beside;
            var run = new ConformanceRun(list is null ? new Dictionary<string, string>() : ConformanceRun.ReadSpecial(list), args.GetValue(dump), TimeSpan.FromSeconds(args.GetValue(seconds)));
            var wanted = args.GetValue(only)?.Split(',', StringSplitOptions.RemoveEmptyEntries);
            var results = new List<ConformanceResult>();
            foreach (var test in ConformanceSuite.Read(path))
            {
                StopSignal.Token.ThrowIfCancellationRequested();
                if (wanted is null || wanted.Any(w => $"{test.Group}/{test.Name}".Contains(w, StringComparison.OrdinalIgnoreCase))) results.Add(run.Run(test));
            }
            var report = new ConformanceReport(results);
            using var output = Console.OpenStandardOutput();
            if (args.GetValue(json)) report.Json(output);
            else Console.Write(report.Text());
            return 0;
        });
        return command;
    }
}
