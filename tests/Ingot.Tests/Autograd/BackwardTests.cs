using System.Runtime.CompilerServices;
using Ingot.Autograd;
using Ingot.Graph;
using Ingot.Schedule;

namespace Ingot.Tests.Autograd;

/// <summary>Leaves, accumulation, detaching, assignment and checkpointing.</summary>
public class BackwardTests
{
    static Tensor Leaf(params double[] values) => Tensor.From(values).WithGrad();

    [Fact]
    public void Backward_OfAScalar_FillsTheLeaves()
    {
        var x = Leaf(1, 2, 3);
        var w = Leaf(4, 5, 6);
        (x * w).Sum().Backward();
        x.Grad!.ToArray<double>().ShouldBe([4, 5, 6]);
        w.Grad!.ToArray<double>().ShouldBe([1, 2, 3]);
    }

    [Fact]
    public void Backward_Twice_Accumulates()
    {
        var x = Leaf(1, 2);
        (x * x).Sum().Backward();
        (x * 10).Sum().Backward();
        x.Grad!.ToArray<double>().ShouldBe([12, 14]);
        x.ZeroGrad();
        x.Grad.ShouldBeNull();
    }

    [Fact]
    public void Backward_OverMicroBatches_ComputesTheEarlierGradientFirst()
    {
        var x = Leaf(1, 2);
        (x * x).Sum().Backward();
        var first = x.Grad!;
        first.Node.Op.ShouldNotBe(Op.Buffer);
        (x * 10).Sum().Backward();
        first.Node.Op.ShouldBe(Op.Buffer, "the first micro-batch's graph is let go of");
        x.Grad!.ToArray<double>().ShouldBe([12, 14]);
    }

    [Fact]
    public void Backward_ReadingTheLoss_ComputesTheGradientsWithIt()
    {
        var x = Leaf(1, 2);
        var loss = (x * x).Sum();
        loss.Backward();
        loss.Item<double>().ShouldBe(5);
        x.Grad!.Node.Op.ShouldBe(Op.Buffer);
    }

    [Fact]
    public void Backward_ReadingAGradient_ComputesTheLossWithIt()
    {
        var x = Leaf(1, 2);
        var loss = (x * x).Sum();
        loss.Backward();
        x.Grad!.Realize();
        loss.Node.Realized.ShouldNotBeNull();
    }

    [Fact]
    public void Backward_OfAVector_NeedsAGradientOfItsShape()
    {
        var x = Leaf(1, 2);
        Should.Throw<ShapeException>(() => (x * 2).Backward()).Message.ShouldContain("(2,)");
        Should.Throw<ShapeException>(() => (x * 2).Backward(Tensor.From([1.0]))).Message.ShouldContain("(1,)");
        (x * 2).Backward(Tensor.From([3.0, 5.0]));
        x.Grad!.ToArray<double>().ShouldBe([6, 10]);
    }

    [Fact]
    public void Backward_WithoutLeaves_SaysSo() => Should.Throw<IngotException>(() => Tensor.From([1.0]).Sum().Backward()).Message.ShouldContain("RequiresGrad");

    [Fact]
    public void Detach_StopsTheGradient()
    {
        var x = Leaf(1, 2);
        (x * x.Detach()).Sum().Backward();
        x.Grad!.ToArray<double>().ShouldBe([1, 2]);
    }

    [Fact]
    public void NoGrad_ResultsHaveNoHistory()
    {
        var x = Leaf(1, 2);
        using (new NoGrad()) (x * x).RequiresGrad.ShouldBeFalse();
        (x * x).RequiresGrad.ShouldBeTrue();
    }

    [Fact]
    public void RequiresGrad_OfIntegers_IsRefused() => Should.Throw<DTypeException>(() => Tensor.From([1, 2]).WithGrad()).Message.ShouldContain("i32");

    [Fact]
    public void RequiresGrad_Cleared_OnlyOnLeaves()
    {
        var x = Leaf(1, 2);
        Should.Throw<IngotException>(() => (x * x).RequiresGrad = false).Message.ShouldContain("Detach");
        x.RequiresGrad = false;
        (x * x).RequiresGrad.ShouldBeFalse();
    }

