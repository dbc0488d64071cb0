namespace Ingot.Tests;

public class CreationTests
{
    [Fact]
    public void ZerosOnesFull_Dtypes_AreAsAsked()
    {
        Tensor.Zeros(2, 3).DType.ShouldBe(DType.F32);
        Tensor.Ones([2], DType.Bool).ToArray<bool>().ShouldBe([true, true]);
        Tensor.Full([2], 7).DType.ShouldBe(DType.I32);
        Tensor.Full([2], 0.5).DType.ShouldBe(DType.F32);
        Tensor.Full([2], 0.5, DType.F64).DType.ShouldBe(DType.F64);
        Tensor.FullLike(Tensor.From([1L]), 3).ToArray<long>().ShouldBe([3]);
        Tensor.Zeros().Item<float>().ShouldBe(0);
    }

    [Fact]
    public void Arange_StepsAndDtypes_MatchLoops()
    {
        Tensor.Arange(5).ToArray<int>().ShouldBe([0, 1, 2, 3, 4]);
        Tensor.Arange(2, 9, 3).ToArray<int>().ShouldBe([2, 5, 8]);
        Tensor.Arange(5, 0, -2).ToArray<int>().ShouldBe([5, 3, 1]);
        Tensor.Arange(3L, 6L).DType.ShouldBe(DType.I64);
        Tensor.Arange(0, 1, 0.25).ToArray<float>().ShouldBe([0, 0.25f, 0.5f, 0.75f]);
        Tensor.Arange(4, dtype: DType.F16).ToArray<float>().ShouldBe([0, 1, 2, 3]);
        Tensor.Arange(0).Count.ShouldBe(0);
        Should.Throw<ShapeException>(() => Tensor.Arange(0, 5, -1));
    }

    [Fact]
    public void Linspace_Ends_AreExact()
    {
        var x = Tensor.Linspace(-0.7, 3.3, 1001).ToArray<float>();
        x[0].ShouldBe(-0.7f);
        x[^1].ShouldBe(3.3f);
        for (int i = 0; i < x.Length; i++) x[i].ShouldBe((float)(-0.7 + 0.004 * i), 5e-7f);
        Tensor.Linspace(2, 9, 1).ToArray<float>().ShouldBe([2]);
    }

    [Fact]
    public void EyeTrilTriu_Diagonals_MatchLoops()
    {
        Tensor.Eye(2, 3).ToArray<float>().ShouldBe([1, 0, 0, 0, 1, 0]);
        var x = Tensor.Arange(1, 13).Reshape(3, 4);
        for (int k = -3; k <= 4; k++)
        {
            x.Tril(k).ToArray<int>().ShouldBe([.. Enumerable.Range(0, 12).Select(i => i % 4 - i / 4 <= k ? i + 1 : 0)]);
            x.Triu(k).ToArray<int>().ShouldBe([.. Enumerable.Range(0, 12).Select(i => i % 4 - i / 4 >= k ? i + 1 : 0)]);
        }
        Tensor.Ones([2, 2], DType.Bool).Tril().ToArray<bool>().ShouldBe([true, false, true, true]);
        Tensor.Full([2, 2], float.PositiveInfinity).Triu(1).ToArray<float>().ShouldBe([0, float.PositiveInfinity, 0, 0]);
        Should.Throw<ShapeException>(() => Tensor.Zeros(3).Tril());
    }

    [Fact]
    public void OneHot_Classes_AreInt64()
    {
        var y = Tensor.From([2, 0]).OneHot(3);
        y.DType.ShouldBe(DType.I64);
        y.ToArray<long>().ShouldBe([0, 0, 1, 1, 0, 0]);
    }

    [Fact]
    public void OneHot_WithoutACount_CountsTheClasses()
    {
        Tensor.From([2, 0]).OneHot().ToArray<long>().ShouldBe([0, 0, 1, 1, 0, 0]);
        Should.Throw<IngotException>(() => Tensor.From([2, -1]).OneHot()).Message.ShouldContain("the least number here is -1");
        Should.Throw<IngotException>(() => Tensor.From(Array.Empty<int>(), 0).OneHot()).Message.ShouldContain("(0,)");
        Should.Throw<ShapeException>(() => Tensor.From([2, -1]).OneHot(-2)).Message.ShouldContain("-2");
        Tensor.From(Array.Empty<int>(), 0).OneHot(3).Shape.ShouldBe(new Shape(0, 3));
    }
}
