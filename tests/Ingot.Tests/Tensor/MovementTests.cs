namespace Ingot.Tests;

public class MovementTests
{
    static Tensor X(params int[] shape) => Tensor.Arange((int)new Shape(shape).Count).Reshape(shape);

    static void Is(Tensor t, int[] shape, int[] values)
    {
        t.Shape.ShouldBe(new Shape(shape));
        t.ToArray<int>().ShouldBe(values);
    }

    [Fact]
    public void Reshape_FreeExtent_IsWorkedOut()
    {
        X(2, 3, 4).Reshape(4, -1).Shape.ShouldBe(new Shape(4, 6));
        X(6).Reshape(2, 3).Flatten().Shape.ShouldBe(new Shape(6));
        X(2, 3, 4).Flatten(1).Shape.ShouldBe(new Shape(2, 12));
        X(2, 12).Unflatten(1, 3, -1).Shape.ShouldBe(new Shape(2, 3, 4));
        Should.Throw<ShapeException>(() => X(6).Reshape(4, -1)).Message.ShouldContain("(6,)");
        Should.Throw<ShapeException>(() => X(6).Unflatten(0, 4)).Message.ShouldContain("4");
    }

    [Fact]
    public void PermuteTransposeMoveDim_MoveElements()
    {
        Is(X(2, 3).T(), [3, 2], [0, 3, 1, 4, 2, 5]);
        Is(X(2, 3).Transpose(0, -1), [3, 2], [0, 3, 1, 4, 2, 5]);
        X(2, 3, 4).Permute(2, 0, 1).Shape.ShouldBe(new Shape(4, 2, 3));
        X(2, 3, 4).MoveDim(0, -1).Shape.ShouldBe(new Shape(3, 4, 2));
        Should.Throw<ShapeException>(() => X(2, 3).Permute(0, 0));
    }

    [Fact]
    public void SqueezeUnsqueezeExpand_ChangeExtentsOfOne()
    {
        X(3).Unsqueeze(-1).Shape.ShouldBe(new Shape(3, 1));
        X(1, 3, 1).Squeeze().Shape.ShouldBe(new Shape(3));
        X(1, 3, 1).Squeeze(0).Shape.ShouldBe(new Shape(3, 1));
        X(1, 3).Squeeze(1).Shape.ShouldBe(new Shape(1, 3));
        Is(X(2, 1).Expand(2, -1, 3)[0], [2, 3], [0, 0, 0, 1, 1, 1]);
        Should.Throw<ShapeException>(() => X(2, 3).Expand(2, 6)).Message.ShouldContain("(2, 3)");
    }

