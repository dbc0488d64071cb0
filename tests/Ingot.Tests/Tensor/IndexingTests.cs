namespace Ingot.Tests;

public class IndexingTests
{
    // (4, 5, 6), each element its own position
    static Tensor X() => Tensor.Arange(120).Reshape(4, 5, 6);

    static int[] Expect(IEnumerable<int> a, IEnumerable<int> b, IEnumerable<int> c) =>
        [.. from i in a from j in b from k in c select i * 30 + j * 6 + k];

    static IEnumerable<int> Up(int from, int to, int step = 1)
    {
        for (int i = from; step > 0 ? i < to : i > to; i += step) yield return i;
    }

    static void Is(Tensor t, int[] shape, int[] values)
    {
        t.Shape.ShouldBe(new Shape(shape));
        t.ToArray<int>().ShouldBe(values);
    }

    [Fact]
    public void Read_Positions_DropTheirDimension()
    {
        Is(X()[2], [5, 6], Expect([2], Up(0, 5), Up(0, 6)));
        Is(X()[^1, -2], [6], Expect([3], [3], Up(0, 6)));
        Is(X()[1, 2, 3], [], Expect([1], [2], [3]));
        Is(X()[.., 0], [4, 6], Expect(Up(0, 4), [0], Up(0, 6)));
    }

    [Fact]
    public void Read_Ranges_KeepTheirDimension()
    {
        Is(X()[1..^1], [2, 5, 6], Expect(Up(1, 3), Up(0, 5), Up(0, 6)));
        Is(X()[1..^2, ^1, 2..], [1, 4], Expect([1], [4], Up(2, 6)));
        Is(X()[2..2], [0, 5, 6], []);
        Is(X()[Dim.Ellipsis, 1..3], [4, 5, 2], Expect(Up(0, 4), Up(0, 5), Up(1, 3)));
        Is(X()[Dim.New, 3, Dim.New, .., 5], [1, 1, 5], Expect([3], Up(0, 5), [5]));
    }

    [Fact]
    public void Read_Slices_FollowPython()
    {
        for (int step = -7; step <= 7; step++)
        {
            if (step == 0) continue;
            foreach (int? start in new int?[] { null, -9, -4, -1, 0, 2, 5, 9 })
                foreach (int? stop in new int?[] { null, -9, -3, 0, 1, 4, 9 })
                {
                    int a = start is { } s ? Math.Clamp(s < 0 ? s + 6 : s, step < 0 ? -1 : 0, step < 0 ? 5 : 6) : step < 0 ? 5 : 0;
                    int b = stop is { } e ? Math.Clamp(e < 0 ? e + 6 : e, step < 0 ? -1 : 0, step < 0 ? 5 : 6) : step < 0 ? -1 : 6;
                    int[] picked = [.. Up(a, b, step)];
                    Is(X()[1..3, 2, Dim.Slice(start, stop, step)], [2, picked.Length], Expect(Up(1, 3), [2], picked));
                }
        }
    }

    [Fact]
    public void Read_IndexTensors_BroadcastAndTakeTheirPlace()
    {
        var rows = Tensor.From([3, 0, -1]);
        var columns = Tensor.From([1L, 4, 2]);
        Is(X()[rows], [3, 5, 6], [.. Expect([3], Up(0, 5), Up(0, 6)), .. Expect([0], Up(0, 5), Up(0, 6)), .. Expect([3], Up(0, 5), Up(0, 6))]);
        Is(X()[rows, columns], [3, 6], [.. Expect([3], [1], Up(0, 6)), .. Expect([0], [4], Up(0, 6)), .. Expect([3], [2], Up(0, 6))]);
        Is(X()[0, .., columns], [5, 3], [.. from j in Up(0, 5) from k in new[] { 1, 4, 2 } select j * 6 + k]);
        Is(X()[.., columns, 0], [4, 3], [.. from i in Up(0, 4) from j in new[] { 1, 4, 2 } select i * 30 + j * 6]);
        // apart: the index dimensions come first
        Is(X()[rows, 1..3, columns], [3, 2], [.. from p in new[] { (3, 1), (0, 4), (3, 2) } from j in Up(1, 3) select p.Item1 * 30 + j * 6 + p.Item2]);
        Is(X()[rows.Unsqueeze(1), columns], [3, 3, 6], [.. from i in new[] { 3, 0, 3 } from j in new[] { 1, 4, 2 } from k in Up(0, 6) select i * 30 + j * 6 + k]);
        Is(X()[.., new[] { 0, 2 }, 1..2], [4, 2, 1], Expect(Up(0, 4), [0, 2], [1]));
    }

    [Fact]
    public void Read_Mask_PicksTrueElements()
    {
        var x = X();
        Is(x[(x % 7).Eq(3)], [17], [.. Up(3, 120, 7)]);
        Is(x[Tensor.From([true, false, false, true]), .., 1], [2, 5], Expect([0, 3], Up(0, 5), [1]));
        Is(x[0][x[0] > 100], [0], []);
        Is(x.MaskedSelect(Tensor.From([true, false, false, false, false, true])), [40], Expect(Up(0, 4), Up(0, 5), [0, 5]));
    }

