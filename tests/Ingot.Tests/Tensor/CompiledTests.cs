using Ingot.Nn;
using Ingot.Tests.Runtime;
using Ingot.Tests.Schedule;

namespace Ingot.Tests.Tensors;

[Collection(nameof(ProcessWide))] // the random stream and settings are the process's
public class CompiledTests
{
    static Tensor Values(int n, double scale = 1) => Tensor.From(Enumerable.Range(0, n).Select(i => (float)(Math.Sin(i + 1) * scale)).ToArray());

    static int[] Bits(Tensor t) => Array.ConvertAll(t.ToArray<float>(), BitConverter.SingleToInt32Bits);

    [Fact]
    public void Call_OtherArguments_ReplaysWithThem()
    {
        var f = Compiled.Of((a, b) => (a * b + 0.5).Exp().Sum(-1));
        for (int i = 1; i <= 4; i++)
        {
            Tensor a = Values(12, i).Reshape(3, 4), b = Values(4, 1.0 / i);
            Bits(f.Call(a, b)).ShouldBe(Bits((a * b + 0.5).Exp().Sum(-1)));
        }
        (f.Traces, f.Replays).ShouldBe((1, 3));
    }

    [Fact]
    public void Call_ResultKeptByTheCaller_IsNotOverwritten()
    {
        var f = Compiled.Of(x => x * 2 + 1);
        var kept = Enumerable.Range(0, 5).Select(i => f.Call(Values(100, i))).ToList();
        for (int i = 0; i < 5; i++) Bits(kept[i]).ShouldBe(Bits(Values(100, i) * 2 + 1));
    }

    [Fact]
    public void Call_OtherShapeOrDType_IsAnotherCapture()
    {
        var f = Compiled.Of(x => x * 3);
        f.Call(Values(8)).ToArray<float>().Length.ShouldBe(8);
        f.Call(Values(9)).ToArray<float>().Length.ShouldBe(9);
        f.Call(Values(8).To(DType.F64)).DType.ShouldBe(DType.F64);
        f.Call(Values(8)).ToArray<float>()[2].ShouldBe((float)Math.Sin(3) * 3);
        (f.Traces, f.Replays).ShouldBe((3, 1));
        Should.Throw<ShapeException>(() => f.Call(Values(8), Values(8))).Message.ShouldContain("of 1 tensors was called with 2");
    }

    sealed class Net
    {
        readonly Tensor first, second, normWeight, normBias;
        public readonly Tensor Mean = Tensor.Zeros(16), Variance = Tensor.Ones(16);

        public Net()
        {
            Tensor.ManualSeed(5);
            (first, second) = (Tensor.Randn(16, 10).Realize().WithGrad(), Tensor.Randn(4, 16).Realize().WithGrad());
            (normWeight, normBias) = (Tensor.Ones(16).WithGrad(), Tensor.Zeros(16).WithGrad());
        }

        public Tensor[] Parameters => [first, second, normWeight, normBias];

        public Tensor Loss(Tensor x, Tensor y) =>
            x.Linear(first).BatchNorm(normWeight, normBias, Mean, Variance, training: true).Relu().Dropout(0.3).Linear(second).CrossEntropy(y);
    }

    static (Tensor X, Tensor Y) Batch(int step) => (Values(80, step + 1).Reshape(8, 10), Tensor.From(Enumerable.Range(0, 8).Select(i => (i * 7 + step) % 4).ToArray()));

    static List<int[]> Train(bool captured, Func<Net, Optimizer> optimizerOf, int steps = 7)
    {
        var net = new Net();
        var optimizer = optimizerOf(net);
        var progress = new Number(0);
        var bits = new List<int[]>();
        Tensor Step(Tensor x, Tensor y)
        {
            optimizer.ZeroGrad();
            var loss = net.Loss(x, y);
            loss.Backward();
            Clip.GradNorm(net.Parameters, 0.5);
            optimizer.Step(progress);
            return loss;
        }
        var compiled = Compiled.Of(Step);
        for (int i = 0; i < steps; i++)
        {
            progress.Value = i / (double)steps;
            var (x, y) = Batch(i);
            bits.Add(Bits(captured ? compiled.Call(x, y) : Step(x, y)));
        }
        if (captured) compiled.Traces.ShouldBeLessThanOrEqualTo(2);
        foreach (var p in net.Parameters) bits.Add(Bits(p));
        foreach (var s in optimizer.StateDict().Values) bits.Add(Bits(s.To(DType.F32)));
        bits.Add(Bits(net.Mean));
        bits.Add(Bits(net.Variance));
        bits.Add([(int)Tensor.RandomState.Counter]);
        return bits;
    }

