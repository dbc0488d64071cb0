using Ingot.Autograd;
using Ingot.Graph;

namespace Ingot.Tests;

/// <summary>A row for every elementwise primitive of one or two operands: kernels give what the op table says, in vectors and beyond their ends.</summary>
public class OpTableTests
{
    const double Inf = double.PositiveInfinity, NaN = double.NaN;

    /// <summary>Values of each operand, all combinations of which are tried. Primitives of integers only have whole numbers.</summary>
    static readonly Dictionary<Op, double[][]> Rows = new()
    {
        [Op.Exp] = [[0, -0.0, 1, -1, 0.5, 10.25, -87, -100, -103.9, -105, 88.7, 89, -Inf, Inf, NaN]],
        [Op.Exp2] = [[0, 1, -1, 0.5, 10.25, -120, 127, 200, -Inf, Inf, NaN]],
        [Op.Log2] = [[1, 2, 0.75, 1e-30, 3e30, 0, -0.0, -1, Inf, NaN]],
        [Op.Sin] = [[0, -0.0, 1, -3, 100, 1e4, -3e5, 1e22, -Inf, Inf, NaN]],
        [Op.Cos] = [[0, -0.0, 1, -3, 100, 1e4, -3e5, 1e22, -Inf, Inf, NaN]],
        [Op.Erf] = [[0, -0.0, 1e-10, 0.3, -1, 2, -3.9, 5, -Inf, Inf, NaN]],
        [Op.Sqrt] = [[0, -0.0, 4, 2, 1e-30, -1, Inf, NaN]],
        [Op.Recip] = [[0.5, -2, 3, 1e10, 0, -0.0, double.PositiveInfinity, double.NaN]],
        [Op.Trunc] = [[0.5, -0.5, 2.999, -7.1, 1e10, -0.0, -Inf, NaN]],
        [Op.Neg] = [[0, -0.0, 3, -Inf, NaN]],
        [Op.Add] = [[0, -0.0, 1, -2.5, Inf, NaN], [0, -0.0, 3, 1e8, -Inf]],
        [Op.Mul] = [[0, -0.0, 1, -2.5, Inf, NaN], [0, 3, 1e8, -Inf]],
        [Op.Div] = [[0, 1, -2.5, Inf, NaN], [0, -0.0, 3, 1e8, -Inf]],
        [Op.Max] = [[0, -0.0, 1, -2.5, Inf, -Inf, NaN], [0, -0.0, -1, 3, Inf, -Inf, NaN]],
        [Op.IDiv] = [[7, -7, 6, 0, int.MaxValue], [3, -3, 1, 2]],
        [Op.Mod] = [[7, -7, 5.5, 0, 1e6], [3, -3, 0.75]],
        [Op.CmpLt] = [[0, -0.0, 1, -2.5, Inf, NaN], [0, 1, Inf, NaN]],
        [Op.CmpNe] = [[0, -0.0, 1, -2.5, Inf, NaN], [0, 1, Inf, NaN]],
        [Op.And] = [[0, 1, 6, -1], [3, 5, -8]],
        [Op.Or] = [[0, 1, 6, -1], [3, 5, -8]],
        [Op.Xor] = [[0, 1, 6, -1], [3, 5, -8]],
        [Op.Shl] = [[0, 1, 6, -1], [0, 1, 30]],
        [Op.Shr] = [[0, 1, 6, -1, int.MinValue], [0, 1, 30]],
    };

    public static TheoryData<Op> Primitives => [.. Enum.GetValues<Op>().Where(op => op.IsUnary || op.IsBinary)];

    [Theory]
    [MemberData(nameof(Primitives))]
    public void Primitive_AllCombinations_IsWhatTheTableSays(Op op)
    {
        Rows.ShouldContainKey(op, "every elementwise primitive has a row here");
        if (op.Info is { Float: null, Integer: { } onIntegers }) Check(op, DType.I32, (a, b) => onIntegers((long)a, (long)b));
        else
        {
            Check(op, DType.F32, op.Info.Float!);
            Check(op, DType.F64, op.Info.Float!);
        }
    }

    static void Check(Op op, DType dtype, Func<double, double, double> meaning)
    {
        var rows = Rows[op];
        // Longer than any vector and no multiple of one, so that each value occurs in a vector and in what is left.
        var pairs = rows[0].SelectMany(a => (rows.Length > 1 ? rows[1] : [0.0]).Select(b => (A: a, B: b))).ToList();
        while (pairs.Count < 67) pairs.AddRange(pairs.ToList());
        if (pairs.Count % 2 == 0) pairs.RemoveAt(0);
        Tensor Operand(Func<(double A, double B), double> f) => Tensor.From(pairs.Select(f).ToArray()).To(dtype).Realize();
        Tensor a = Operand(p => p.A), b = Operand(p => p.B);
        var node = op.IsUnary ? Build.Unary(op, a.Node) : Build.Binary(op, a.Node, b.Node);
        double[] x = a.ToArray<double>(), y = b.ToArray<double>(), got = new Tensor(node).ToArray<double>();
        for (int i = 0; i < got.Length; i++)
        {
            double exact = meaning(x[i], y[i]);
            double expected = node.DType.IsFloat ? Numbers.Round(dtype, exact) : node.DType == DType.Bool ? exact : Numbers.Wrap(dtype, (long)exact);
            double ulps = op.IsTranscendental && double.IsFinite(expected) ? (op == Op.Erf ? 6 : 4) * (dtype == DType.F32 ? 6e-8 : 2e-16) * Math.Abs(expected) + (dtype == DType.F32 ? float.Epsilon : 0) : 0;
            bool same = ulps > 0 ? Math.Abs(got[i] - expected) <= ulps : got[i].Equals(expected) && (op != Op.Max || double.IsNegative(got[i]) == double.IsNegative(expected) || double.IsNaN(expected));
            same.ShouldBeTrue($"{op} of {dtype.Name} {x[i]} and {y[i]} is {got[i]}, expected {expected}, at {i}");
        }
    }

    [Theory]
    [MemberData(nameof(Primitives))]
    public void Primitive_HasAGradientOrIsDeclaredToHaveNone(Op op)
    {
        var a = Tensor.From<double>(op.Info.Float is null ? [3, 4] : [0.5, 1.5]).To(op.Info.Float is null ? DType.I32 : DType.F64).Realize().Node;
        var n = op.IsUnary ? Build.Unary(op, a) : Build.Binary(op, a, a);
        for (int i = 0; i < n.Src.Count; i++)
        {
            var g = Gradient.Of(n, i, Build.Const(n.DType, n.Shape, 1L)); // throws where there is no rule
            if (g is not null) (g.DType, g.Shape).ShouldBe((a.DType, a.Shape));
        }
    }
}
