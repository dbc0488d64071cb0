using static Ingot.DType;

namespace Ingot.Tests;

public class PromotionTests
{
    static Tensor Of(DType dtype, int rank = 1) => (rank == 0 ? Tensor.From([1f], 1).Reshape() : Tensor.From([1f, 2f])).To(dtype);

    // torch.promote_types, row by row.
    static readonly DType[] Types = [Bool, U8, I8, I16, I32, I64, F16, BF16, F32, F64];

    static readonly DType[][] Table =
    [
        [Bool, U8, I8, I16, I32, I64, F16, BF16, F32, F64],
        [U8, U8, I16, I16, I32, I64, F16, BF16, F32, F64],
        [I8, I16, I8, I16, I32, I64, F16, BF16, F32, F64],
        [I16, I16, I16, I16, I32, I64, F16, BF16, F32, F64],
        [I32, I32, I32, I32, I32, I64, F16, BF16, F32, F64],
        [I64, I64, I64, I64, I64, I64, F16, BF16, F32, F64],
        [F16, F16, F16, F16, F16, F16, F16, F32, F32, F64],
        [BF16, BF16, BF16, BF16, BF16, BF16, F32, BF16, F32, F64],
        [F32, F32, F32, F32, F32, F32, F32, F32, F32, F64],
        [F64, F64, F64, F64, F64, F64, F64, F64, F64, F64],
    ];

    [Fact]
    public void Add_TwoTensors_FollowsTheTable()
    {
        for (int i = 0; i < Types.Length; i++)
            for (int j = 0; j < Types.Length; j++)
                (Of(Types[i]) + Of(Types[j])).DType.ShouldBe(Table[i][j], $"{Types[i]} + {Types[j]}");
    }

    [Fact]
    public void Multiply_ByNumber_KeepsTheKind()
    {
        (Of(F16) * 1.5).DType.ShouldBe(F16);
        (Of(BF16) * 2).DType.ShouldBe(BF16);
        (Of(F64) * 1.5f).DType.ShouldBe(F64);
        (Of(I64) * 2).DType.ShouldBe(I64);
        (Of(U8) * 2L).DType.ShouldBe(U8);
        (Of(I32) * 1.5).DType.ShouldBe(F32);
        (Of(Bool) * 2).DType.ShouldBe(I64);
        (Of(Bool) * 2.0).DType.ShouldBe(F32);
        (1.5 + Of(I8)).DType.ShouldBe(F32);
        (true + Of(I8)).DType.ShouldBe(I8);
        (Of(F32, 0) * 2.0).DType.ShouldBe(F32);
    }

    [Fact]
    public void Multiply_ScalarTensor_CountsOnlyForAHigherKind()
    {
        (Of(F32) * Of(F64, 0)).DType.ShouldBe(F32);
        (Of(I32) * Of(I64, 0)).DType.ShouldBe(I32);
        (Of(I32) * Of(F64, 0)).DType.ShouldBe(F64);
        (Of(Bool) * Of(U8, 0)).DType.ShouldBe(U8);
        (Of(F32, 0) * Of(F64, 0)).DType.ShouldBe(F64);
        (Of(I32, 0) * 1.5).DType.ShouldBe(F32);
    }

    [Fact]
    public void Divide_Integers_IsFloat32()
    {
        var q = Tensor.From([7, -7]) / 2;
        q.DType.ShouldBe(F32);
        q.ToArray<float>().ShouldBe([3.5f, -3.5f]);
        (Of(F16) / 2).DType.ShouldBe(F16);
    }

    [Fact]
    public void Add_DifferentShapes_Broadcasts()
    {
        var x = Tensor.From(new float[,] { { 1 }, { 2 } }) + Tensor.From([10f, 20, 30]);
        x.Shape.ShouldBe(new Shape(2, 3));
        x.ToArray<float>().ShouldBe([11, 21, 31, 12, 22, 32]);
        var e = Should.Throw<ShapeException>(() => Tensor.Zeros(2, 3) + Tensor.Zeros(2));
        e.Message.ShouldContain("(2, 3)");
        e.Message.ShouldContain("(2,)");
    }

    [Fact]
    public void Subtract_Bools_SaysWhatToUse() => Should.Throw<DTypeException>(() => Of(Bool) - Of(Bool)).Message.ShouldContain("^");

    [Fact]
    public void Compare_NaN_IsAlwaysFalseButForNe()
    {
        var x = Tensor.From([1f, float.NaN, 2]);
        var y = Tensor.From([1f, 1, float.NaN]);
        (x < y).ToArray<bool>().ShouldBe([false, false, false]);
        (x <= y).ToArray<bool>().ShouldBe([true, false, false]);
        (x > y).ToArray<bool>().ShouldBe([false, false, false]);
        (x >= y).ToArray<bool>().ShouldBe([true, false, false]);
        x.Eq(y).ToArray<bool>().ShouldBe([true, false, false]);
        x.Ne(y).ToArray<bool>().ShouldBe([false, true, true]);
    }

    [Fact]
    public void Compare_IntegerWithFraction_ComparesAsFloats() => (Tensor.From([1, 2]) > 1.5).ToArray<bool>().ShouldBe([false, true]);
}
