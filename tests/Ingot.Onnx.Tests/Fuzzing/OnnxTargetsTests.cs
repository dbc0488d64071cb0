using Ingot.Formats.Fuzzing;
using Ingot.Onnx.Fuzzing;

namespace Ingot.Onnx.Tests.Fuzzing;

public sealed class OnnxTargetsTests
{
    public static TheoryData<string> Names => [.. OnnxTargets.All.Select(t => t.Name)];

    static FuzzTarget Target(string name) => OnnxTargets.All.Single(t => t.Name == name);

    [Theory]
    [MemberData(nameof(Names))]
    public void Run_Models_HaveNoFindings(string name)
    {
        var report = FuzzRun.Run(Target(name), seed: 7, first: 0, count: 1000, jobs: 2);
        report.Findings.ShouldBeEmpty(string.Join("\n", report.Findings.Select(f => $"input {f.Index}: {f.What}")));
        report.Accepted.ShouldBeGreaterThan(50);
        report.Refused.ShouldBeGreaterThan(100);
    }

    /// <summary>Most of what is not parsed again would only test the first check that fails.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Seed_NotBrokenOnPurpose_IsAccepted(string name)
    {
        var seeds = Enumerable.Range(0, 400).Select(i => (Number: i, Seed: Target(name).Seed(new Random(i)))).Where(s => !s.Seed.IsChanged).ToList();
        seeds.Count.ShouldBeGreaterThan(50);
        foreach (var (number, seed) in seeds)
        {
            var outcome = FuzzRun.Try(Target(name), seed.Bytes);
            outcome.What.ShouldBeNull();
            outcome.Accepted.ShouldBeTrue($"seed {number}");
        }
    }
}
