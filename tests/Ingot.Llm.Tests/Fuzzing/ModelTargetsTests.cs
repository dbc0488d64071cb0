using Ingot.Formats.Fuzzing;
using Ingot.Llm.Fuzzing;

namespace Ingot.Llm.Tests.Fuzzing;

public class ModelTargetsTests
{
    public static TheoryData<string> Names => [.. Targets.Select(t => t.Name)];

    static IEnumerable<FuzzTarget> Targets => [.. ModelTargets.All, .. TextTargets.All];

    [Theory]
    [MemberData(nameof(Names))]
    public void Run_Parsers_HaveNoFindings(string name)
    {
        var target = Targets.Single(t => t.Name == name);
        var report = FuzzRun.Run(target, seed: 7, first: 0, count: 1000, jobs: 2);
        report.Findings.ShouldBeEmpty(string.Join("\n", report.Findings.Select(f => $"input {f.Index}: {f.What}")));
        report.Accepted.ShouldBeGreaterThan(20);
        report.Refused.ShouldBeGreaterThan(100);
    }
}
