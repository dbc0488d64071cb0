using System.Text.RegularExpressions;
using Ingot.Llm.Corpus;
using Ingot.Llm.Planning;
using Ingot.Llm.Tests.Pipeline;

namespace Ingot.Llm.Tests.Cli;

/// <summary>The README's shell blocks: quick commands are run, with a small model; of all of them, commands and options must exist.</summary>
public sealed partial class ReadmeShellTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    static string Root()
    {
        for (var d = new DirectoryInfo(AppContext.BaseDirectory); d is not null; d = d.Parent)
            if (File.Exists(Path.Combine(d.FullName, "Ingot.slnx"))) return d.FullName;
        Assert.Skip("not inside the source tree");
        return null!; // Skip throws
    }

    /// <summary>Lines of the README's shell blocks.</summary>
    static List<string> Lines() => [.. ShellBlock().Matches(File.ReadAllText(Path.Combine(Root(), "README.md")).ReplaceLineEndings("\n")).SelectMany(m => m.Groups[1].Value.TrimEnd().Split('\n'))];

    /// <summary>Words as a shell splits them; double quotes hold words together.</summary>
    static List<string> Words(string line) => [.. Word().Matches(line).Select(m => m.Value.Trim('"'))];

    [Fact]
    public void Dotnet_LinesNameWhatIsThere()
    {
        var lines = Lines().Where(l => l.StartsWith("dotnet", StringComparison.Ordinal)).ToList();
        lines.ShouldBe(["dotnet run -c Release --project src/Ingot.Cli -- speedrun", "dotnet test -c Release"]);
        File.Exists(Path.Combine(Root(), "src/Ingot.Cli/Ingot.Cli.csproj")).ShouldBeTrue();
        IngotProcess.Run("speedrun", "--help").ShouldSatisfyAllConditions(r => r.Code.ShouldBe(0), r => r.Output.ShouldContain("--minutes"));
        File.ReadAllText(Path.Combine(Root(), ".ci/run")).ShouldContain("dotnet test -c Release");
    }

    [Fact]
    public void Ingot_LinesRunAsWritten()
    {
        File.WriteAllText(folder["text.txt"], StoryCorpus.Generate(1, 4000));
        var lines = Lines().Where(l => l.StartsWith("ingot ", StringComparison.Ordinal)).ToList();
        lines.Select(l => Words(l)[1]).ShouldBe(["run", "quantize", "run", "serve", "speedrun", "chat", "eval", "report", "compress", "train", "sample", "info", "bench", "plan", "corpus"]);
        // Of the ten minutes the plan is what is too long for a test: a run goes on with the one in its folder.
        TinyPlan.Of(new SpeedrunSettings { Minutes = 10 }).Write(folder["talk"]);
        // Other people's models are run when there is one: that which speedrun made.
        foreach (var line in lines.OrderBy(l => l.Contains("MODEL", StringComparison.Ordinal) || l.Contains("SMALL", StringComparison.Ordinal)))
        {
            var words = Words(line)[1..].ConvertAll(w => w switch { "FILE" => folder["text.txt"], "DIR" => folder["run"], "RUN" or "MODEL" => folder["talk"], "SMALL" => folder["small.gguf"], "8080" => "0", _ => w });
            if (words[0] == "serve")
            {
                Serves(words).ShouldBeTrue(line);
                continue;
            }
            if (words[0] == "train") words.AddRange(["--steps", "2", "--layers", "1", "--width", "16", "--context", "16"]);
            if (words[0] == "sample") words.AddRange(["--tokens", "5"]);
            if (words[0] == "eval") words.AddRange(["--count", "4"]);
            if (words[0] == "chat") words.AddRange(["--tokens", "4"]);
            var (code, output, error) = words[0] == "chat" ? IngotProcess.RunWithInput("Who are you?\n", words) : IngotProcess.Run(words);
            (code, words.Contains("--stats") ? "" : error).ShouldBe((0, ""), line + error);
            if (words[0] is "chat" or "run") output.Trim().ShouldNotBeEmpty(); // what a model of a dozen steps says
            else output.ShouldContain(words[0] switch { "train" => "step 2/2", "sample" => "Once upon a time", "speedrun" => "report.html", "quantize" => "small.gguf", "eval" => "facts, held-out phrasings", "report" => "report.md", "compress" => "bits", "plan" => "512 KiB a token", "corpus" => "Quirdik", _ => "GFLOPS" });
        }
    }

    /// <summary>True if a server comes up and ends when it is told to.</summary>
    static bool Serves(List<string> words)
    {
        using var process = IngotProcess.Start(words);
        string? line;
        while ((line = process.StandardOutput.ReadLine()) is not null && !line.StartsWith("page ", StringComparison.Ordinal)) { }
        using (var kill = System.Diagnostics.Process.Start("kill", ["-TERM", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)])) kill.WaitForExit();
        process.WaitForExit();
        return line is not null;
    }

    /// <summary>Options that the text names in code spans exist.</summary>
    [Fact]
    public void Help_EveryCommand_DescribesEachOption()
    {
        foreach (var command in new[] { "run", "serve", "export", "quantize", "load", "onnx", "fuzz", "speedrun", "tokenizer", "pretrain", "midtrain", "sft", "dpo", "rl", "eval", "report", "chat", "compress", "decompress", "train", "sample", "info", "bench", "ablate" })
        {
            var (code, help, error) = IngotProcess.Run(command, "--help");
            (code, error).ShouldBe((0, ""));
            help.ShouldContain($"ingot {command}");
            foreach (Match option in OptionLine().Matches(help)) option.Groups[2].Value.Trim().Length.ShouldBeGreaterThan(5, $"{command} {option.Groups[1].Value} has no description");
        }
        IngotProcess.Run("train", "--help").Output.ShouldContain("--resume");
        IngotProcess.Run("--help").Output.ShouldSatisfyAllConditions(h => h.ShouldContain("speedrun"), h => h.ShouldContain("train"), h => h.ShouldContain("sample"), h => h.ShouldContain("info"));
    }

    [GeneratedRegex(@"^```sh\n(.*?)^```$", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex ShellBlock();

    [GeneratedRegex("\"[^\"]*\"|\\S+")]
    private static partial Regex Word();

    [GeneratedRegex(@"^  (?:-\w, )?(--[\w-]+)(?: <[\w-]+>)?(.*)$", RegexOptions.Multiline)]
    private static partial Regex OptionLine();
}
