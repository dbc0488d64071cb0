using Ingot.Graph;
using Ingot.Tests.Autograd;

namespace Ingot.Tests;

public class LinearAlgebraTests
{
    static Tensor V(int seed, params int[] shape) => GradientCheck.Values(seed, shape);

    /// <summary>(.., M, K) by (.., K, N) with leading dimensions that broadcast, by the definition.</summary>
    static double[] Product(Tensor a, Tensor b)
    {
        int m = a.Shape[^2], k = a.Shape[^1], n = b.Shape[^1];
        double[] x = a.ToArray<double>(), y = b.ToArray<double>();
        Shape left = new(a.Shape.Span[..^2]), right = new(b.Shape.Span[..^2]), batch = Shape.Broadcast(left, right);
        var result = new List<double>();
        for (int i = 0; i < batch.Count; i++)
            for (int r = 0; r < m; r++)
                for (int c = 0; c < n; c++)
                    result.Add(Enumerable.Range(0, k).Sum(j => x[(Part(left, batch, i) * m + r) * k + j] * y[(Part(right, batch, i) * k + j) * n + c]));
        return [.. result];
    }

    /// <summary>The matrix of a smaller batch that number i of the broadcast one is.</summary>
    static int Part(Shape shape, Shape batch, int i)
    {
        int at = 0, step = 1;
        for (int d = 1; d <= batch.Rank; i /= batch[^d], d++)
        {
            if (d > shape.Rank) continue;
            at += (shape[^d] == 1 ? 0 : i % batch[^d]) * step;
            step *= shape[^d];
        }
        return at;
    }

    static void ShouldBeNear(double[] actual, double[] expected, double tolerance = 1e-12)
    {
        actual.Length.ShouldBe(expected.Length);
        for (int i = 0; i < actual.Length; i++) actual[i].ShouldBe(expected[i], tolerance);
    }

    [Theory]
    [InlineData(new[] { 3, 4 }, new[] { 4, 5 })]
    [InlineData(new[] { 1, 1 }, new[] { 1, 1 })]
    [InlineData(new[] { 2, 3, 4 }, new[] { 2, 4, 5 })]
    [InlineData(new[] { 2, 3, 4 }, new[] { 4, 5 })]
    [InlineData(new[] { 3, 4 }, new[] { 2, 4, 5 })]
    [InlineData(new[] { 2, 1, 3, 4 }, new[] { 3, 4, 2 })]
    public void Matmul_AnyLeadingDimensions_IsTheProduct(int[] left, int[] right)
    {
        Tensor a = V(1, left), b = V(2, right);
        ShouldBeNear(a.Matmul(b).ToArray<double>(), Product(a, b));
        GradientCheck.First(x => x[0].Matmul(x[1]), a, b);
    }

    [Fact]
    public void Matmul_OfVectors_DropsTheirDimension()
    {
        Tensor m = V(1, 3, 4), v = V(2, 4), u = V(3, 3), batch = V(4, 2, 3, 4);
        m.Matmul(v).Shape.ShouldBe(new Shape(3));
        u.Matmul(m).Shape.ShouldBe(new Shape(4));
        v.Matmul(v).Shape.ShouldBe(Shape.Scalar);
        batch.Matmul(v).Shape.ShouldBe(new Shape(2, 3));
        u.Matmul(batch).Shape.ShouldBe(new Shape(2, 4));
        ShouldBeNear(m.Matmul(v).ToArray<double>(), Product(m, v.Reshape(4, 1)));
        ShouldBeNear(u.Matmul(m).ToArray<double>(), Product(u.Reshape(1, 3), m));
        foreach (var (a, b) in new[] { (m, v), (u, m), (v, v), (batch, v), (u, batch) }) GradientCheck.First(x => x[0].Matmul(x[1]), a, b);
    }

    [Fact]
    public void Matmul_IsOneReductionOfOneProduct()
    {
        var nodes = Build.TopologicalOrder([V(1, 3, 4).Matmul(V(2, 4, 5)).Node]);
        nodes.Count(n => n.Op == Op.Reduce).ShouldBe(1);
        nodes.Single(n => n.Op == Op.Reduce).src[0].Op.ShouldBe(Op.Mul);
        nodes.Single(n => n.Op == Op.Mul).Shape.ShouldBe(new Shape(3, 5, 4));
    }

