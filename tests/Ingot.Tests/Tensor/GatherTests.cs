namespace Ingot.Tests;

public class GatherTests
{
    static readonly Tensor X = Tensor.Arange(24).Reshape(2, 3, 4);

    [Fact]
    public void Gather_EachDim_MatchesItsDefinition()
    {
        var index = new long[2, 2, 3];
        for (int i = 0; i < 12; i++) index[i / 6, i / 3 % 2, i % 3] = i * 5 % 2;
        for (int dim = 0; dim < 3; dim++)
        {
            var got = X.Gather(dim, Tensor.From(index));
            got.Shape.ShouldBe(new Shape(2, 2, 3));
            int[] expected = [.. from a in Enumerable.Range(0, 2) from b in Enumerable.Range(0, 2) from c in Enumerable.Range(0, 3)
                                 let p = (int)index[a, b, c]
                                 select (dim == 0 ? p : a) * 12 + (dim == 1 ? p : b) * 4 + (dim == 2 ? p : c)];
            got.ToArray<int>().ShouldBe(expected);
        }
    }

    [Fact]
    public void Gather_BeyondItsDimension_DoesNotReadANeighbour()
    {
        var x = Tensor.Arange(6).Reshape(2, 3);
        Should.Throw<TensorIndexException>(() => x.Gather(1, Tensor.From(new[,] { { 3 } })).Realize());
        Should.Throw<TensorIndexException>(() => x.Gather(1, Tensor.From(new[,] { { 0 }, { -1 } })).Realize());
        Should.Throw<ShapeException>(() => x.Gather(1, Tensor.From([0]))).Message.ShouldContain("(2, 3)");
        Should.Throw<DTypeException>(() => x.Gather(1, Tensor.From(new[,] { { 0f } })));
    }

    [Fact]
    public void Scatter_Duplicates_LastStaysOrAllAdd()
    {
        var index = Tensor.From(new[,] { { 0, 2, 2 }, { 1, 1, 1 } });
        var src = Tensor.From(new float[,] { { 1, 2, 3 }, { 4, 5, 6 } });
        Tensor.Full([2, 3], 0.5).Scatter(1, index, src).ToArray<float>().ShouldBe([1, 0.5f, 3, 0.5f, 6, 0.5f]);
        Tensor.Full([2, 3], 0.5).ScatterAdd(1, index, src).ToArray<float>().ShouldBe([1.5f, 0.5f, 5.5f, 0.5f, 15.5f, 0.5f]);
        Tensor.Zeros(3, 3).Scatter(0, index, src).ToArray<float>().ShouldBe([1, 0, 0, 4, 5, 6, 0, 2, 3]);
        Tensor.Zeros(2, 3).Scatter(1, index, 7).ToArray<float>().ShouldBe([7, 0, 7, 0, 7, 0]);
        Should.Throw<ShapeException>(() => Tensor.Zeros(2, 3).Scatter(1, index, Tensor.Zeros(1, 3)));
        Should.Throw<TensorIndexException>(() => Tensor.Zeros(2, 2).Scatter(1, Tensor.From(new[,] { { 2 } }), 1).Realize());
    }

    [Fact]
    public void IndexSelect_AnyDim_TakesSlices()
    {
        X.IndexSelect(1, Tensor.From([2, 0])).ToArray<int>().ShouldBe(X[.., new[] { 2, 0 }].ToArray<int>());
        Should.Throw<TensorIndexException>(() => X.IndexSelect(1, Tensor.From([-1])).Realize());
        Should.Throw<ShapeException>(() => X.IndexSelect(1, Tensor.From(new[,] { { 1 } })));
    }

    [Fact]
    public void MaskedFill_Value_TakesTheTensorsDtype()
    {
        var y = Tensor.From([1, 2, 3]).MaskedFill(Tensor.From([false, true, false]), 7.9);
        y.ToArray<int>().ShouldBe([1, 7, 3]);
        Tensor.Zeros(2, 2).MaskedFill(Tensor.From([true, false]), double.NegativeInfinity).ToArray<float>()
            .ShouldBe([float.NegativeInfinity, 0, float.NegativeInfinity, 0]);
    }

