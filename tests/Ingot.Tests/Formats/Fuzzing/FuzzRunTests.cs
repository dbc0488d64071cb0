using Ingot.Formats.Fuzzing;

namespace Ingot.Tests.Formats.Fuzzing;

public class FuzzRunTests
{
    public static TheoryData<string> Names => [.. FormatTargets.All.Select(t => t.Name)];

    static FuzzTarget Target(string name) => FormatTargets.All.Single(t => t.Name == name);

    [Theory]
    [MemberData(nameof(Names))]
    public void Run_Parsers_HaveNoFindings(string name)
    {
        var report = FuzzRun.Run(Target(name), seed: 7, first: 0, count: 1500, jobs: 2);
        report.Findings.ShouldBeEmpty(string.Join("\n", report.Findings.Select(f => $"input {f.Index}: {f.What}")));
        report.Accepted.ShouldBeGreaterThan(100); // mutation must leave enough whole to get past the first checks
        report.Refused.ShouldBeGreaterThan(300);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Seed_EachTarget_IsAcceptedUnlessBrokenOnPurpose(string name) =>
        Enumerable.Range(0, 60).Count(i => FuzzRun.Try(Target(name), Target(name).Seed(new Random(i)).Bytes).Accepted).ShouldBeGreaterThan(20);

    [Fact]
    public void Input_SameSeedAndIndex_IsTheSame()
    {
        FuzzRun.Input(Target("gguf"), 3, 14).ShouldBe(FuzzRun.Input(Target("gguf"), 3, 14));
        Enumerable.Range(0, 20).Select(i => Convert.ToHexString(FuzzRun.Input(Target("gguf"), 3, i))).Distinct().Count().ShouldBeGreaterThan(15);
    }

    [Fact]
    public void Run_ParserThatFails_IsFound()
    {
        var throws = new FuzzTarget("throws", _ => new([1]), bytes => bytes.Length == 1 ? throw new InvalidOperationException("one byte") : () => { });
        FuzzRun.Run(throws, 1, 0, 200, 2).Findings.ShouldHaveSingleItem().What.ShouldStartWith("InvalidOperationException: one byte");

        var fails = new FuzzTarget("fails later", _ => new([1]), _ => () => throw new InvalidDataException());
        FuzzRun.Run(fails, 1, 0, 3, 1).Findings.ShouldHaveSingleItem().What.ShouldStartWith("InvalidDataException");

        var managed = new FuzzTarget("allocates", _ => new([1]), _ => { GC.KeepAlive(new byte[17 << 20]); return () => { }; });
        FuzzRun.Run(managed, 1, 0, 2, 1).Findings.ShouldHaveSingleItem().What.ShouldContain("allocates");

        var native = new FuzzTarget("rents", _ => new([1]), _ => { GC.KeepAlive(Ingot.Runtime.Storage.Allocate(17 << 20)); return () => { }; });
        FuzzRun.Run(native, 1, 0, 2, 1).Findings.ShouldHaveSingleItem().What.ShouldContain("allocates");

        var slow = new FuzzTarget("spins", _ => new([1]), _ =>
        {
            var clock = System.Diagnostics.Stopwatch.StartNew();
            double? start = FuzzRun.ProcessorMilliseconds();
            // Asked a hundred times a second, as asking allocates, too.
            for (long next = 10; (FuzzRun.ProcessorMilliseconds() - start ?? clock.Elapsed.TotalMilliseconds) < 1050; next = clock.ElapsedMilliseconds + 10)
                while (clock.ElapsedMilliseconds < next) Thread.SpinWait(100);
            return () => { };
        });
        FuzzRun.Run(slow, 1, 0, 1, 1).Findings.ShouldHaveSingleItem().What.ShouldStartWith("took");

        var refuses = new FuzzTarget("refuses", _ => new([1]), _ => throw new Ingot.FormatException("no"));
        FuzzRun.Run(refuses, 1, 0, 5, 1).ShouldSatisfyAllConditions(r => r.Refused.ShouldBe(5), r => r.Findings.ShouldBeEmpty());
    }

    [Fact]
    public void Run_ParserThatHangs_IsReportedAndEnds()
    {
        using var forever = new ManualResetEventSlim();
        var hangs = new FuzzTarget("hangs", r => new([(byte)r.Next(4)]) { IsChanged = true }, bytes => { if (bytes is [3]) forever.Wait(); return () => { }; });
        var report = FuzzRun.Run(hangs, 1, 0, 1_000_000_000, 2, TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken);
        var found = report.Findings.ShouldHaveSingleItem();
        found.ShouldSatisfyAllConditions(f => f.IsHang.ShouldBeTrue(), f => f.What.ShouldStartWith("hangs"), f => f.Input.ShouldBe([3]), f => FuzzRun.Input(hangs, 1, f.Index).ShouldBe([3]));
        forever.Set(); // lets the threads go
    }

    [Fact]
    public void Run_SeedThatFails_IsAnError() =>
        Should.Throw<IngotException>(() => FuzzRun.Run(new("broken", _ => throw new InvalidOperationException("no seed"), _ => () => { }), 1, 0, 3, 1)).Message.ShouldContain("no seed");

    /// <summary>Two fields, the first around the second; each must say the truth after any number of changes to their contents.</summary>
    [Fact]
    public void Mutation_LengthFields_StayTrue()
    {
        byte[] file = [8, 0, (byte)'a', 3, 0, 1, 2, 3, (byte)'b', (byte)'c', 99];
        var seed = new FuzzSeed(file, new LengthField(0, 2, 2, 8), new LengthField(3, 2, 5, 3));
        int grown = 0;
        for (int i = 0; i < 2000; i++)
        {
            var changed = Mutation.Apply(seed, [7, 7, 7, 7], new Random(i));
            if (changed.Length < 6 || changed[^1] != 99 || changed[2] != 'a' || changed[^2] != 'c' || changed[^3] != 'b' || changed.Length == file.Length) continue;
            int outer = changed[0] | changed[1] << 8, inner = changed[3] | changed[4] << 8;
            if (outer == changed.Length - 3 && inner == changed.Length - 8) grown++;
        }
        grown.ShouldBeGreaterThan(100);
    }
}
