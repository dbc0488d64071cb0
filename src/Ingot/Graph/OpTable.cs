namespace Ingot.Graph;

/// <summary>How an elementwise operation's result type follows from its operands'.</summary>
public enum DTypeRule : byte { Same, Bool, OfSecond, Given }

/// <summary>One row a primitive: arity, dtype rule, algebra, and its meaning on C# scalars, which the interpreter and constant folding use.</summary>
/// <param name="Arity">Operands.</param>
/// <param name="Rule">How the result's dtype follows.</param>
/// <param name="Float">Meaning on floating point numbers (computed in double, rounded to the dtype by the caller).</param>
/// <param name="Integer">Meaning on integers and booleans (computed in 64 bits, wrapped to the dtype by the caller).</param>
/// <param name="Commutative">a op b = b op a.</param>
public sealed record OpInfo(int Arity, DTypeRule Rule, Func<double, double, double>? Float, Func<long, long, long>? Integer, bool Commutative = false);

/// <summary>The op table: the one place that says what each elementwise primitive means.</summary>
public static class OpTable
{
    static readonly OpInfo?[] Rows = Build();

    static OpInfo?[] Build()
    {
        var t = new OpInfo?[Enum.GetValues<Op>().Length];
        void Row(Op op, int arity, DTypeRule rule, Func<double, double, double>? f, Func<long, long, long>? i, bool commutative = false) =>
            t[(int)op] = new(arity, rule, f, i, commutative);

        Row(Op.Exp, 1, DTypeRule.Same, (a, _) => Math.Exp(a), null);
        Row(Op.Exp2, 1, DTypeRule.Same, (a, _) => Math.Pow(2, a), null);
        Row(Op.Log2, 1, DTypeRule.Same, (a, _) => Math.Log2(a), null);
        Row(Op.Sin, 1, DTypeRule.Same, (a, _) => Math.Sin(a), null);
        Row(Op.Cos, 1, DTypeRule.Same, (a, _) => Math.Cos(a), null);
        Row(Op.Erf, 1, DTypeRule.Same, (a, _) => ErrorFunction.Erf(a), null);
        Row(Op.Sqrt, 1, DTypeRule.Same, (a, _) => Math.Sqrt(a), null);
        Row(Op.Recip, 1, DTypeRule.Same, (a, _) => 1 / a, null);
        Row(Op.Trunc, 1, DTypeRule.Same, (a, _) => Math.Truncate(a), (a, _) => a);
        Row(Op.Neg, 1, DTypeRule.Same, (a, _) => -a, (a, _) => -a);

        Row(Op.Add, 2, DTypeRule.Same, (a, b) => a + b, (a, b) => a + b, true);
        Row(Op.Mul, 2, DTypeRule.Same, (a, b) => a * b, (a, b) => a * b, true);
        Row(Op.Div, 2, DTypeRule.Same, (a, b) => a / b, null);
        Row(Op.Max, 2, DTypeRule.Same, Math.Max, Math.Max, true);
        Row(Op.IDiv, 2, DTypeRule.Same, null, FloorDiv);
        Row(Op.Mod, 2, DTypeRule.Same, FloorMod, (a, b) => b == 0 ? 0 : a - FloorDiv(a, b) * b);
        Row(Op.CmpLt, 2, DTypeRule.Bool, (a, b) => a < b ? 1 : 0, (a, b) => a < b ? 1 : 0);
        Row(Op.CmpNe, 2, DTypeRule.Bool, (a, b) => a != b ? 1 : 0, (a, b) => a != b ? 1 : 0, true);
        Row(Op.And, 2, DTypeRule.Same, null, (a, b) => a & b, true);
        Row(Op.Or, 2, DTypeRule.Same, null, (a, b) => a | b, true);
        Row(Op.Xor, 2, DTypeRule.Same, null, (a, b) => a ^ b, true);
        Row(Op.Shl, 2, DTypeRule.Same, null, (a, b) => a << (int)b);
        Row(Op.Shr, 2, DTypeRule.Same, null, (a, b) => a >> (int)b);

        t[(int)Op.Where] = new(3, DTypeRule.OfSecond, null, null);
        t[(int)Op.Cast] = new(1, DTypeRule.Given, null, null);
        t[(int)Op.Bitcast] = new(1, DTypeRule.Given, null, null);
        return t;
    }

    /// <summary>Rounds towards minus infinity; 0 when the divisor is 0 (the machine would trap).</summary>
    public static long FloorDiv(long a, long b)
    {
        if (b == 0) return 0;
        if (b == -1) return unchecked(-a); // long.MinValue / -1 traps
        long q = a / b;
        return (a % b != 0) && ((a < 0) != (b < 0)) ? q - 1 : q;
    }

    /// <summary>PyTorch's remainder: the sign of the divisor.</summary>
    public static double FloorMod(double a, double b)
    {
        double m = a % b; // has the sign of a
        return m != 0 && (m < 0) != (b < 0) ? m + b : m;
    }

    extension(Op op)
    {
        /// <summary>The row of an elementwise primitive.</summary>
        /// <exception cref="InvalidOperationException">The op is not elementwise.</exception>
        public OpInfo Info => Rows[(int)op] ?? throw new InvalidOperationException($"{op} is not elementwise");

        public bool IsElementwise => Rows[(int)op] is not null;

        public bool IsUnary => op is >= Op.Exp and <= Op.Neg;

        /// <summary>No instruction computes it: kernels have a polynomial, or call the framework element by element. Neither need round as the table's meaning does.</summary>
        public bool IsTranscendental => op is >= Op.Exp and <= Op.Erf;

        public bool IsBinary => op is >= Op.Add and <= Op.Shr;

        public bool IsMovement => op is >= Op.Reshape and <= Op.Unwindow;

        /// <summary>Ops that change nothing about the values: the compiler looks through them.</summary>
        public bool IsMark => op is Op.Leaf or Op.Detach;
    }
}
