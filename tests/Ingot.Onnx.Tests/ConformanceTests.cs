using System.Text.Json;
using Ingot.Onnx.Conformance;
using Ingot.Onnx.Export;

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

    [Fact]
    public void Case_Operator_IsTheOneThatTheSuiteNamesIt()
    {
        var named = File.ReadLines(SharedData.Path("onnx-conformance-cases.tsv")).Skip(1).Select(l => l.Split('\t')).ToDictionary(p => $"{p[0]}/{p[1]}", p => p[2]);
        var wrong = ConformanceSuite.Read(SharedData.Path("onnx-conformance.tar.gz"))
            .Where(c => named.TryGetValue($"{c.Group}/{c.Name}", out var op) && op.Split('.')[^1] != c.Operator).Select(c => $"{c.Name}: {c.Operator} instead of {named[$"{c.Group}/{c.Name}"]}").Order();
        // The suite counts these two for a later one of their operators.
        string.Join("; ", wrong).ShouldBe("test_loop16_seq_none: Loop instead of If; test_sequence_model1: SequenceEmpty instead of SequenceInsert");
    }

    [Fact]
    public void Run_CaseThatNeverEnds_FailsAndItsThreadEnds()
    {
        var body = new ModelWriter(17).Input("i", OnnxDType.Int64).Input("go", OnnxDType.Bool).Input("x", OnnxDType.Float).Output("go").Output("x");
        var model = new ModelWriter(17).Initializer("x", Tensor.Scalar(1f)).Initializer("turns", Tensor.From([long.MaxValue], [1])).Initializer("go", Tensor.From([true], [1]))
            .Node("Loop", ["turns", "go", "x"], ["y"], ("body", body)).Output("y").ToArray();
        var result = new ConformanceRun(new Dictionary<string, string>(), null, TimeSpan.FromMilliseconds(300)).Run(new ConformanceCase("node", "test_endless", model, [([], [])]));
        result.Failure.ShouldBe("it takes longer than 0 s"); // and not: that its thread goes on
        result.Operator.ShouldBe("Loop");
    }

    [Fact]
    public void Json_Report_HasTheTotalsAndTheCases()
    {
        var report = new ConformanceReport([new("node", "test_a", "Abs", false, null, 1), new("node", "test_b", "Add", false, "wrong", 1), new("node", "test_c", "Cast", true, null, 1)]);
        using var stream = new MemoryStream();
        report.Json(stream);
        using var json = JsonDocument.Parse(stream.ToArray());
        json.RootElement.EnumerateObject().Select(p => p.Name).ShouldBe(["core", "special", "cases"]);
        json.RootElement.GetProperty("core").GetRawText().Where(c => !char.IsWhiteSpace(c)).ShouldBe("{\"passed\":1,\"total\":2}");
        json.RootElement.GetProperty("special").GetRawText().Where(c => !char.IsWhiteSpace(c)).ShouldBe("{\"passed\":1,\"total\":1}");
        json.RootElement.GetProperty("cases").EnumerateArray().ElementAt(1).GetProperty("reason").GetString().ShouldBe("wrong");
    }
}
