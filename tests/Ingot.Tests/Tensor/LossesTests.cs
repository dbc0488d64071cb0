using Ingot.Graph;
using Ingot.Tests.Autograd;

namespace Ingot.Tests;

public class LossesTests
{
    static Tensor V(int seed, params int[] shape) => GradientCheck.Values(seed, shape);

    static void ShouldBeNear(Tensor actual, params double[] expected)
    {
        var values = actual.ToArray<double>();
        values.Length.ShouldBe(expected.Length);
        for (int i = 0; i < values.Length; i++) values[i].ShouldBe(expected[i], 1e-9);
    }

    static double[] LogSoftmax(double[] row) => [.. row.Select(v => v - Math.Log(row.Sum(Math.Exp)))];

    [Theory]
    [InlineData(0.0), InlineData(0.2)]
    public void CrossEntropy_OfClasses_IsMinusTheLogProbability(double smoothing)
    {
        var x = V(1, 3, 4) * 3.0;
        var rows = x.ToArray<double>().Chunk(4).Select(LogSoftmax).ToArray();
        int[] classes = [2, 0, 3];
        double[] losses = [.. rows.Select((r, i) => -(1 - smoothing) * r[classes[i]] - smoothing * r.Average())];
        var target = Tensor.From(classes);
        ShouldBeNear(x.CrossEntropy(target, labelSmoothing: smoothing, reduction: Reduction.None), losses);
        ShouldBeNear(x.CrossEntropy(target, labelSmoothing: smoothing), losses.Average());
        ShouldBeNear(x.CrossEntropy(target, labelSmoothing: smoothing, reduction: Reduction.Sum), losses.Sum());
        ShouldBeNear(x.CrossEntropy(target, ignoreIndex: 0, labelSmoothing: smoothing), (losses[0] + losses[2]) / 2);
        ShouldBeNear(x.CrossEntropy(target, ignoreIndex: 0, labelSmoothing: smoothing, reduction: Reduction.None), losses[0], 0, losses[2]);
        GradientCheck.Second(t => t[0].CrossEntropy(target, ignoreIndex: 0, labelSmoothing: smoothing), x);
    }

    [Fact]
    public void CrossEntropy_OfOneRowAndOfImages_HasTheClassesInTheirDimension()
    {
        var row = V(1, 4);
        ShouldBeNear(row.CrossEntropy(Tensor.Scalar(2)), -LogSoftmax(row.ToArray<double>())[2]);
        var image = V(2, 2, 3, 2, 2);
        var target = Tensor.From([0, 1, 2, 0, 1, 2, 0, 1], 2, 2, 2);
        var flat = image.Permute(0, 2, 3, 1).Reshape(8, 3);
        ShouldBeNear(image.CrossEntropy(target), flat.CrossEntropy(target.Flatten()).Item<double>());
        GradientCheck.First(t => t[0].CrossEntropy(target), image);
    }

    [Fact]
    public void CrossEntropy_OfProbabilities_WeighsAllClasses()
    {
        var x = V(1, 2, 3);
        var p = Tensor.From([0.2, 0.3, 0.5, 1, 0, 0], 2, 3);
        var rows = x.ToArray<double>().Chunk(3).Select(LogSoftmax).ToArray();
        ShouldBeNear(x.CrossEntropy(p), (-(0.2 * rows[0][0] + 0.3 * rows[0][1] + 0.5 * rows[0][2]) - rows[1][0]) / 2);
        GradientCheck.First(t => t[0].CrossEntropy(p, labelSmoothing: 0.1), x);
    }

    [Fact]
    public void CrossEntropy_OfAClassThatDoesNotExist_IsNaN()
    {
        V(1, 2, 3).CrossEntropy(Tensor.From([0, 3])).Item<double>().ShouldBe(double.NaN);
        V(1, 2, 3).CrossEntropy(Tensor.From([0, -1])).Item<double>().ShouldBe(double.NaN);
        V(1, 2, 3).CrossEntropy(Tensor.From([0, -100])).Item<double>().ShouldNotBe(double.NaN);
    }

    [Fact]
    public void CrossEntropy_Backward_HasNoScatter()
    {
        var x = V(1, 3, 4).WithGrad();
        x.CrossEntropy(Tensor.From([0, 1, 2])).Backward();
        Build.TopologicalOrder([x.Grad!.Node]).ShouldNotContain(n => n.Op == Op.ScatterAdd || n.Op == Op.Gather);
    }

    [Fact]
    public void CrossEntropy_OfLargeLogits_DoesNotOverflow() =>
        ShouldBeNear(Tensor.From([1000.0, 0, -1000], 1, 3).CrossEntropy(Tensor.From([1])), 1000);

    [Fact]
    public void CrossEntropy_ThatDoesNotFit_NamesTheShapes()
    {
        Should.Throw<ShapeException>(() => V(1, 3, 4).CrossEntropy(Tensor.From([1, 2]))).Message.ShouldContain("needs targets of (3,), not (2,)");
        Should.Throw<DTypeException>(() => V(1, 3, 4).NllLoss(Tensor.From([1f, 2, 3]))).Message.ShouldContain("f32");
    }