    [Fact]
    public void RequiresGrad_OnAResultWithoutHistory_MakesItALeaf()
    {
        var x = (Tensor.From([1.0, 2]) * 3).WithGrad();
        (x * x).Sum().Backward();
        x.Grad!.ToArray<double>().ShouldBe([6, 12]);
    }

    [Fact]
    public void GradOf_OfGradient_IsTheSecondDerivative()
    {
        var x = Leaf(2, 3);
        var first = Tensor.GradOf((x * x * x).Sum(), [x], createGraph: true)[0];
        var second = Tensor.GradOf(first.Sum(), [x])[0];
        first.ToArray<double>().ShouldBe([12, 27]);
        second.ToArray<double>().ShouldBe([12, 18]);
        second.RequiresGrad.ShouldBeFalse();
        x.Grad.ShouldBeNull();
    }

    [Fact]
    public void GradOf_IntermediateAndUnusedInputs()
    {
        var x = Leaf(2);
        var unused = Leaf(1);
        var y = x * x;
        var g = Tensor.GradOf((y * y).Sum(), [y, unused]);
        g[0].ToArray<double>().ShouldBe([8]);
        g[1].ToArray<double>().ShouldBe([0]);
        Should.Throw<IngotException>(() => Tensor.GradOf(y.Sum(), [Tensor.From([1.0])])).Message.ShouldContain("input 0");
    }

    [Fact]
    public void Backward_AfterTheForwardPassWasComputed_GivesTheSame()
    {
        var x = Leaf(1, 2);
        var y = x * x;
        y.Realize();
        var loss = (y * x).Sum();
        loss.Item<double>().ShouldBe(9);
        loss.Backward();
        x.Grad!.ToArray<double>().ShouldBe([3, 12]);
    }

    [Fact]
    public void Assign_OverwritesInPlace_AndTheParameterStaysALeaf()
    {
        var x = Leaf(1, 2);
        x.Own();
        var storage = x.Node.src[0].Storage;
        Tensor.Realize(x.Assign(x.Detach() * 3));
        x.ToArray<double>().ShouldBe([3, 6]);
        x.Node.src[0].Storage.ShouldBeSameAs(storage);
        (x * x).Sum().Backward();
        x.Grad!.ToArray<double>().ShouldBe([6, 12]);
    }

    [Fact]
    public void Assign_ToEqualConstants_DoesNotMixThemUp()
    {
        Tensor a = Tensor.Ones(2).WithGrad(), b = Tensor.Ones(2).WithGrad();
        Tensor.Realize(a.Assign(a.Detach() + 1), b.Assign(b.Detach() + 2));
        a.ToArray<float>().ShouldBe([2, 2]);
        b.ToArray<float>().ShouldBe([3, 3]);
        Tensor.Ones(2).ToArray<float>().ShouldBe([1, 1]);
    }

    [Fact]
    public void Assign_TwiceBeforeRealise_AppliesBoth()
    {
        var x = Leaf(1, 2);
        x.Assign(x.Detach() + 1);
        x.Assign(x.Detach() * 10);
        x.ToArray<double>().ShouldBe([20, 30]);
    }

    [Fact]
    public void Assign_OtherReadersInTheSameRealise_SeeTheOldValue()
    {
        var x = Leaf(1, 2);
        var doubled = x.Detach() * 2;
        x.Own();
        doubled = x.Detach() * 2;
        Tensor.Realize(x.Assign(x.Detach() + 100), doubled);
        doubled.ToArray<double>().ShouldBe([2, 4]);
    }

    [Fact]
    public void Assign_StaleReader_SaysToRealizeBefore()
    {
        var x = Leaf(1, 2);
        x.Own();
        var late = x * 2;
        var alias = x.Detach();
        Tensor.Realize(x.Assign(x.Detach() + 1));
        Should.Throw<IngotException>(() => late.Realize()).Message.ShouldContain("before the step");
        Should.Throw<IngotException>(() => alias.ToArray<double>()).Message.ShouldContain("before the step");
    }