    [Fact]
    public void Training_AdamWWithSchedulesDropoutAndBatchNorm_SameBitsAsWithoutCapture()
    {
        static Optimizer Make(Net n) => new AdamW(n.Parameters, Schedules.WarmupCosine(0.1, warmup: 0.3), beta1: Schedules.Linear(0.8, 0.95), weightDecay: Schedules.Linear(0, 1));
        Train(true, Make).ShouldBe(Train(false, Make));
    }

    [Fact]
    public void Training_SgdWithMomentumAndDampening_SameBitsAsWithoutCapture()
    {
        static Optimizer Make(Net n) => new Sgd(n.Parameters, Schedules.Linear(0.5, 0), momentum: 0.9, dampening: 0.1, weightDecay: 0.01);
        Train(true, Make).ShouldBe(Train(false, Make));
    }

    [Fact]
    public void Training_UnderVerify_RunsEveryReplayInTheInterpreter()
    {
        static Optimizer Make(Net n) => new Sgd(n.Parameters, 0.1);
        using var watch = new Watch(verify: 1, debug: 1);
        Train(true, Make, 4);
        watch.Lines.Count(l => l.StartsWith("replay ", StringComparison.Ordinal)).ShouldBe(3);
        watch.Text.ShouldContain("compiled function: traced, since there is no capture for f32(8, 10), i32(8,)");
    }

    [Fact]
    public void Call_UnderCheck_RunsTheGraphAndNamesTheOperation()
    {
        var f = Compiled.Of(x => x.Log().Sum());
        f.Call(Values(3) + 5);
        using var watch = new Watch(check: 1);
        Should.Throw<IngotException>(() => f.Call(Values(3) - 5)).Message.ShouldContain("Log");
    }

    [Fact]
    public void Gradients_LeftByACall_AreTheParametersAfterEachReplay()
    {
        var w = Values(10).WithGrad();
        var f = Compiled.Of(x =>
        {
            var loss = (x * w).Exp().Sum();
            loss.Backward();
            return loss;
        });
        for (int i = 0; i < 4; i++)
        {
            w.ZeroGrad();
            var x = Values(10, i);
            f.Call(x);
            Bits(w.Grad!).ShouldBe(Bits(x * (x * w.Detach()).Exp()));
        }
        (f.Traces, f.Replays).ShouldBe((1, 3));

        // One that is there already is added to, which is another program.
        f.Call(Values(10));
        w.Grad!.ToArray<float>()[1].ShouldBe((float)(3 * Math.Sin(2) * Math.Exp(3 * Math.Sin(2) * Math.Sin(2)) + Math.Sin(2) * Math.Exp(Math.Sin(2) * Math.Sin(2))), 1e-5f);
    }

    [Fact]
    public void Optimizer_CapturedAlone_TakesTheGradientsOfTheMoment()
    {
        var (a, b) = (Values(6).WithGrad(), Values(6).WithGrad());
        var (free, captured) = (new Adam([a], 0.1), new Adam([b], 0.1));
        var step = Compiled.Of(() =>
        {
            captured.Step();
            return b;
        });
        for (int i = 1; i < 5; i++)
        {
            free.ZeroGrad();
            captured.ZeroGrad();
            (a * Values(6, i)).Sum().Backward();
            (b * Values(6, i)).Sum().Backward();
            free.Step();
            step.Call().ShouldBeSameAs(b);
            Bits(b).ShouldBe(Bits(a));
        }
        step.Replays.ShouldBe(3);
    }

    [Fact]
    public void Number_ChangedBetweenCalls_IsLookedAt()
    {
        var factor = new Number(2);
        var f = Compiled.Of(x => -(x * factor) + factor);
        foreach (double value in new[] { 2, 1, 0, -1, 0.3, double.PositiveInfinity })
        {
            factor.Value = value;
            Bits(f.Call(Values(5))).ShouldBe(Bits(-(Values(5) * value) + value));
        }
        f.Traces.ShouldBe(1);
    }

    [Fact]
    public void Argument_PlainNumber_IsAnArgument()
    {
        var f = Compiled.Of((x, rate) => x - x * rate);
        for (int i = 0; i < 3; i++) Bits(f.Call(Values(5), 0.5 * i)).ShouldBe(Bits(Values(5) - Values(5) * (0.5 * i)));
        f.Traces.ShouldBe(1);
    }