    [Fact]
    public void NllLoss_IsTheChosenElement()
    {
        var x = V(1, 2, 3);
        double[] a = x.ToArray<double>();
        ShouldBeNear(x.NllLoss(Tensor.From([2L, 0])), -(a[2] + a[3]) / 2);
        GradientCheck.First(t => t[0].NllLoss(Tensor.From([2L, 0])), x);
    }

    [Fact]
    public void DifferenceLosses_ByTheDefinition()
    {
        Tensor x = V(1, 6) * 3.0, y = V(2, 6);
        double[] d = [.. x.ToArray<double>().Zip(y.ToArray<double>(), (a, b) => a - b)];
        ShouldBeNear(x.MseLoss(y), d.Average(v => v * v));
        ShouldBeNear(x.MseLoss(y, Reduction.None), [.. d.Select(v => v * v)]);
        ShouldBeNear(x.L1Loss(y, Reduction.Sum), d.Sum(Math.Abs));
        ShouldBeNear(x.SmoothL1Loss(y), d.Average(v => Math.Abs(v) < 1 ? v * v / 2 : Math.Abs(v) - 0.5));
        ShouldBeNear(x.SmoothL1Loss(y, beta: 0.3), d.Average(v => Math.Abs(v) < 0.3 ? v * v / 0.6 : Math.Abs(v) - 0.15));
        ShouldBeNear(x.SmoothL1Loss(y, Reduction.Mean, 0), d.Average(Math.Abs));
        GradientCheck.Second(t => t[0].MseLoss(t[1]), x, y);
        GradientCheck.First(t => t[0].L1Loss(t[1]), x, y);
        GradientCheck.First(t => t[0].SmoothL1Loss(t[1], beta: 0.7), x, y);
        Should.Throw<ShapeException>(() => x.MseLoss(V(1, 6, 1))).Message.ShouldContain("(6, 1)");
    }

    [Fact]
    public void BinaryLosses_ByTheDefinition()
    {
        Tensor logits = V(1, 6) * 4.0, y = GradientCheck.Values(2, 0.0, 1.0, 6), p = GradientCheck.Values(3, 0.05, 0.95, 6);
        double[] x = logits.ToArray<double>(), t = y.ToArray<double>(), q = p.ToArray<double>();
        ShouldBeNear(p.BceLoss(y), t.Zip(q, (a, b) => -(a * Math.Log(b) + (1 - a) * Math.Log(1 - b))).Average());
        ShouldBeNear(logits.BceWithLogitsLoss(y), t.Zip(x, (a, b) => (1 - a) * b + Math.Log(1 + Math.Exp(-b))).Average());
        GradientCheck.First(v => v[0].BceLoss(y), p);
        GradientCheck.Second(v => v[0].BceWithLogitsLoss(y), logits);
    }

    [Fact]
    public void BinaryLosses_AtTheEnds_AreFinite()
    {
        var certain = Tensor.From([0.0, 1, 0, 1]).WithGrad();
        var loss = certain.BceLoss(Tensor.From([0.0, 1, 1, 0]), reduction: Reduction.None);
        ShouldBeNear(loss, 0, 0, 100, 100);
        loss.Sum().Backward();
        certain.Grad!.ToArray<double>().ShouldAllBe(g => double.IsFinite(g));

        var large = Tensor.From([1000.0, -1000, 0]).WithGrad();
        large.BceWithLogitsLoss(Tensor.From([1.0, 1, 1]), reduction: Reduction.Sum).Backward();
        ShouldBeNear(large.BceWithLogitsLoss(Tensor.From([1.0, 1, 1]), reduction: Reduction.None), 0, 1000, Math.Log(2));
        ShouldBeNear(large.Grad!, 0, -1, -0.5);
    }

    [Fact]
    public void KlDiv_ByTheDefinition()
    {
        var logp = V(1, 2, 3).LogSoftmax(1);
        var q = Tensor.From([0.2, 0.3, 0.5, 1, 0, 0], 2, 3);
        double[] a = logp.ToArray<double>(), t = q.ToArray<double>();
        double sum = t.Zip(a, (p, l) => p == 0 ? 0 : p * (Math.Log(p) - l)).Sum();
        ShouldBeNear(logp.KlDiv(q, Reduction.BatchMean), sum / 2);
        ShouldBeNear(logp.KlDiv(q), sum / 6);
        var r = V(2, 2, 3).LogSoftmax(1);
        ShouldBeNear(logp.KlDiv(r, Reduction.Sum, logTarget: true), r.ToArray<double>().Zip(a, (u, l) => Math.Exp(u) * (u - l)).Sum());
        GradientCheck.First(v => v[0].KlDiv(q, Reduction.Sum), logp);
        GradientCheck.First(v => v[0].KlDiv(v[1], Reduction.Sum), logp, GradientCheck.Values(5, 0.1, 0.9, 2, 3));
    }