    [Fact]
    public void Assign_WrongShapeOrType_IsRefused()
    {
        Should.Throw<ShapeException>(() => Leaf(1, 2).Assign(Tensor.From([1.0]))).Message.ShouldContain("(1,)");
        Should.Throw<DTypeException>(() => Leaf(1, 2).Assign(Tensor.From([1f, 2]))).Message.ShouldContain("f32");
    }

    [Fact]
    public void Assign_ManyTimes_KeepsNoHistory()
    {
        var x = Leaf(1, 2);
        var first = StepOnce(x);
        for (int i = 0; i < 3; i++) StepOnce(x);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        first.IsAlive.ShouldBeFalse();

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference StepOnce(Tensor x)
        {
            x.ZeroGrad();
            var loss = (x * x).Sum();
            loss.Backward();
            var weak = new WeakReference(loss.Node);
            Tensor.Realize(x.Assign(x.Detach() - x.Grad! * 0.1));
            _ = x.Node;
            x.ZeroGrad();
            return weak;
        }
    }

    // ---- checkpointing ----

    [Fact]
    public void Checkpoint_SameValuesAndGradients()
    {
        var w = GradientCheck.Values(3, 4);
        GradientCheck.Second(x => Checkpoint.Run((Tensor y) => (y * x[1]).Exp() * y, x[0] * 2), GradientCheck.Values(1, 4), w);
    }

    [Fact]
    public void Checkpoint_RecomputesInsteadOfSharing()
    {
        var x = Leaf(0.5, 1);
        Node? inner = null;
        var y = Checkpoint.Run((Tensor h) =>
        {
            var e = h.Exp();
            inner = e.Node;
            return e * e;
        }, x * 2);
        y.Sum().Backward();
        var backward = Build.TopologicalOrder([x.Grad!.Node]);
        backward.ShouldNotContain(inner!);
        backward.ShouldContain(n => n.Op == Op.Contiguous);
        x.Grad.ToArray<double>().Zip([4 * Math.Exp(2), 4 * Math.Exp(4)]).ShouldAllBe(p => Math.Abs(p.First - p.Second) < 1e-9);
    }

    [Fact]
    public void Checkpoint_Nested_GivesTheSameGradient()
    {
        var w = GradientCheck.Values(3, 4);
        GradientCheck.First(x => Checkpoint.Run((Tensor y) => Checkpoint.Run((Tensor z) => (z * x[1]).Exp(), y * y) * y, x[0]), GradientCheck.Values(1, 4), w);
    }

    [Fact]
    public void Checkpoint_WithoutGradient_IsTheFunction() => Checkpoint.Run((Tensor x) => x * 2, Tensor.From([1.0])).RequiresGrad.ShouldBeFalse();

    /// <summary>What a checkpoint computes again lives only while the gradient passes it.</summary>
    [Fact]
    public void Checkpoint_ManyBlocks_TakesAFractionOfTheMemory()
    {
        long Temporaries(bool checkpoints)
        {
            var weights = Enumerable.Range(0, 24).Select(_ => (Tensor.Randn(64, 64) * 0.1).Realize().WithGrad()).ToArray();
            var x = Tensor.Randn(512, 64).Realize();
            for (int i = 0; i < 24; i += 2)
            {
                Tensor a = weights[i], b = weights[i + 1];
                Tensor Block(Tensor y) => y.Matmul(a).Tanh().Matmul(b).Gelu();
                x = checkpoints ? Checkpoint.Run(Block, x) : Block(x);
            }
            var loss = x.Square().Mean();
            loss.Backward();
            Tensor.Realize([loss, .. weights.Select(w => w.Grad!)]);
            return Realizer.LastPlan!.TemporaryBytes;
        }
        Temporaries(true).ShouldBeLessThan(Temporaries(false) / 2);
    }

    [Fact]
    public void NoGrad_DisposedTwice_EndsOnce()
    {
        using (new NoGrad())
        {
            var inner = new NoGrad();
            inner.Dispose();
            inner.Dispose();
            NoGrad.IsActive.ShouldBeTrue();
        }
        NoGrad.IsActive.ShouldBeFalse();
        using (new NoGrad()) NoGrad.IsActive.ShouldBeTrue();
    }
}