    [Fact]
    public void Read_OutOfRange_NamesTheIndexAndTheShape()
    {
        Should.Throw<TensorIndexException>(() => X()[4]).Message.ShouldBe("index 4 is out of range for dimension 0 of (4, 5, 6)");
        Should.Throw<TensorIndexException>(() => X()[^0]).Message.ShouldBe("index ^0 is out of range for dimension 0 of (4, 5, 6); ^1 is the last element");
        Should.Throw<TensorIndexException>(() => X()[0, ^6]).Message.ShouldBe("index ^6 is out of range for dimension 1 of (4, 5, 6)");
        Should.Throw<TensorIndexException>(() => X()[.., -6]).Message.ShouldContain("-6");
        Should.Throw<TensorIndexException>(() => X()[0..5]).Message.ShouldContain("0..5");
        Should.Throw<TensorIndexException>(() => X()[0, 0, 0, 0]).Message.ShouldContain("4 indices");
        Should.Throw<TensorIndexException>(() => X()[Tensor.From([0, 4])].Realize()).Message.ShouldContain("index 4");
        Should.Throw<TensorIndexException>(() => X()[Tensor.From([0, 1]), Tensor.From([0, 5])].Realize());
        Should.Throw<TensorIndexException>(() => X()[Tensor.From([true, false])]).Message.ShouldContain("mask");
        Should.Throw<DTypeException>(() => X()[Tensor.From([1f])]);
    }

    /// <summary>x[index] = value against a loop over the positions that the same index reads.</summary>
    static void Assigns(Tensor value, params TensorIndex[] index)
    {
        var x = X();
        var before = X();
        var expected = x.ToArray<int>();
        var where = before[index];
        var values = value.To(DType.I32).Expand(where.Shape).ToArray<int>();
        var positions = where.ToArray<int>();
        for (int i = 0; i < positions.Length; i++) expected[positions[i]] = values[i];
        x[index] = value;
        Is(x, [4, 5, 6], expected);
        before.ToArray<int>().ShouldBe(Enumerable.Range(0, 120).ToArray());
    }

    [Fact]
    public void Write_AnyIndex_ChangesWhatItReads()
    {
        Assigns(-1, 2);
        Assigns(-1, Dim.All);
        Assigns(Tensor.Arange(-6, 0), 1, ^2);
        Assigns(Tensor.Arange(-10, 0).Reshape(2, 5, 1), 1..3, Dim.Ellipsis, 0..1);
        Assigns(Tensor.Arange(-3, 0), .., 1, Dim.Every(2));
        Assigns(Tensor.Arange(-12, 0).Reshape(4, 3), .., 1, Dim.Slice(null, null, -2));
        Assigns(-1, Dim.Slice(5, 1));
        Assigns(Tensor.Arange(-30, 0).Reshape(5, 6), Tensor.From([3, 0]));
        Assigns(-1, Tensor.From([3, 0]), Tensor.From([1, -1]));
        Assigns(Tensor.Arange(-6, 0).Reshape(2, 3), Tensor.From([3, 0]), 2, Dim.Slice(0, 6, 2));
        Assigns(Tensor.Arange(-2, 0), .., ^1, Tensor.From([1, 4]));
        Assigns(-1, X() > 50);
        Assigns(Tensor.Arange(-6, 0), Tensor.From([true, false, true, false]), 1);
        Assigns(Tensor.Arange(-69, 0), X() > 50);
        Assigns(Tensor.Arange(-6, 0), X()[.., .., 0] > 50);
    }

    [Fact]
    public void Write_RepeatedIndex_LastOneStays()
    {
        var x = Tensor.Zeros(3);
        x[Tensor.From([1, 1])] = Tensor.From([5f, 7f]);
        x.ToArray<float>().ShouldBe([0, 7, 0]);
        x[2] += 3;
        x.ToArray<float>().ShouldBe([0, 7, 3]);
    }

    [Fact]
    public void Write_WrongShape_NamesBoth()
    {
        var x = X();
        var e = Should.Throw<ShapeException>(() => x[0] = Tensor.Zeros(4));
        e.Message.ShouldContain("(4,)");
        e.Message.ShouldContain("(5, 6)");
    }

    [Fact]
    public void Write_ByMask_DoesNotComputeTheMask()
    {
        var x = X();
        var mask = x > 50;
        x[mask] = 0;
        mask.Node.Op.ShouldNotBe(Graph.Op.Buffer);
        x.Sum().Item<long>().ShouldBe(50 * 51 / 2);
        Should.Throw<TensorIndexException>(() => x[Tensor.From([true, false])] = 0).Message.ShouldContain("(2,)");
    }
}
