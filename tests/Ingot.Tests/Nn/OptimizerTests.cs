using Ingot.Graph;
using Ingot.Nn;

namespace Ingot.Tests.Nn;

/// <summary>Steps against the same update written as a loop over numbers, in the words of PyTorch's documentation.</summary>
public class OptimizerTests
{
    static readonly double[] Start = [1, -2, 3];

    static Tensor Parameter() => Tensor.From((double[])Start.Clone()).WithGrad();

    /// <summary>A gradient that depends on the values, so that a wrong step is not made good by the next.</summary>
    static double[] Slope(double[] p, int step) => [.. p.Select((v, i) => v * (i + 1) + Math.Sin(step))];

    static void Train(Tensor p, Optimizer optimizer, int from, int to, int of)
    {
        for (int t = from; t < to; t++)
        {
            optimizer.ZeroGrad();
            (p * p * Tensor.From([0.5, 1, 1.5]) + p * Math.Sin(t)).Sum().Backward();
            optimizer.Step((double)t / of);
        }
    }

    static void ShouldBeNear(Tensor actual, double[] expected, double tolerance = 1e-7)
    {
        var values = actual.ToArray<double>();
        for (int i = 0; i < expected.Length; i++) values[i].ShouldBe(expected[i], tolerance);
    }

    [Theory]
    [InlineData(0, 0, false, 0), InlineData(0.9, 0, false, 0), InlineData(0.9, 0.5, false, 0.1), InlineData(0.9, 0, true, 0.1), InlineData(0, 0, false, 0.1)]
    public void Sgd_FiveSteps_MatchesTheLoop(double momentum, double dampening, bool nesterov, double weightDecay)
    {
        var p = Parameter();
        Train(p, new Sgd([p], 0.1, momentum, dampening, nesterov, weightDecay), 0, 5, 5);

        double[] x = [.. Start], buffer = new double[3];
        for (int t = 0; t < 5; t++)
        {
            var g = Slope(x, t);
            for (int i = 0; i < 3; i++)
            {
                double d = g[i] + weightDecay * x[i];
                if (momentum != 0)
                {
                    buffer[i] = t == 0 ? d : momentum * buffer[i] + (1 - dampening) * d;
                    d = nesterov ? d + momentum * buffer[i] : buffer[i];
                }
                x[i] -= 0.1 * d;
            }
        }
        ShouldBeNear(p, x, dampening == 0 ? 1e-12 : 1e-6);
    }

    [Theory]
    [InlineData(false, 0), InlineData(false, 0.1), InlineData(true, 0), InlineData(true, 0.1)]
    public void Adam_FiveSteps_MatchesTheLoop(bool decoupled, double weightDecay)
    {
        var p = Parameter();
        var rate = Schedules.Linear(0.1, 0);
        Train(p, decoupled ? new AdamW([p], rate, 0.8, 0.95, 1e-8, weightDecay) : new Adam([p], rate, 0.8, 0.95, 1e-8, weightDecay), 0, 5, 4);

        double[] x = [.. Start], m = new double[3], v = new double[3];
        for (int t = 0; t < 5; t++)
        {
            var g = Slope(x, t);
            double lr = 0.1 * (1 - t / 4.0);
            for (int i = 0; i < 3; i++)
            {
                double d = g[i];
                if (decoupled) x[i] -= lr * weightDecay * x[i];
                else d += weightDecay * x[i];
                m[i] = 0.8 * m[i] + 0.2 * d;
                v[i] = 0.95 * v[i] + 0.05 * d * d;
                x[i] -= lr / (1 - Math.Pow(0.8, t + 1)) * m[i] / (Math.Sqrt(v[i]) / Math.Sqrt(1 - Math.Pow(0.95, t + 1)) + 1e-8);
            }
        }
        ShouldBeNear(p, x);
    }

    [Fact]
    public void Groups_HaveRatesOfTheirOwn()
    {
        Tensor a = Parameter(), b = Parameter();
        var optimizer = new Sgd([new ParameterGroup([a]), new ParameterGroup([b]) { LearningRate = 0.5, WeightDecay = 1 }], 0.1);
        (a.Sum() + b.Sum()).Backward();
        optimizer.Step();
        ShouldBeNear(a, [.. Start.Select(v => v - 0.1)], 1e-12);
        ShouldBeNear(b, [.. Start.Select(v => v - 0.5 * (1 + v))], 1e-12);
    }

    [Fact]
    public void Step_ComputesTheLossInTheSameRealise()
    {
        var p = Parameter();
        var optimizer = new Adam([p]);
        var loss = (p * p).Sum();
        loss.Backward();
        optimizer.Step();
        loss.Item<double>().ShouldBe(14); // of the values before the step
    }

    [Fact]
    public void Step_WithoutGradients_ChangesNothing()
    {
        var p = Parameter();
        var optimizer = new Adam([p]);
        optimizer.Step();
        optimizer.Steps.ShouldBe(0);
        p.ToArray<double>().ShouldBe(Start);
    }