    [Fact]
    public void Random_EachCall_ContinuesTheStream()
    {
        Tensor Draw(Tensor x) => x + Tensor.Randn(20).Realize() * Tensor.Rand(20);
        var f = Compiled.Of(Draw);
        Tensor.ManualSeed(9);
        var free = Enumerable.Range(0, 4).Select(_ => Bits(Draw(Values(20)))).ToList();
        Tensor.ManualSeed(9);
        var captured = Enumerable.Range(0, 4).Select(_ => Bits(f.Call(Values(20)))).ToList();
        captured.ShouldBe(free);
        f.Replays.ShouldBe(3);
    }

    [Fact]
    public void State_AssignedAtAPosition_GrowsInPlace()
    {
        var cache = Tensor.Zeros(6, 4).Realize();
        var f = Compiled.Of((row, position) =>
        {
            var isHere = Tensor.Arange(6).Unsqueeze(1).Eq(position);
            cache.Assign(isHere.Where(row, cache));
            return cache.Sum();
        });
        for (int i = 0; i < 6; i++) f.Call(Values(4, i + 1), Tensor.From([i]).Reshape());
        cache.ToArray<float>().ShouldBe(Enumerable.Range(0, 24).Select(i => (float)(Math.Sin(i % 4 + 1) * (i / 4 + 1))));
        f.Traces.ShouldBeLessThanOrEqualTo(2);
    }

    [Fact]
    public void Outside_TensorsReplacedBetweenCalls_AreFollowed()
    {
        Tensor w = Values(4).Realize(), lazy = Values(4) * 2;
        var f = Compiled.Of(x => x * w + lazy);
        Bits(f.Call(Values(4))).ShouldBe(Bits(Values(4) * Values(4) + Values(4) * 2));
        w[1] = 5;
        lazy[0] = 7;
        Bits(f.Call(Values(4))).ShouldBe(Bits(Values(4) * w + lazy));
        w.Load(Tensor.Ones(4));
        Bits(f.Call(Values(4))).ShouldBe(Bits(Values(4) * w + lazy));
        w.Assign(w * 3).Realize();
        Bits(f.Call(Values(4))).ShouldBe(Bits(Values(4) * w + lazy));
    }

    [Fact]
    public void Arguments_SharedWithEachOtherOrWithState_AreReadBeforeTheyAreOverwritten()
    {
        var w = Values(4).Realize();
        w.Own();
        // Two assignments that read what the other overwrites, were x and y not copies of it.
        var f = Compiled.Of((x, y) =>
        {
            w.Assign(x + 1);
            w.Realize();
            return w + y;
        });
        var one = Values(4, 3);
        f.Call(one, one).ToArray<float>()[0].ShouldBe((float)(Math.Sin(1) * 3) + 1 + (float)(Math.Sin(1) * 3));
        f.Call(one, one).ToArray<float>()[0].ShouldBe((float)(Math.Sin(1) * 3) + 1 + (float)(Math.Sin(1) * 3));
        float before = w.ToArray<float>()[0];
        f.Call(w, w).ToArray<float>()[0].ShouldBe(before + 1 + before); // y is the old value
        f.Replays.ShouldBe(2);
    }

    [Fact]
    public void Result_ThatIsAnArgument_IsTheCallersMemory()
    {
        var f = new Compiled(x => [x[0], x[0].Reshape(2, 3) * 1]);
        for (int i = 1; i < 3; i++)
        {
            var results = f.Run([Values(6, i)]);
            Bits(results[0]).ShouldBe(Bits(Values(6, i)));
            Bits(results[1]).ShouldBe(Bits(Values(6, i)));
        }
    }

    [Fact]
    public void Captures_Interleaved_DoNotDisturbEachOther()
    {
        var w = Values(50).Realize();
        w.Own();
        var up = Compiled.Of(x => w.Assign(w + x.Exp().Sum()));
        var read = Compiled.Of(x => (w * x).Sum());
        var plain = Values(50);
        for (int i = 0; i < 4; i++)
        {
            var x = Values(50, 0.1 * i);
            up.Call(x);
            plain = (plain + x.Exp().Sum()).Realize();
            Bits(read.Call(x)).ShouldBe(Bits((plain * x).Sum()));
            Bits(w).ShouldBe(Bits(plain));
        }
        (up.Replays, read.Replays).ShouldBe((3, 3));
    }

