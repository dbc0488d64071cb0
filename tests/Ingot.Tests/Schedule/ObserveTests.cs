using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Ingot.Runtime;
using Ingot.Schedule;
using Ingot.Tests.Runtime;

namespace Ingot.Tests.Schedule;

[Collection(nameof(ProcessWide))]
public sealed class ObserveTests
{
    static Tensor Random(params int[] shape)
    {
        var x = Tensor.Rand(shape);
        x.Realize();
        return x;
    }

    static void Compute()
    {
        Tensor a = Random(64, 96), b = Random(96, 32);
        (a.Matmul(b).Softmax(1) + 1).Realize();
    }

    [Fact]
    public void Debug_Off_PrintsNothing()
    {
        using var watch = new Watch();
        Compute();
        watch.Text.ShouldBeEmpty();
    }

    [Fact]
    public void Debug1_SameGraphTwice_SecondPlanIsKnown()
    {
        using var watch = new Watch();
        Tensor a = Random(1000), b = Random(1000);
        Settings.Debug = 1;
        (a * b + 1).Realize();
        (b * a + 1).Realize();
        watch.Lines.Length.ShouldBe(3);
        watch.Lines[0].ShouldMatch(@"^realise \d+: new plan, 1 kernel in 1 launch, 0 B of temporaries, [\d.]+ ms, of which [\d.]+ ms compiling 1 kernel$");
        watch.Lines[1].ShouldBe("  memory: 12,000 B: 8,000 B other tensors read, 4,000 B results");
        watch.Lines[2].ShouldMatch(@"^realise \d+: known plan, 1 kernel in 1 launch, 0 B of temporaries, [\d.]+ ms$");
    }

    [Fact]
    public void Debug1_TrainingStep_SaysWhatItsMemoryIsFor()
    {
        using var watch = new Watch();
        Tensor first = Random(300, 200).WithGrad(), second = Random(300, 300).WithGrad(), third = Random(10, 300).WithGrad(), x = Random(256, 200);
        var adam = new Ingot.Nn.Adam([first, second, third]);
        Settings.Debug = 1;
        x.Linear(first).Gelu().Linear(second).Gelu().Linear(third).Square().Mean().Backward();
        Ingot.Nn.Clip.GradNorm([first, second, third], 1);
        adam.Step();
        const int parameters = 300 * 200 + 300 * 300 + 10 * 300;
        // The norm is of all gradients, so they wait for it; and the first layer's gradient wants what its activation was made of.
        watch.Lines[1].ShouldMatch(@"^  memory: [\d.]+ MB: 0\.6 MB weights, 1\.2 MB state that is assigned, 0\.2 MB other tensors read, 8 B results, .* temporaries; at their peak, launch \d+ of \d+ \(.*\), the temporaries are .*");
        (parameters * 4, 2 * parameters * 4, 256 * 200 * 4).ShouldBe((612_000, 1_224_000, 204_800)); // as MB above
        var plan = Realizer.LastPlan!;
        plan.PeakTemporaryBytes.ShouldBeGreaterThanOrEqualTo(parameters * 4);
        plan.TemporaryBytes.ShouldBeGreaterThanOrEqualTo(plan.PeakTemporaryBytes);
        watch.Lines[1].ShouldContain("activations kept");
        watch.Lines[1].ShouldContain("gradients");
    }

    [Fact]
    public void Debug2_OneKernel_LineHasWorkTrafficSpeedAndFractionOfPeak()
    {
        using var watch = new Watch();
        Tensor a = Random(100, 50), b = Random(100, 50);
        Settings.Debug = 2;
        (a * b).Realize();
        watch.Lines[0].ShouldMatch(@"^  map_100x50 +5,000 FLOP +60,000 B +[\d.]+ us +[\d.]+ GFLOPS +[\d.]+ GB/s +\d+ ?% of (bandwidth|FMA peak)");
    }

    [Fact]
    public void Debug3_NewKernel_ShowsWhatItComputesAndItsLoops()
    {
        using var watch = new Watch(debug: 3);
        Compute();
        watch.Text.ShouldContain("  kernel ");
        watch.Text.ShouldContain("Fold<Add> f32(");
        watch.Text.ShouldContain("recipe: ");
        watch.Text.ShouldMatch(@"\n +for i0 from chunk\.start to chunk\.end");
        watch.Text.ShouldMatch(@"\n +acc\d+(\.v)? \+= ");
        watch.Text.ShouldMatch(@"\n +slot\d\[.*\] = ");
        watch.Text.ShouldNotContain(" IL of ");
    }

    [Fact]
    public void Debug4_NewKernel_ListsItsIl()
    {
        using var watch = new Watch(debug: 4);
        Compute();
        watch.Text.ShouldContain("    IL of ");
        watch.Text.ShouldMatch(@"\n    0000  ldarg\.1\n");
        watch.Text.ShouldMatch(@"\n    [0-9a-f]{4}  call +Vector\d+.*\(");
        watch.Text.ShouldMatch(@"\n    [0-9a-f]{4}  ret\n");
    }

    [Fact]
    public void Debug4_ListingGenerator_ChangesNoResult()
    {
        var x = Random(37, 53);
        var plain = x.Softmax(1).ToArray<float>();
        using var watch = new Watch(debug: 4);
        x.Softmax(1).ToArray<float>().ShouldBe(plain);
    }

