using Ingot.Graph;
using Ingot.Tests.Autograd;

namespace Ingot.Tests;

public class InterpolationTests
{
    static Tensor V(int seed, params int[] shape) => GradientCheck.Values(seed, shape);

    [Fact]
    public void Nearest_ByAWholeFactor_IsMovementAlone()
    {
        var y = V(1, 1, 2, 3, 3).Interpolate(scaleFactor: 2);
        Build.TopologicalOrder([y.Node]).Where(n => !n.Op.IsMovement).Select(n => n.Op).ShouldBe([Op.Buffer]);
        Tensor.From([1.0, 2], 1, 1, 2).Interpolate(6).ToArray<double>().ShouldBe([1, 1, 1, 2, 2, 2]);
    }

    [Fact]
    public void Interpolate_ToTheSameSize_ChangesNothing()
    {
        var x = V(1, 1, 2, 3, 4);
        foreach (var mode in new[] { InterpolationMode.Nearest, InterpolationMode.NearestExact, InterpolationMode.Bilinear, InterpolationMode.Bicubic })
            x.Interpolate((3, 4), mode: mode).Node.ShouldBeSameAs(x.Node);
    }

    [Fact]
    public void Linear_BetweenTwoElements_IsOnTheirLine()
    {
        var x = Tensor.From([0.0, 10], 1, 1, 2);
        x.Interpolate(5, mode: InterpolationMode.Linear, alignCorners: true).ToArray<double>().ShouldBe([0, 2.5, 5, 7.5, 10]);
        x.Interpolate(4, mode: InterpolationMode.Linear).ToArray<double>().ShouldBe([0, 2.5, 7.5, 10]); // centres at -0.25, 0.25, 0.75, 1.25
    }

    [Theory]
    [InlineData(InterpolationMode.Bilinear, false), InlineData(InterpolationMode.Bilinear, true), InlineData(InterpolationMode.Bicubic, false), InlineData(InterpolationMode.Bicubic, true)]
    public void Interpolate_OfAPlane_Twice_DifferentiatesAsDifferencesDo(InterpolationMode mode, bool alignCorners) =>
        GradientCheck.Second(t => t[0].Interpolate((5, 2), mode: mode, alignCorners: alignCorners), V(1, 1, 1, 3, 3));

    [Fact]
    public void Interpolate_OfHalfPrecision_RoundsOnce()
    {
        var x = V(1, 1, 1, 5, 5).To(DType.BF16);
        var exact = x.To(DType.F32).Interpolate((7, 8), mode: InterpolationMode.Bicubic).To(DType.BF16);
        x.Interpolate((7, 8), mode: InterpolationMode.Bicubic).ToArray<float>().ShouldBe(exact.ToArray<float>());
    }

    [Fact]
    public void Interpolate_ThatDoesNotFit_SaysWhatWould()
    {
        var x = V(1, 1, 2, 3, 4);
        Should.Throw<ShapeException>(() => x.Interpolate(2, mode: InterpolationMode.Linear)).Message.ShouldContain("the mode is Linear, this tensor (1, 2, 3, 4)");
        Should.Throw<ShapeException>(() => x[0, 0].Interpolate(2)).Message.ShouldContain("(3, 4)");
        Should.Throw<IngotException>(() => x.Interpolate()).Message.ShouldContain("neither was given");
        Should.Throw<IngotException>(() => x.Interpolate(2, 2.0)).Message.ShouldContain("both were given");
        Should.Throw<ShapeException>(() => x.Interpolate([1.0, 2, 3])).Message.ShouldContain("needs 2 scale factors, 3 were given");
        Should.Throw<ShapeException>(() => x.Interpolate(scaleFactor: 0.25)).Message.ShouldContain("dimension 2 goes from 3 to 0");
        Should.Throw<IngotException>(() => x.Interpolate(2, alignCorners: true)).Message.ShouldContain("not to Nearest");
        Should.Throw<DTypeException>(() => x.To(DType.U8).Interpolate(2)).Message.ShouldContain("u8");
    }
}