    [Fact]
    public void Calls_FromManyThreads_EachGetTheirOwnResult()
    {
        var f = Compiled.Of(x => (x * x).Sum() + x);
        f.Call(Values(30));
        var wrong = 0;
        var threads = Enumerable.Range(0, 4).Select(t => new Thread(() =>
        {
            for (int i = 0; i < 50; i++)
                if (!Bits(f.Call(Values(30, t * 50 + i))).SequenceEqual(Bits((Values(30, t * 50 + i) * Values(30, t * 50 + i)).Sum() + Values(30, t * 50 + i)))) Interlocked.Increment(ref wrong);
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        wrong.ShouldBe(0);
    }

    [Fact]
    public void Replay_Cancelled_HasChangedNothingAndCanBeTakenAgain()
    {
        Tensor.ManualSeed(3);
        var w = Values(8).WithGrad();
        var adam = new Adam([w], 0.1);
        var f = Compiled.Of(x =>
        {
            adam.ZeroGrad();
            var loss = (w * x + Tensor.Rand(8)).Square().Sum();
            loss.Backward();
            adam.Step();
            return loss;
        });
        f.Call(Values(8));
        f.Call(Values(8));
        var (before, random, steps) = (Bits(w), Tensor.RandomState, adam.Steps);
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Should.Throw<OperationCanceledException>(() => f.Run([Values(8)], cancelled.Token));
        (Tensor.RandomState, adam.Steps).ShouldBe((random, steps));
        Bits(w).ShouldBe(before);
        f.Call(Values(8));
        adam.Steps.ShouldBe(steps + 1);
        f.Replays.ShouldBeGreaterThanOrEqualTo(2);
    }

    [Fact]
    public void Replay_BadIndex_NamesTheLineAndHasAssignedNothing()
    {
        var w = Values(8).WithGrad();
        var sgd = new Sgd([w], 0.1);
        var f = Compiled.Of(i =>
        {
            sgd.ZeroGrad();
            var loss = w.Gather(0, i).Sum();
            loss.Backward();
            sgd.Step();
            return loss;
        });
        f.Call(Tensor.From([1, 2]));
        f.Call(Tensor.From([3, 2]));
        var before = Bits(w);
        Should.Throw<TensorIndexException>(() => f.Call(Tensor.From([1, 8]))).Message.ShouldContain("CompiledTests.cs");
        Bits(w).ShouldBe(before);
        sgd.Steps.ShouldBe(2);
    }

    [Fact]
    public void Function_ReadingValues_IsAnErrorWithTheLine()
    {
        var f = Compiled.Of(x => x.Sum().Item<float>() > 0 ? x : -x);
        Should.Throw<IngotException>(() => f.Call(Values(3))).Message.ShouldContain("CompiledTests.cs");
    }

    [Fact]
    public void Function_AssigningToItsArgument_IsAnError() =>
        Should.Throw<IngotException>(() => Compiled.Of(x => x.Assign(x + 1)).Call(Values(3))).Message.ShouldContain("argument f32(3,)");

    [Fact]
    public void Argument_WithGradient_IsAnError() =>
        Should.Throw<IngotException>(() => Compiled.Of(x => x + 1).Call(Values(3).WithGrad())).Message.ShouldContain("argument 0");

    [Fact]
    public void Step_ScheduleWithAPlainNumber_IsAnError()
    {
        var w = Values(3).WithGrad();
        var adam = new Adam([w], Schedules.Linear(1, 0));
        var f = Compiled.Of(x =>
        {
            (w * x).Sum().Backward();
            adam.Step(0.5);
            return x;
        });
        Should.Throw<IngotException>(() => f.Call(Values(3))).Message.ShouldContain("new Number(0)");
        adam.Steps.ShouldBe(0);
    }

    [Fact]
    public void Call_InsideAnother_BecomesPartOfIt()
    {
        var inner = Compiled.Of(x => x * 2);
        var outer = Compiled.Of(x => inner.Call(x) + 1);
        for (int i = 0; i < 3; i++) Bits(outer.Call(Values(5, i))).ShouldBe(Bits(Values(5, i) * 2 + 1));
        (inner.Traces, outer.Traces).ShouldBe((0, 1));
    }

    [Fact]
    public void Call_UnderNoGrad_IsAnotherCapture()
    {
        var w = Values(3).WithGrad();
        var f = Compiled.Of(x => w * x);
        f.Call(Values(3)).RequiresGrad.ShouldBeFalse();
        using (new NoGrad()) f.Call(Values(3)).RequiresGrad.ShouldBeFalse();
        f.Traces.ShouldBe(2);
    }
}