    /// <summary>Of the logits log(1, 2, 5) and log(4, 3, 1) the probabilities are eighths.</summary>
    static Tensor Eighths() => Tensor.From([1.0, 2, 5, 4, 3, 1], 2, 3).Log();

    [Fact]
    public void CrossEntropy_WithClassWeights_IsPyTorchsWeightedMean()
    {
        var (x, weight, target) = (Eighths(), Tensor.From([0.5, 1, 3]), Tensor.From([2, 0]));
        double a = -Math.Log(5 / 8.0), b = -Math.Log(4 / 8.0);
        ShouldBeNear(x.CrossEntropy(target, weight), (3 * a + 0.5 * b) / 3.5);
        ShouldBeNear(x.CrossEntropy(target, weight, 0), a);
        ShouldBeNear(x.CrossEntropy(target, weight, -100, Reduction.Sum), 3 * a + 0.5 * b);
        ShouldBeNear(x.CrossEntropy(target, weight, -100, Reduction.None), 3 * a, 0.5 * b);
        // Smoothing takes each class with its own weight; the divisor stays that of the targets.
        double first = 0.5 * -Math.Log(1 / 8.0) + -Math.Log(2 / 8.0) + 3 * a, second = 0.5 * b + -Math.Log(3 / 8.0) + 3 * -Math.Log(1 / 8.0);
        ShouldBeNear(x.CrossEntropy(target, weight, -100, Reduction.Mean, 0.3), (0.7 * (3 * a + 0.5 * b) + 0.1 * (first + second)) / 3.5);
        // Against probabilities the mean is over the rows.
        ShouldBeNear(x.CrossEntropy(Tensor.From([0.0, 0, 1, 1, 0, 0], 2, 3), weight), (3 * a + 0.5 * b) / 2);
        GradientCheck.First(t => t[0].CrossEntropy(target, weight, labelSmoothing: 0.3), V(1, 2, 3));
        var image = V(2, 2, 3, 2).Permute(0, 1, 2);
        var places = Tensor.From([0, 1, 2, 0], 2, 2);
        ShouldBeNear(image.CrossEntropy(places, weight), image.Permute(0, 2, 1).Reshape(4, 3).CrossEntropy(places.Flatten(), weight).Item<double>());
        Should.Throw<ShapeException>(() => x.CrossEntropy(target, Tensor.Ones(2))).Message.ShouldContain("needs a weight of (3,), not (2,)");
    }

    [Fact]
    public void NllLoss_WithClassWeights_IsPyTorchsWeightedMean()
    {
        var x = Tensor.From([-1.0, -2, -4, -3, -5, -6], 2, 3);
        ShouldBeNear(x.NllLoss(Tensor.From([1, 2]), Tensor.From([7.0, 2, 3])), (2 * 2 + 3 * 6) / 5.0);
        ShouldBeNear(x.NllLoss(Tensor.From([1, 2]), Tensor.From([7.0, 2, 3]), 1, Reduction.Sum), 18);
    }

    [Fact]
    public void SmoothL1Loss_TakesItsArgumentsInPyTorchsOrder() =>
        ShouldBeNear(Tensor.From([0.0, 3]).SmoothL1Loss(Tensor.From([1.0, 0]), Reduction.Sum, 2), 1 / 4.0 + 3 - 1);

    [Fact]
    public void BceWithLogitsLoss_WithWeights_CountsPositivesAndElements()
    {
        var x = Tensor.From([Math.Log(3), Math.Log(3), 0, 0], 2, 2); // probabilities 3/4, 3/4, 1/2, 1/2
        var t = Tensor.From([1.0, 0, 1, 0], 2, 2);
        double a = -Math.Log(3 / 4.0), b = -Math.Log(1 / 4.0), c = Math.Log(2);
        ShouldBeNear(x.BceWithLogitsLoss(t, null, Reduction.None, Tensor.From([5.0, 7])), 5 * a, b, 5 * c, c);
        ShouldBeNear(x.BceWithLogitsLoss(t, Tensor.From([2.0, 3])), (2 * a + 3 * b + 2 * c + 3 * c) / 4);
        GradientCheck.Second(v => v[0].BceWithLogitsLoss(t, posWeight: 3), V(1, 2, 2));
        Should.Throw<ShapeException>(() => x.BceWithLogitsLoss(t, posWeight: Tensor.Ones(3, 2, 2))).Message.ShouldContain("posWeight");
    }

    [Fact]
    public void BceLoss_OfAWeightThatDoesNotBroadcast_NamesBoth() =>
        Should.Throw<ShapeException>(() => Tensor.Rand(3, 4).BceLoss(Tensor.Rand(3, 4), Tensor.Rand(3))).Message.ShouldContain("BceLoss of (3, 4) needs a weight that broadcasts to it, not (3,)");
}