    [Fact]
    public void Step_EveryStep_BuildsTheSameGraphButForConstants()
    {
        var p = Parameter();
        var optimizer = new AdamW([p], Schedules.WarmupCosine(1, 0, 0.25), 0.1, 0.1);
        var forms = new HashSet<string>();
        for (int t = 0; t <= 20; t++)
        {
            optimizer.ZeroGrad();
            (p * p).Sum().Backward();
            var targets = optimizer.Assignments(t / 20.0);
            forms.Add(FormOf(targets));
            Tensor.Realize(targets);
        }
        forms.Count.ShouldBe(1, "no bias correction that reaches 1 and no learning rate of 0 or 1 may change what is compiled");

        // Constants 0, 1 and -1 are part of a kernel unless they come from C# at each run; others are arguments.
        static string FormOf(IEnumerable<Tensor> targets) => string.Join("\n", Build.TopologicalOrder(targets.Select(t => t.Node))
            .Select(n => n.Op == Op.Const && (n.Arg is HostArg || n.Const is not (0 or 1 or -1)) ? "argument" : n.ToString()).Distinct().Order());
    }

    [Fact]
    public void StateDict_Loaded_ContinuesBitForBit()
    {
        var p = Parameter();
        var optimizer = new AdamW([p], Schedules.WarmupCosine(0.1));
        Train(p, optimizer, 0, 3, 6);
        var values = p.ToArray<double>();
        var state = optimizer.StateDict().ToDictionary(e => e.Key, e => Copied(e.Value));
        Train(p, optimizer, 3, 6, 6);

        var q = Tensor.From(values).WithGrad();
        var other = new AdamW([q], Schedules.WarmupCosine(0.1));
        other.LoadStateDict(state);
        other.Steps.ShouldBe(3);
        Train(q, other, 3, 6, 6);
        q.ToArray<double>().ShouldBe(p.ToArray<double>());

        static Tensor Copied(Tensor t) => t.DType == DType.I64 ? Tensor.From(t.ToArray<long>()) : Tensor.From(t.ToArray<double>());
    }

    [Fact]
    public void LoadStateDict_OfAnotherModel_ListsWhatIsWrong()
    {
        var p = Parameter();
        var optimizer = new Adam([p]);
        var state = optimizer.StateDict().Where(e => e.Key != "0.exp_avg").ToDictionary();
        state["0.exp_avg_sq"] = Tensor.Zeros(7);
        var message = Should.Throw<IngotException>(() => optimizer.LoadStateDict(state)).Message;
        message.ShouldContain("missing 0.exp_avg");
        message.ShouldContain("0.exp_avg_sq (the file has (7,), the model (3,))");
    }

    [Fact]
    public void Parameters_WithoutGradientOrTwice_AreRefused()
    {
        var p = Parameter();
        Should.Throw<IngotException>(() => new Adam([Tensor.Zeros(2)])).Message.ShouldContain("parameter 0, f32(2,)");
        Should.Throw<IngotException>(() => new Adam([p, p])).Message.ShouldContain("twice");
        Should.Throw<IngotException>(() => new Sgd([p], 0.1, nesterov: true)).Message.ShouldContain("momentum");
    }

    [Fact]
    public void ClipGradNorm_ScalesAllByOneFactor_AndReturnsTheNormBefore()
    {
        Tensor a = Tensor.From([0.0, 0]).WithGrad(), b = Tensor.From([0f]).WithGrad();
        (a * Tensor.From([3.0, 0])).Sum().Backward();
        (b * 4f).Sum().Backward();
        var norm = Clip.GradNorm([a, b], 1);
        norm.Item<double>().ShouldBe(5, 1e-6);
        a.Grad!.ToArray<double>()[0].ShouldBe(0.6, 1e-6);
        b.Grad!.ToArray<float>()[0].ShouldBe(0.8f, 1e-6f);
        Clip.GradNorm([a, b], 10);
        a.Grad!.ToArray<double>()[0].ShouldBe(0.6, 1e-6);
    }

    [Fact]
    public void ClipGradNorm_IsComputedWithTheStep()
    {
        var p = Parameter();
        var optimizer = new Sgd([p], 0.5);
        (p * Tensor.From([3.0, 0, 4])).Sum().Backward();
        var norm = Clip.GradNorm([p], 1);
        optimizer.Step();
        norm.Item<double>().ShouldBe(5, 1e-9);
        ShouldBeNear(p, [1 - 0.5 * 0.6, -2, 3 - 0.5 * 0.8], 1e-6);
    }

    [Fact]
    public void MicroBatches_Accumulated_StepLikeTheirSum()
    {
        Tensor p = Parameter(), q = Parameter();
        var optimizer = new Sgd([p, q], 0.1);
        for (int i = 1; i <= 3; i++) (p * p * (double)i).Sum().Backward();
        (q * q * 6.0).Sum().Backward();
        optimizer.Step();
        p.ToArray<double>().ShouldBe(q.ToArray<double>());
    }

