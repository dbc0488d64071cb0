using Ingot.Formats.Fuzzing;
using Ingot.Onnx.Fuzzing;

namespace Ingot.Onnx.Tests.Fuzzing;

public sealed class OnnxTargetsTests
{
    static readonly FuzzTarget Target = OnnxTargets.All[0];

    [Fact]
    public void Run_Models_HaveNoFindings()
    {
        var report = FuzzRun.Run(Target, seed: 7, first: 0, count: 1000, jobs: 2);
        report.Findings.ShouldBeEmpty(string.Join("\n", report.Findings.Select(f => $"input {f.Index}: {f.What}")));
        report.Accepted.ShouldBeGreaterThan(50);
        report.Refused.ShouldBeGreaterThan(100);
    }

    [Fact]
    public void Seed_EachModel_IsAccepted()
    {
        for (int i = 0; i < 50; i++)
        {
            var outcome = FuzzRun.Try(Target, Target.Seed(new Random(i)).Bytes);
            outcome.What.ShouldBeNull();
            outcome.Accepted.ShouldBeTrue($"seed {i}");
        }
    }
}