    [Fact]
    public void Matmul_TypesPromote()
    {
        var i = Tensor.From([1, 2, 3, 4], 2, 2);
        i.Matmul(i).ToArray<int>().ShouldBe([7, 10, 15, 22]);
        i.Matmul(Tensor.From([0.5f, 1, 1, 1], 2, 2)).DType.ShouldBe(DType.F32);
        var half = Tensor.From([1f, 2048, 1, 1], 2, 2).To(DType.F16);
        // 2048 + 1 is no float16: added in float32 and rounded once, 1 + 2048 + 1 is 2050.
        Tensor.Ones(1, 3).To(DType.F16).Matmul(Tensor.From([1f, 2048, 1], 3, 1).To(DType.F16)).Item<float>().ShouldBe(2050);
        half.Matmul(half).DType.ShouldBe(DType.F16);
    }

    [Fact]
    public void Matmul_OverNothing_IsZero() => Tensor.Ones(2, 0).Matmul(Tensor.Ones(0, 3)).ToArray<float>().ShouldBe(new float[6]);

    [Fact]
    public void Matmul_ThatDoesNotFit_NamesBothShapes()
    {
        Should.Throw<ShapeException>(() => V(1, 3, 4).Matmul(V(2, 5, 6))).Message.ShouldBe("cannot multiply (3, 4) by (5, 6): the inner dimensions are 4 and 5");
        Should.Throw<ShapeException>(() => V(1, 2, 3, 4).Matmul(V(2, 3, 4, 6))).Message.ShouldContain("the leading dimensions (2,) and (3,)");
        Should.Throw<ShapeException>(() => V(1, 3).Matmul(Tensor.Scalar(1.0))).Message.ShouldContain("()");
        Should.Throw<DTypeException>(() => Tensor.From([true]).Matmul(Tensor.From([true]))).Message.ShouldContain("bool");
    }

    [Fact]
    public void Linear_IsTheProductWithTheTransposeAndTheBias()
    {
        Tensor x = V(1, 2, 3, 4), w = V(2, 5, 4), b = V(3, 5);
        ShouldBeNear(x.Linear(w).ToArray<double>(), Product(x, w.T()));
        ShouldBeNear(x.Linear(w, b).ToArray<double>(), (x.Matmul(w.T()) + b).ToArray<double>());
        GradientCheck.Second(t => t[0].Linear(t[1], t[2]), V(1, 2, 3), w[.., ..3], b);
        Should.Throw<ShapeException>(() => x.Linear(V(2, 5, 3))).Message.ShouldContain("(5, 3)");
        Should.Throw<ShapeException>(() => x.Linear(w, V(3, 4))).Message.ShouldContain("(4,)");
    }

    [Theory]
    [InlineData("ij,jk->ik", new[] { 2, 3 }, new[] { 3, 4 }, new[] { 2, 4 })]
    [InlineData("ij,jk", new[] { 2, 3 }, new[] { 3, 4 }, new[] { 2, 4 })]
    [InlineData("bij,bjk->bik", new[] { 2, 2, 3 }, new[] { 2, 3, 4 }, new[] { 2, 2, 4 })]
    [InlineData("i,j->ij", new[] { 2 }, new[] { 3 }, new[] { 2, 3 })]
    [InlineData("ij,ij->", new[] { 2, 3 }, new[] { 2, 3 }, new int[0])]
    [InlineData("ij,kj->ki", new[] { 2, 3 }, new[] { 4, 3 }, new[] { 4, 2 })]
    [InlineData("bhqd,bhkd->bhqk", new[] { 2, 2, 3, 2 }, new[] { 2, 2, 4, 2 }, new[] { 2, 2, 3, 4 })]
    [InlineData("...i,ij->...j", new[] { 2, 2, 3 }, new[] { 3, 4 }, new[] { 2, 2, 4 })]
    [InlineData("...ij,...jk->...ik", new[] { 2, 2, 3 }, new[] { 1, 3, 2 }, new[] { 2, 2, 2 })]
    [InlineData("iij,j->i", new[] { 2, 2, 3 }, new[] { 3 }, new[] { 2 })]
    [InlineData("ijk,jl->li", new[] { 2, 3, 2 }, new[] { 3, 4 }, new[] { 4, 2 })]
    public void Einsum_OfTwo_IsTheSumOverAllIndices(string equation, int[] left, int[] right, int[] result)
    {
        Tensor a = V(1, left), b = V(2, right);
        var y = Tensor.Einsum(equation, a, b);
        y.Shape.ShouldBe(new Shape(result));
        ShouldBeNear(y.ToArray<double>(), ByDefinition(equation, a, b));
        GradientCheck.First(x => Tensor.Einsum(equation, x), a, b);
    }

