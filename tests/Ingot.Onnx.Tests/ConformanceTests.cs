using Ingot.Onnx.Conformance;

namespace Ingot.Onnx.Tests;

public sealed class ConformanceTests
{
    [Fact]
    public void Suite_GivenArchive_ReachesTheBar()
    {
        string path = SharedData.Path("onnx-conformance.tar.gz");
        var run = new ConformanceRun(ConformanceRun.ReadSpecial(SharedData.Path("onnx-conformance-special.txt")), null, TimeSpan.FromSeconds(60));
        // The light models are whole networks: `ingot onnx conformance` runs them, they take longer than all others.
        var results = ConformanceSuite.Read(path).Where(c => c.Group != "light").Select(run.Run).ToList();
        var report = new ConformanceReport(results);
        var misses = string.Join("\n", results.Where(r => !r.Passed).Select(r => $"{r.Group}/{r.Name}: {r.Failure}"));
        report.Core.Total.ShouldBe(1142);
        report.Core.Passed.ShouldBeGreaterThanOrEqualTo(1140, misses);
        report.Special.Total.ShouldBe(81);
        report.Special.Passed.ShouldBeGreaterThanOrEqualTo(80, misses);
    }

    [Fact]
    public void Judge_ValueBeyondTolerance_SaysWhich()
    {
        OnnxValue actual = Tensor.From([1f, 2f, 3f]), expected = Tensor.From([1f, 2.0019f, 3.01f]);
        Judge.Difference(actual, expected, typeOnly: false).ShouldBe("1 of 3 elements differ, the first at 2: 3 instead of 3.009999990463257");
        Judge.Difference(actual, expected, typeOnly: true).ShouldBeNull();
        Judge.Difference(actual, Tensor.From([1.0, 2, 3]), false).ShouldBe("type Float instead of Double");
        Judge.Difference(actual, Tensor.From([1f, 2, 3]).Reshape(3, 1), false).ShouldBe("shape (3,) instead of (3, 1)");
        Judge.Difference(Tensor.From([float.NaN]), Tensor.From([float.NaN]), false).ShouldBeNull();
    }

    [Fact]
    public void Run_CaseThatThrows_IsThatCasesFailure()
    {
        var run = new ConformanceRun(new Dictionary<string, string>(), null, TimeSpan.FromSeconds(30));
        var result = run.Run(new ConformanceCase("node", "test_broken", [1, 2, 3], []));
        result.Passed.ShouldBeFalse();
        result.Failure!.ShouldContain("not a valid ONNX file");
    }
}
