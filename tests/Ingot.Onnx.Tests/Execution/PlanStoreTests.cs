using Ingot.Onnx.Export;
using Ingot.Runtime;
using Ingot.Schedule;

namespace Ingot.Onnx.Tests.Execution;

/// <summary>Models whose plans another process has kept: here the process that forgets all it has compiled stands for the other. Not beside other tests, for that reason.</summary>
[Collection(nameof(VaryingLengthsTests))]
public sealed class PlanStoreTests : IDisposable
{
    const int Length = 24;

    readonly TemporaryFolder folder = new();
    readonly (string Cache, long MostBytes, TimeSpan WorthKeeping, IsaLevel? Isa) before = (Settings.Cache, PlanStore.MostBytes, PlanStore.WorthKeeping, Settings.Isa);
    readonly string model;

    public PlanStoreTests()
    {
        (Settings.Cache, PlanStore.WorthKeeping) = (folder["cache"], TimeSpan.Zero);
        File.WriteAllBytes(model = folder["m.onnx"], VaryingLengthsTests.Transformer(Length));
        Realizer.Clear();
    }

    public void Dispose()
    {
        (Settings.Cache, PlanStore.MostBytes, PlanStore.WorthKeeping, Settings.Isa) = before;
        Realizer.Clear();
        folder.Dispose();
    }

    /// <summary>The model's output, computed by a process that knows what is on the disk alone.</summary>
    /// <returns>It, and how many plans were found and kept on the way.</returns>
    (float[] Output, int Found, int Kept) Fresh(bool keepsKernels = true)
    {
        Realizer.Clear();
        var (found, kept) = (PlanStore.Found, PlanStore.Kept);
        float[] output = VaryingLengthsTests.Run(OnnxModel.Load(model, new() { KeepsKernels = keepsKernels }), Length);
        return (output, PlanStore.Found - found, PlanStore.Kept - kept);
    }

    static string[] Files => Directory.GetFiles(PlanStore.Folder, "*.plan");

    [Fact]
    public void Load_InALaterProcess_CompilesNothingAnewAndGivesTheSameBits()
    {
        var without = Fresh(keepsKernels: false);
        (without.Found, without.Kept, Directory.Exists(PlanStore.Folder)).ShouldBe((0, 0, false));
        var first = Fresh();
        first.Found.ShouldBe(0);
        first.Kept.ShouldBeGreaterThan(0);
        int compiled = CompiledKernel.Compiled;
        var second = Fresh();
        (second.Found, second.Kept).ShouldBe((first.Kept, 0));
        (CompiledKernel.Compiled - compiled).ShouldBe(0);
        first.Output.ShouldBe(without.Output);
        second.Output.ShouldBe(without.Output);
    }

    [Fact]
    public void Load_ConvolutionsAndElementwiseKernels_AreTheSameFromDisk()
    {
        var random = new Random(5);
        Tensor Some(params int[] shape) => Tensor.From([.. Enumerable.Range(0, shape.Aggregate(1, (p, d) => p * d)).Select(_ => random.NextSingle() - 0.5f)], shape);
        var writer = new ModelWriter(17).Input("x", OnnxDType.Float, 1, 8, 30, 30).Initializer("w", Some(16, 8, 3, 3)).Initializer("b", Some(16)).Initializer("v", Some(16, 1, 3, 3)).Initializer("s", Some(1, 16, 30, 30))
            .Node("Conv", ["x", "w", "b"], ["c"], ("pads", new long[] { 1, 1, 1, 1 })).Node("Relu", ["c"], ["r"])
            .Node("Conv", ["r", "v"], ["d"], ("pads", new long[] { 1, 1, 1, 1 }), ("group", 16L)).Node("Add", ["d", "s"], ["e"]).Node("Tanh", ["e"], ["t"])
            .Node("GlobalAveragePool", ["t"], ["g"]).Node("Exp", ["s"], ["u"]).Output("g").Output("u").Output("t");
        File.WriteAllBytes(model, writer.ToArray());
        var x = Some(1, 8, 30, 30).Realize();
        float[][] Run()
        {
            Realizer.Clear();
            return [.. OnnxModel.Load(model).Run(("x", x)).OrderBy(o => o.Key, StringComparer.Ordinal).Select(o => ((OnnxTensor)o.Value).Storage.ToArray<float>())];
        }
        float[][] first = Run();
        int found = PlanStore.Found;
        float[][] second = Run();
        PlanStore.Found.ShouldBeGreaterThan(found);
        for (int o = 0; o < first.Length; o++) second[o].ShouldBe(first[o]);
    }

    [Fact]
    public void Find_DamagedFiles_AreNotUsedButWrittenAnew()
    {
        var whole = Fresh();
        var content = Files.ToDictionary(f => f, File.ReadAllBytes);
        var random = new Random(7);
        for (int round = 0; round < 6; round++)
        {
            foreach (var (path, bytes) in content)
            {
                byte[] damaged = [.. bytes];
                if (round == 0) damaged = damaged[..(damaged.Length / 2)];
                else if (round == 1) damaged = [];
                else damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
                File.WriteAllBytes(path, damaged);
            }
            var again = Fresh();
            (again.Found, again.Kept).ShouldBe((0, whole.Kept), $"round {round}");
            again.Output.ShouldBe(whole.Output);
            foreach (var (path, bytes) in content) File.ReadAllBytes(path).ShouldBe(bytes);
        }
    }

    [Fact]
    public void Find_OtherInstructions_IsAnotherPlan()
    {
        Fresh();
        Settings.Isa = IsaLevel.Vector128;
        Fresh().Found.ShouldBe(0);
    }

    [Fact]
    public void Keep_MoreThanTheQuota_RemovesWhatIsUnusedForLongest()
    {
        Fresh();
        string old = Path.Combine(PlanStore.Folder, "old.plan");
        File.WriteAllBytes(old, new byte[100]);
        File.SetLastWriteTimeUtc(old, DateTime.UtcNow.AddDays(-1));
        long total = Files.Sum(f => new FileInfo(f).Length);
        PlanStore.MostBytes = 3 * total;
        Settings.Isa = IsaLevel.Vector128;
        Fresh();
        File.Exists(old).ShouldBeTrue();
        PlanStore.MostBytes = 2 * total;
        Settings.Isa = before.Isa;
        foreach (string f in Files.Where(f => f != old)) File.SetLastWriteTimeUtc(f, DateTime.UtcNow.AddHours(-1));
        File.WriteAllBytes(model, VaryingLengthsTests.Transformer(Length / 2));
        Realizer.Clear();
        VaryingLengthsTests.Run(OnnxModel.Load(model), Length / 2);
        File.Exists(old).ShouldBeFalse();
        Files.Sum(f => new FileInfo(f).Length).ShouldBeLessThanOrEqualTo(2 * total);
    }

    [Fact]
    public void Keep_AFolderThatCannotBe_CostsNothingButTime()
    {
        File.WriteAllText(folder["file"], "");
        Settings.Cache = folder["file"];
        var (output, found, kept) = Fresh();
        (found, kept).ShouldBe((0, 0));
        output.ShouldBe(Fresh(keepsKernels: false).Output);
    }
}