    [Fact]
    public void Parameter_WrittenIntoUnderNoGrad_StaysAParameterWithTheNewValues()
    {
        var layer = new Linear(2, 2);
        var optimizer = new Sgd(Module.Parameters(layer), 0.5);
        for (int step = 0; step < 3; step++)
        {
            optimizer.ZeroGrad();
            (layer.Weight * Tensor.From([1f, 2, 3, 4], 2, 2)).Sum().Backward();
            float[] before = layer.Weight.ToArray<float>();
            using (new NoGrad()) layer.Weight[0] = 0;
            layer.Weight.RequiresGrad.ShouldBeTrue();
            Module.Parameters(layer).Count.ShouldBe(2);
            layer.Weight.ToArray<float>().ShouldBe([0, 0, before[2], before[3]]);
            optimizer.Step();
            layer.Weight.ToArray<float>().ShouldBe([-0.5f, -1, before[2] - 1.5f, before[3] - 2], 1e-6);
        }
        using (new NoGrad()) layer.Weight[Tensor.From([true, false])] = 7;
        using (new NoGrad()) layer.Weight[Tensor.From([1])] = 8;
        layer.Weight.IsLeaf.ShouldBeTrue();
        layer.Weight.ToArray<float>().ShouldBe([7, 7, 8, 8]);
    }

    /// <summary>The gradient was built from the old values and is computed after the write.</summary>
    [Fact]
    public void Parameter_WrittenIntoBetweenBackwardAndStep_KeepsTheGradientOfTheOldValues()
    {
        var p = Parameter();
        var optimizer = new Sgd([p], 0.5);
        (p * p).Sum().Backward();
        using (new NoGrad()) p[0] = 10;
        optimizer.Step();
        p.ToArray<double>().ShouldBe([10 - 1, -2 + 2, 3 - 3]);
    }

    [Fact]
    public void Parameter_WrittenIntoOutsideNoGrad_IsRefused()
    {
        var p = Parameter();
        Should.Throw<IngotException>(() => p[0] = 7).Message.ShouldContain("using (new NoGrad())");
        p.ToArray<double>().ShouldBe(Start);
        p.IsLeaf.ShouldBeTrue();
        var copy = p * 1;
        copy[0] = 7; // a value on the way may be written into; the gradient flows around what was overwritten
        copy.Sum().Backward();
        p.Grad!.ToArray<double>().ShouldBe([0, 1, 1]);
        var view = p.Reshape(3); // the same node, but not the parameter
        view.IsLeaf.ShouldBeFalse();
        view[0] = 7;
        p.ToArray<double>().ShouldBe(Start);
    }

    [Fact]
    public void Optimizer_OfAResult_IsRefused() =>
        Should.Throw<IngotException>(() => new Sgd([Parameter(), Parameter() * 2], 0.1)).Message.ShouldContain("parameter 1, f64(3,), is the result of an operation");

    /// <summary>What is 0 shows every movement, however small.</summary>
    [Theory]
    [InlineData(DType.F32, "sgd"), InlineData(DType.F64, "sgd"), InlineData(DType.F32, "momentum"), InlineData(DType.F64, "momentum"), InlineData(DType.F32, "adamw"), InlineData(DType.F64, "adamw")]
    public void Step_AtAScheduledRateOfZero_MovesNothing(DType dtype, string kind)
    {
        var p = Tensor.From([0.0, 1, -1e-30]).To(dtype).WithGrad();
        var before = p.ToArray<double>();
        var rate = Schedules.Of(t => t);
        Optimizer optimizer = kind switch { "sgd" => new Sgd([p], rate), "momentum" => new Sgd([p], rate, 0.9), _ => new AdamW([p], rate) };
        for (int i = 0; i < 3; i++)
        {
            optimizer.ZeroGrad();
            (p * Tensor.From([3.0, -1e6, 1e-8]).To(dtype)).Sum().Backward();
            optimizer.Step(0);
        }
        p.ToArray<double>().ShouldBe(before);
        optimizer.Step(1e-3);
        p.ToArray<double>().ShouldNotBe(before);
    }

    [Fact]
    public void Sgd_AtAScheduledRateOfOne_IsExact()
    {
        var p = Parameter();
        var optimizer = new Sgd([p], Schedules.Of(t => t));
        (p * Tensor.From([3.0, 0.1, 4])).Sum().Backward();
        optimizer.Step(1);
        p.ToArray<double>().ShouldBe([1 - 3.0, -2 - 0.1, 3 - 4.0]);
        optimizer.Step(0.5);
        p.ToArray<double>().ShouldBe([1 - 3.0 - 1.5, -2 - 0.1 - 0.05, 3 - 4.0 - 2.0]);
    }
}
