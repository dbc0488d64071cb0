using Ingot.Bench;
using Ingot.Bench.Models;
using Ingot.Nn;

namespace Ingot.Llm.Tests.Bench;

public class BenchmarkTests
{
    static string[] Selected(params string[] names) => [.. Benchmark.Select(Catalogue.All, names).Select(b => b.Name)];

    [Fact]
    public void Catalogue_Names_AreAllDifferent() => Catalogue.All.Select(b => b.Name).ShouldBeUnique();

    [Theory]
    [InlineData("peak.fma"), InlineData("matmul.f32.2048"), InlineData("matmul.bf16.2048"), InlineData("elementwise"), InlineData("softmax"), InlineData("layernorm")]
    [InlineData("attention.bf16.4096.fwd"), InlineData("gpt2.bf16.4x256"), InlineData("d6.bf16"), InlineData("char-small"), InlineData("char-large")]
    [InlineData("resnet50"), InlineData("mobilenetv2"), InlineData("bert"), InlineData("compile"), InlineData("dispatch")]
    public void Catalogue_HasTheNamesThatOthersUse(string name) => Catalogue.All.ShouldContain(b => b.Name == name);

    [Fact]
    public void Select_FullName_IsThatOneAlone() => Selected("matmul.f32.512").ShouldBe(["matmul.f32.512"]);

    [Fact]
    public void Select_BeginningOfNames_IsAllOfThemInOrder() => Selected("softm", "matvec.f32").ShouldBe(["matvec.f32.4096x4096x1", "matvec.f32.1x4096x11008", "softmax", "softmax.bf16"]);

    [Fact]
    public void Select_NoName_IsEverything() => Selected().Length.ShouldBe(Catalogue.All.Count);

    [Fact]
    public void Select_UnknownName_SaysSo() => Should.Throw<IngotException>(() => Selected("matmul", "matmull")).Message.ShouldContain("'matmull'");

    [Fact]
    public void Figure_Json_HasTheNamesAskedForAndComesBack()
    {
        var figure = new Figure("softmax", 12.3456789, "GB/s", 0.812345, 11, 13.5, 9, 11);
        string line = figure.ToJson();
        line.ShouldStartWith("""{"name":"softmax","value":12.35,"unit":"GB/s","peakFraction":0.8123,"min":11,"max":13.5,"kept":9,"taken":11""");
        Figure.FromJson(line).ShouldBe(figure with { Value = 12.35, PeakFraction = 0.8123 });
        Figure.FromJson((figure with { PeakFraction = null }).ToJson()).PeakFraction.ShouldBeNull();
        Should.Throw<FormatException>(() => Figure.FromJson("softmax 12")).Message.ShouldContain("softmax 12");
    }

    [Fact]
    public void Median_EvenAndOddNumbers_IsTheMiddle()
    {
        Sampling.Median([3, 1, 2]).ShouldBe(2);
        Sampling.Median([4, 1, 2, 3]).ShouldBe(2.5);
    }

    /// <summary>A roof whose readings are given.</summary>
    sealed class GivenRoof(params double[] readings) : Roof("GFLOPS")
    {
        int next;

        protected override RoofReading Measure() => new(100, readings[Math.Min(next++, readings.Length - 1)]);
    }

    [Fact]
    public void Measure_ReadingsThatDrop_DiscardTheSamplesBesideThem()
    {
        // The third reading is disturbed: the samples before and after it go.
        var figure = Sampling.Measure("x", "ms", new GivenRoof(100, 95, 50, 100, 100), 1, s => 1000 * s, () => Thread.Sleep(11), new(Wanted: 3, Most: 9));
        (figure.Kept, figure.Taken).ShouldBe((3, 5));
        figure.Min.ShouldBeGreaterThanOrEqualTo(11);
        figure.Value.ShouldBeInRange(figure.Min, figure.Max);
        figure.PeakFraction!.Value.ShouldBeInRange(0.1 * 1000 / figure.Max / 10, 1000.0 / 11 / 100); // 1 GFLOP a call, beside 100 GFLOPS
    }

    [Fact]
    public void Measure_NeverUndisturbed_EndsAtItsBoundAndSaysSo()
    {
        var figure = Sampling.Measure("x", "ms", new GivenRoof(50), 1, s => 1000 * s, () => Thread.Sleep(11), new(Wanted: 3, Most: 4));
        (figure.Kept, figure.Taken).ShouldBe((0, 4));
        figure.ToString().ShouldContain("none of 4 undisturbed");
    }

    static double Millions(object model) => Math.Round(Module.Parameters(model).Sum(p => p.Count) / 1e6, 2);

    [Fact]
    public void Models_Parameters_AreAsManyAsThePapersSay()
    {
        Millions(new ResNet50()).ShouldBe(25.56);
        Millions(new MobileNetV2()).ShouldBe(3.50);
    }

    [Fact]
    public void Models_MultiplyAdds_AreAsManyAsThePapersSay()
    {
        var image = Tensor.Zeros(1, 3, 224, 224);
        foreach (var (model, expected) in new (IImageModel, double)[] { (new ResNet50(), 4.09e9), (new MobileNetV2(), 0.301e9) })
        {
            model.Forward(image).Shape.ShouldBe(new(1, 1000));
            model.MultiplyAdds.ShouldBe(expected, 0.01 * expected);
        }
    }
}