    [Fact]
    public void FlipRollRepeat_MatchLoops()
    {
        Is(X(2, 3).Flip(0, 1), [2, 3], [5, 4, 3, 2, 1, 0]);
        Is(X(5).Roll(2, 0), [5], [3, 4, 0, 1, 2]);
        Is(X(5).Roll(-7, 0), [5], [2, 3, 4, 0, 1]);
        Is(X(2, 2).Repeat(2, 1, 2), [2, 2, 4], [0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3]);
        Is(X(2, 2).RepeatInterleave(2, 0), [4, 2], [0, 1, 0, 1, 2, 3, 2, 3]);
        Is(X(2, 2).RepeatInterleave(3), [12], [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
    }

    [Fact]
    public void Pad_EachMode_MatchesPyTorch()
    {
        Is(X(2, 2).Pad([1, 0, 0, 1], value: 9), [3, 3], [9, 0, 1, 9, 2, 3, 9, 9, 9]);
        Is(X(5).Pad([-1, -2]), [2], [1, 2]);
        Is(X(3).Pad([2, 1], PadMode.Replicate), [6], [0, 0, 0, 1, 2, 2]);
        Is(X(2, 2).Pad([1, 1, 1, 0], PadMode.Replicate), [3, 4], [0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3]);
        Is(X(4).Pad([2, 3], PadMode.Reflect), [9], [2, 1, 0, 1, 2, 3, 2, 1, 0]);
        Should.Throw<ShapeException>(() => X(3).Pad([1]));
        Should.Throw<ShapeException>(() => X(3).Pad([3, 0], PadMode.Reflect));
    }

    [Fact]
    public void CatAndStack_AnyNumber_KeepBits()
    {
        Is(Tensor.Cat([X(2, 2), X(1, 2) + 10, X(0, 2)]), [3, 2], [0, 1, 2, 3, 10, 11]);
        Is(Tensor.Cat([X(2, 1), X(2, 2) + 10], -1), [2, 3], [0, 10, 11, 1, 12, 13]);
        Is(Tensor.Stack([X(2), X(2) + 10], 1), [2, 2], [0, 10, 1, 11]);
        Is(Tensor.Cat(Enumerable.Range(0, 40).Select(i => Tensor.Full([2], i)).ToArray()), [80], [.. Enumerable.Range(0, 80).Select(i => i / 2)]);
        var odd = Tensor.Cat([Tensor.From([-0f, float.NaN]), Tensor.From([float.PositiveInfinity])]).ToArray<float>();
        float.IsNegative(odd[0]).ShouldBeTrue();
        float.IsNaN(odd[1]).ShouldBeTrue();
        Tensor.Cat([Tensor.From([1]), Tensor.From([0.5f])]).DType.ShouldBe(DType.F32);
        Should.Throw<ShapeException>(() => Tensor.Cat([X(2, 2), X(2, 3)])).Message.ShouldContain("(2, 3)");
    }

    [Fact]
    public void SplitAndChunk_CoverTheDimension()
    {
        X(7).Split(3).Select(p => p.Shape[0]).ShouldBe([3, 3, 1]);
        X(7).Split([2, 5])[1].ToArray<int>().ShouldBe([2, 3, 4, 5, 6]);
        X(2, 7).Chunk(3, 1).Select(p => p.Shape[1]).ShouldBe([3, 3, 1]);
        Should.Throw<ShapeException>(() => X(7).Split([2, 4]));
    }

    [Fact]
    public void Diagonal_Offsets_MatchLoops()
    {
        for (int offset = -4; offset <= 5; offset++)
        {
            int[] expected = [.. from i in Enumerable.Range(0, 3) where i + offset is >= 0 and < 4 select i * 4 + i + offset];
            Is(X(3, 4).Diagonal(offset), [expected.Length], expected);
        }
        Is(X(2, 3, 2).Diagonal(0, 0, 2), [3, 2], [0, 7, 2, 9, 4, 11]);
    }

    [Fact]
    public void Unfold_Windows_Overlap() => Is(X(7).Unfold(0, 3, 2), [3, 3], [0, 1, 2, 2, 3, 4, 4, 5, 6]);

    [Fact]
    public void Movement_EmptyTensors_KeepShapes()
    {
        X(0, 3).T().Shape.ShouldBe(new Shape(3, 0));
        X(0, 3).Flip(0).Realize().Shape.ShouldBe(new Shape(0, 3));
        X(0, 3).Roll(1, 0).Realize().Shape.ShouldBe(new Shape(0, 3));
        X(0).Pad([1, 1], value: 4).ToArray<int>().ShouldBe([4, 4]);
    }

    [Fact]
    public void Pad_Circular_ContinuesFromTheOtherEnd()
    {
        Is(X(4).Pad([2, 3], PadMode.Circular), [9], [2, 3, 0, 1, 2, 3, 0, 1, 2]);
        Is(X(2, 2).Pad([0, 1, 1, 0], PadMode.Circular), [3, 3], [2, 3, 2, 0, 1, 0, 2, 3, 2]);
        Should.Throw<ShapeException>(() => X(3).Pad([4, 0], PadMode.Circular)).Message.ShouldContain("too short to be continued by 4");
    }

    [Fact]
    public void Cat_WithAnEmptyVector_LeavesItOut()
    {
        var empty = Tensor.Zeros(0);
        Is(Tensor.Cat([empty, X(2, 2), empty, X(1, 2)]), [3, 2], [0, 1, 2, 3, 0, 1]);
        Is(Tensor.Cat([X(2, 1), empty], 1), [2, 1], [0, 1]);
        Tensor.Cat([empty, empty]).Shape.ShouldBe(new Shape(0));
        Tensor.Cat([Tensor.Zeros([0], DType.F64), Tensor.Ones([2, 1], DType.F32)]).DType.ShouldBe(DType.F64);
        Should.Throw<ShapeException>(() => Tensor.Cat([Tensor.Zeros(0, 3), X(2, 2)])).Message.ShouldContain("(0, 3)");
    }

    [Fact]
    public void RepeatInterleave_ByCounts_RepeatsEachSliceAsOften()
    {
        Is(X(3, 2).RepeatInterleave(Tensor.From([2, 0, 1]), 0), [3, 2], [0, 1, 0, 1, 4, 5]);
        Is(X(2, 2).RepeatInterleave(Tensor.From([1, 0, 0, 2])), [3], [0, 3, 3]);
        Should.Throw<ShapeException>(() => X(3, 2).RepeatInterleave(Tensor.From([2, 0]), 0)).Message.ShouldContain("one for each of 3, not (2,)");
        Should.Throw<IngotException>(() => X(3, 2).RepeatInterleave(Tensor.From([2, -4, 1]), 0)).Message.ShouldContain("slice 1 of (3, 2) -4 times");
        Should.Throw<DTypeException>(() => X(2).RepeatInterleave(Tensor.From([1.0, 2]), 0)).Message.ShouldContain("f64");
    }
}