    [Fact]
    public void Debug5_ProductWithOne_NamesTheRule()
    {
        using var watch = new Watch();
        var a = Random(10);
        Settings.Debug = 5;
        (a * 1 + 2).Realize();
        watch.Text.ShouldMatch(@"rewrite Algebra\.cs:\d+: Mul -> ");
    }

    [Fact]
    public void Debug5_LongSumOfAComputedTensor_NamesTheRulesOfTheCleanup()
    {
        using var watch = new Watch();
        var a = Random(200_000);
        Settings.Debug = 5;
        (a.Detach() * 3).Sum().Realize();
        int split = Array.FindIndex(Docs.Repository.Read("src/Ingot/Schedule/Cleanup.cs").Split('\n'), l => l.Contains("return Hit(n, outer)", StringComparison.Ordinal)) + 1;
        watch.Text.ShouldContain($"rewrite Cleanup.cs:{split}: Reduce -> Reshape f32(");
        watch.Text.ShouldMatch(@"rewrite Cleanup\.cs:\d+: Const -> Const\[3\]");
    }

    [Fact]
    public void Debug6_X64_ShowsTheKernelsInstructionsToTheReturn()
    {
        Assert.SkipUnless(System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64, "the disassembler reads x64 code");
        using var watch = new Watch();
        Tensor a = Random(1000), b = Random(1000);
        Settings.Debug = 6;
        (a * b).Realize();
        var code = watch.Lines.SkipWhile(l => !l.Contains("machine code of")).TakeWhile(l => !l.StartsWith("realise", StringComparison.Ordinal)).ToList();
        code.ShouldContain(l => Regex.IsMatch(l, @"v?mulps +[xyz]mm"));
        code.ShouldContain(l => Regex.IsMatch(l, @"ret\s*$"));
        code.ShouldContain(l => Regex.IsMatch(l, @"\d+ bytes, \d+ instructions"));
        code.ShouldNotContain(l => l.Contains("no disassembly"));
    }

    [Fact]
    public void Graph_NewPlan_WritesAPictureOfItsKernels()
    {
        using var watch = new Watch();
        Tensor x = Random(300, 200), w = Random(200, 100);
        Settings.Graph = 1;
        var y = x.Matmul(w).Gelu();
        var z = y.Matmul(Random(100, 40));
        Tensor.Realize([z]);
        string file = watch.Lines.Last(l => l.StartsWith("GRAPH=1: wrote ", StringComparison.Ordinal))["GRAPH=1: wrote ".Length..].Trim();
        try
        {
            var svg = XDocument.Load(file).Root!;
            var texts = svg.Descendants().Where(e => e.Name.LocalName == "text").Select(e => e.Value).ToList();
            foreach (var (name, flops, bytes, _, _) in Realizer.LastPlan!.Describe())
            {
                texts.ShouldContain(name);
                texts.ShouldContain($"{flops:N0} FLOP, {bytes:N0} B");
            }
            texts.ShouldContain("f32(300, 200) 240,000 B"); // a tensor given
            texts.ShouldContain("f32(300, 40) 48,000 B"); // the result
            int boxes = svg.Descendants().Count(e => e.Name.LocalName == "g");
            svg.Descendants().Count(e => e.Name.LocalName == "path").ShouldBeGreaterThanOrEqualTo(boxes - 1);
        }
        finally
        {
            foreach (var line in watch.Lines.Where(l => l.StartsWith("GRAPH=1: wrote ", StringComparison.Ordinal))) File.Delete(line["GRAPH=1: wrote ".Length..].Trim());
        }
    }

    [Fact]
    public void Profile_Realise_TraceHasLaunchesWithWorkAndChunksWithin()
    {
        string file = Path.Combine(Path.GetTempPath(), $"ingot-trace-{Guid.NewGuid():N}.json");
        using var watch = new Watch();
        Tensor a = Random(100, 50), b = Random(100, 50);
        Profiler.Start(file);
        try
        {
            (a * b + a).Realize();
            Profiler.Stop();
            var events = JsonDocument.Parse(File.ReadAllText(file)).RootElement.EnumerateArray().ToList();
            var launch = events.Single(e => e.GetProperty("name").GetString() == "map_100x50");
            launch.GetProperty("args").GetProperty("flops").GetDouble().ShouldBe(10_000);
            launch.GetProperty("args").GetProperty("bytes").GetDouble().ShouldBe(60_000);
            double start = launch.GetProperty("ts").GetDouble(), end = start + launch.GetProperty("dur").GetDouble();
            var chunks = events.Where(e => e.GetProperty("args").TryGetProperty("from", out _)).ToList();
            chunks.ShouldNotBeEmpty();
            foreach (var c in chunks)
            {
                c.GetProperty("ts").GetDouble().ShouldBeGreaterThanOrEqualTo(start);
                (c.GetProperty("ts").GetDouble() + c.GetProperty("dur").GetDouble()).ShouldBeLessThanOrEqualTo(end + 0.01);
            }
        }
        finally
        {
            Profiler.Stop();
            File.Delete(file);
        }
    }
}
