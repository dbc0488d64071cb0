using System.Text.RegularExpressions;

namespace Ingot.Llm.Tests.Cli;

public sealed partial class AblateCommandTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void List_IsRunOnceAndCompared_AtEqualWork()
    {
        // Text of a few words, so that the runs take no time; a tenth of it is held out.
        Directory.CreateDirectory(folder["data"]);
        for (int i = 0; i < 40; i++) File.WriteAllText(folder["data", $"{i}.txt"], string.Join(' ', Enumerable.Range(0, 60).Select(w => $"word{(w * 7 + i * 13) % 50}")));
        File.WriteAllLines(folder["list.txt"],
        [
            $"all: --depth 1 --flops 1.2e10 --data {folder["data"]} --set model.context=32 --set train.batch=4 --set tokenizer.vocabulary=300",
            "base:", "wide: --set model.width=64",
        ]);
        string[] ablate = ["ablate", folder["list.txt"], "--out", folder["runs"], "--seeds", "2"];
        var (code, output, error) = IngotProcess.Run(ablate);
        (code, error).ShouldBe((0, ""));
        int[] steps = [.. Steps().Matches(output).Select(m => int.Parse(m.Groups[1].Value.Replace(",", ""), System.Globalization.CultureInfo.InvariantCulture))];
        steps.Length.ShouldBe(4);
        steps[2].ShouldBeLessThan(steps[0]); // a wider model sees fewer tokens
        output.ShouldContain("| wide | `--set model.width=64` | 2 |");

        var again = IngotProcess.Run([.. ablate, "--add", "adamw: --set train.optimizer=adamw", "--only", "wide"]);
        (again.Code, again.Error).ShouldBe((0, ""));
        again.Output.ShouldNotContain(", seed "); // nothing was trained
        output.ShouldEndWith(again.Output);
        IngotProcess.Run([.. ablate, "--only", "deep"]).Error.ShouldContain("the list has no 'deep'; it has base, wide");
    }

    [Fact]
    public void Pretrain_WhatHasNoMeaning_IsRefused()
    {
        IngotProcess.Run("pretrain", "--tokens", "5", "--flops", "5", "--out", folder["a"]).Error.ShouldContain("give one of them");
        IngotProcess.Run("sft", "--from", "random", "--set", "mix.repeats=0", "--out", folder["a"]).Error.ShouldContain("mix.repeats is of pretraining");
        Directory.Exists(folder["a"]).ShouldBeFalse();
    }

    [GeneratedRegex(@"parameters; ([\d,]+) steps")]
    private static partial Regex Steps();
}