    [Fact]
    public void Sort_NaNAndTies_AreStable()
    {
        var (v, i) = Tensor.From([3, float.NaN, 1, 3, float.NegativeInfinity]).Sort();
        v.ToArray<float>().ShouldBe([float.NegativeInfinity, 1, 3, 3, float.NaN]);
        i.ToArray<long>().ShouldBe([4, 2, 0, 3, 1]);
        Tensor.From([3, 1, 3]).ArgSort(descending: true).ToArray<long>().ShouldBe([0, 2, 1]);
        Tensor.From(new[,] { { 3, 1 }, { 2, 5 } }).Sort(0).Values.ToArray<int>().ShouldBe([2, 1, 3, 5]);
    }

    [Fact]
    public void TopK_EachDirection_ComesInOrder()
    {
        var x = Tensor.From(new[,] { { 3f, 1, 4, 1 }, { 5, 9, 2, 6 } });
        var (v, i) = x.TopK(2);
        v.ToArray<float>().ShouldBe([4, 3, 9, 6]);
        i.ToArray<long>().ShouldBe([2, 0, 1, 3]);
        x.TopK(1, 0, largest: false).Values.ToArray<float>().ShouldBe([3, 1, 2, 1]);
        Should.Throw<TensorIndexException>(() => x.TopK(5)).Message.ShouldContain("(2, 4)");
    }

    /// <summary>Rows as wide as the vectors of each type and their multiples: lanes that are neighbours are indexed apart.</summary>
    [Theory]
    [InlineData(4, DType.I64), InlineData(8, DType.F32), InlineData(32, DType.F32), InlineData(4, DType.F64), InlineData(16, DType.I32), InlineData(64, DType.I64)]
    public void GatherAndScatter_OverRowsOfWholeVectors_TakeEachElementByItsOwnIndex(int width, DType dtype)
    {
        int[] rows = [.. Enumerable.Range(0, 3 * width).Select(i => i * 7 % 5 % 4)];
        var x = Tensor.From([.. Enumerable.Range(0, 4 * width)], 4, width).To(dtype).Realize();
        var src = Tensor.From([.. Enumerable.Range(0, 3 * width).Select(i => 1000 + i * i % 17)], 3, width).To(dtype).Realize();
        double[] a = x.ToArray<double>(), b = src.ToArray<double>(), added = [.. a], written = [.. a];
        for (int i = 0; i < rows.Length; i++)
        {
            added[rows[i] * width + i % width] += b[i];
            written[rows[i] * width + i % width] = b[i];
        }
        double[] taken = [.. rows.Select((r, i) => a[r * width + i % width])];
        foreach (var index in new[] { Tensor.From(rows, 3, width), Tensor.From(rows, 3, width).To(DType.I64).Realize() })
        {
            x.Gather(0, index).ToArray<double>().ShouldBe(taken);
            x[index, Tensor.Arange(width)].ToArray<double>().ShouldBe(taken);
            x.ScatterAdd(0, index, src).ToArray<double>().ShouldBe(added);
            x.Scatter(0, index, src).ToArray<double>().ShouldBe(written);
            var y = x * 1;
            y[index, Tensor.Arange(width)] = src;
            y.ToArray<double>().ShouldBe(written);
        }
    }

    /// <summary>Places that the compiler can prove to be in range, and that move with the loop both in a line and by a loaded value.</summary>
    [Fact]
    public void ScatterAdd_IndexComputedFromALoadedOne_GoesWhereItSays()
    {
        int[] row = [.. Enumerable.Range(0, 64).Select(i => (i * 7 + i / 5) % 8)];
        var place = (Tensor.From(row).Realize() % 8) * 8 + Tensor.Arange(64).To(DType.I32) % 8;
        var expected = new float[64];
        for (int i = 0; i < 64; i++) expected[row[i] * 8 + i % 8] += i + 1;
        var src = Tensor.Arange(1, 65).To(DType.F32).Realize();
        Tensor.Zeros(64).Realize().ScatterAdd(0, place, src).ToArray<float>().ShouldBe(expected);
    }

    /// <summary>The position that an index along an inner dimension is computed to is none in the padding that joining puts around the piece.</summary>
    [Fact]
    public void Gather_InnerDimensionJoinedBehindAnother_ReadsItsOwnPiece()
    {
        var x = Tensor.From(new[,] { { 1f, 2, 3 }, { 4, 5, 6 } });
        var picked = x.Gather(1, Tensor.From(new long[,] { { 2, 1, 0 }, { 0, 0, 1 } }));
        Tensor.Cat([Tensor.Zeros(1, 3), picked, Tensor.Ones(1, 3)], 0).ToArray<float>().ShouldBe([0, 0, 0, 3, 2, 1, 4, 4, 5, 1, 1, 1]);
    }
}