    [Fact]
    public void Einsum_OfTwo_IsOneReductionOfOneProduct()
    {
        var nodes = Build.TopologicalOrder([Tensor.Einsum("bij,bjk->bik", V(1, 2, 2, 3), V(2, 2, 3, 4)).Node]);
        nodes.Count(n => n.Op == Op.Reduce).ShouldBe(1);
        nodes.Single(n => n.Op == Op.Reduce).src[0].Op.ShouldBe(Op.Mul);
    }

    [Fact]
    public void Einsum_OfOneOrThree()
    {
        Tensor a = V(1, 3, 3), b = V(2, 3, 2), c = V(3, 2);
        ShouldBeNear(Tensor.Einsum("ij->ji", a).ToArray<double>(), a.T().ToArray<double>());
        ShouldBeNear(Tensor.Einsum("ii", a).ToArray<double>(), [a.ToArray<double>()[0] + a.ToArray<double>()[4] + a.ToArray<double>()[8]]);
        ShouldBeNear(Tensor.Einsum("ij,jk,k->i", a, b, c).ToArray<double>(), a.Matmul(b).Matmul(c).ToArray<double>());
    }

    [Theory]
    [InlineData("ij,jk->ik", "'j' is 3")]
    [InlineData("ij->ij", "1 terms for 2 operands")]
    [InlineData("i,jk->ik", "does not name the 2 dimensions of operand 0")]
    [InlineData("ij,kl->iz", "'z' of the result")]
    public void Einsum_ThatDoesNotFit_SaysWhere(string equation, string message) =>
        Should.Throw<ShapeException>(() => Tensor.Einsum(equation, V(1, 2, 3), V(2, 4, 5))).Message.ShouldContain(message);

    /// <summary>Every combination of all indices, one by one.</summary>
    static double[] ByDefinition(string equation, Tensor a, Tensor b)
    {
        // "..." is spelled out with capitals, aligned at the right.
        var sides = equation.Contains("->") ? equation.Split("->") : [equation, new string([.. equation.Replace(",", "").GroupBy(c => c).Where(g => g.Count() == 1).Select(g => g.Key).Order()])];
        var terms = sides[0].Split(',');
        int leading = Math.Max(terms[0].Contains("...") ? a.Rank - terms[0].Length + 3 : 0, terms[1].Contains("...") ? b.Rank - terms[1].Length + 3 : 0);
        string Spell(string t, int dims) => t.Replace("...", "XYZ"[(3 - dims)..]);
        string left = Spell(terms[0], a.Rank - terms[0].Length + 3), right = Spell(terms[1], b.Rank - terms[1].Length + 3), result = Spell(sides[1], leading);
        var extents = new Dictionary<char, int>();
        foreach (var (name, extent) in left.Zip(a.Shape).Concat(right.Zip(b.Shape))) extents[name] = Math.Max(extent, extents.GetValueOrDefault(name));
        string all = new([.. extents.Keys]);
        double[] x = a.ToArray<double>(), y = b.ToArray<double>(), sum = new double[result.Aggregate(1, (p, c) => p * extents[c])];
        var index = new Dictionary<char, int>();
        int At(string names, Func<int, int> extent) => names.Select((c, d) => (c, d)).Aggregate(0, (at, p) => at * extent(p.d) + (extent(p.d) == 1 ? 0 : index[p.c]));
        int count = all.Aggregate(1, (p, c) => p * extents[c]);
        for (int i = 0; i < count; i++)
        {
            int rest = i;
            foreach (var c in all) { index[c] = rest % extents[c]; rest /= extents[c]; }
            sum[At(result, d => extents[result[d]])] += x[At(left, d => a.Shape[d])] * y[At(right, d => b.Shape[d])];
        }
        return sum;
    }

    [Fact]
    public void Einsum_OfDifferentExtents_NamesThem()
    {
        Tensor.Einsum("ij,jk->ik", Tensor.Ones(2, 1), Tensor.Ones(3, 4)).ToArray<float>().ShouldBe([.. Enumerable.Repeat(3f, 8)]); // an extent of 1 broadcasts
        Should.Throw<ShapeException>(() => Tensor.Einsum("ij,jk->ik", Tensor.Ones(2, 2), Tensor.Ones(3, 4))).Message.ShouldContain("'j' is 2 in one operand and 3 in operand 1");
        Should.Throw<ShapeException>(() => Tensor.Einsum("ii->i", Tensor.Ones(3, 5))).Message.ShouldContain("'i' stands for two dimensions of (3, 5)");
    }
}
