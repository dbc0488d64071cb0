namespace Ingot.Tests;

public class PrintTests
{
    [Fact]
    public void ToString_Matrix_IsAligned() =>
        Tensor.From(new float[,] { { 1, 2.5f }, { -3, 14 } }).ToString().ShouldBe("tensor([[ 1.0000,  2.5000],\n        [-3.0000, 14.0000]], f32 (2, 2))");

    [Fact]
    public void ToString_WholeFloats_HaveNoDecimals() => Tensor.From([1f, -0f, float.NaN, float.NegativeInfinity]).ToString().ShouldBe("tensor([  1.,  -0.,  nan, -inf], f32 (4,))");

    [Fact]
    public void ToString_WideRange_IsScientific() => Tensor.From([1e-3, 123456.789]).ToString().ShouldBe("tensor([1.0000e-03, 1.2346e+05], f64 (2,))");

    [Fact]
    public void ToString_ManyElements_ShowsTheEdges() =>
        Tensor.Arange(2000).ToString().ShouldBe("tensor([   0,    1,    2, ..., 1997, 1998, 1999], i32 (2000,))");

    [Fact]
    public void ToString_ScalarEmptyAndBool_AreReadable()
    {
        Tensor.Scalar(1.5f).ToString().ShouldBe("tensor(1.5000, f32)");
        Tensor.Zeros(0, 3).ToString().ShouldBe("tensor([], f32 (0, 3))");
        (Tensor.From([1, 2]) > 1).ToString().ShouldBe("tensor([False,  True], bool (2,))");
    }

    [Fact]
    public void ToString_ThreeDimensions_SeparatesMatrices() =>
        Tensor.Arange(4).Reshape(2, 1, 2).ToString().ShouldBe("tensor([[[0, 1]],\n\n        [[2, 3]]], i32 (2, 1, 2))");
}
