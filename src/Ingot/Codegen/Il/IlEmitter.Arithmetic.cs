using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.Intrinsics.X86;
using Ingot.Graph;
using Ingot.Kernels;

namespace Ingot.Codegen.Il;

/// <summary>Operations to instructions.</summary>
sealed partial class IlEmitter
{
    /// <summary>Lane-dependent index arithmetic as 32-bit (or 64-bit) integers.</summary>
    void IndexVector(Node n)
    {
        var element = Natural(currentLanes) == 8 ? typeof(long) : typeof(int);
        void Narrow() { if (element == typeof(int)) il.Emit(OpCodes.Conv_I4); }
        if (!IsVector(n))
        {
            Value(n, false);
            Narrow();
            il.Emit(OpCodes.Call, vectors.Method("Create", element, element));
        }
        else if (Ir.IsLane(n)) il.Emit(OpCodes.Call, vectors.Indices(element));
        else if (n.Op is Op.Add or Op.Mul)
        {
            IndexVector(n.src[0]);
            IndexVector(n.src[1]);
            il.Emit(OpCodes.Call, vectors.Method(n.Op == Op.Add ? "Add" : "Multiply", element, vectors.VectorOf(element), vectors.VectorOf(element)));
        }
        else
        {
            int lanes = Lanes(n);
            for (int i = 0; i < lanes; i++)
            {
                Value(AtLane(n, i), false);
                Narrow();
            }
            il.Emit(OpCodes.Call, vectors.Method("Create", element, [.. Enumerable.Repeat(element, lanes)]));
        }
    }

    void FusedMultiplyAdd(DType t, bool vector)
    {
        if (vector)
        {
            var v = vectors.VectorOf(Element(t));
            il.Emit(OpCodes.Call, vectors.Method("FusedMultiplyAdd", Element(t), v, v, v));
        }
        else il.Emit(OpCodes.Call, t == DType.F64 ? typeof(Math).GetMethod(nameof(Math.FusedMultiplyAdd))! : typeof(MathF).GetMethod(nameof(MathF.FusedMultiplyAdd))!);
    }

    void Choose(Node n, bool vector)
    {
        if (n.Arg is RareArg) { ChooseRarely(n, vector); return; }
        if (vector)
        {
            var element = Element(n.DType);
            if (SmallerOrLarger(n) is { } name)
            {
                // One instruction: what x86 does with NaN and with zeros of both signs is this very select, the second operand wherever the comparison is false.
                Value(n.src[1], true);
                Value(n.src[2], true);
                il.Emit(OpCodes.Call, vectors.Method(name, element, vectors.VectorOf(element), vectors.VectorOf(element)));
                return;
            }
            Select(element, () => Value(n.src[0], true), () => Value(n.src[1], true), () => Value(n.src[2], true));
            return;
        }
        // Both sides are computed before the branch, so that what they share is in a local of this scope on either path.
        LocalBuilder a = Kept(n.src[1]), b = Kept(n.src[2]);
        Label no = il.DefineLabel(), end = il.DefineLabel();
        var result = il.DeclareLocal(RegisterType(n.DType, false));
        Value(n.src[0], false);
        il.Emit(OpCodes.Brfalse, no);
        il.Emit(OpCodes.Ldloc, a);
        il.Emit(OpCodes.Stloc, result);
        il.Emit(OpCodes.Br, end);
        il.MarkLabel(no);
        il.Emit(OpCodes.Ldloc, b);
        il.Emit(OpCodes.Stloc, result);
        il.MarkLabel(end);
        il.Emit(OpCodes.Ldloc, result);

        LocalBuilder Kept(Node x)
        {
            Value(x, false);
            var local = il.DeclareLocal(RegisterType(x.DType, false));
            il.Emit(OpCodes.Stloc, local);
            return local;
        }
    }

    /// <summary>Lanes of yes where the mask is true, of no elsewhere; each action pushes its vector.</summary>
    void Select(Type element, Action mask, Action yes, Action no)
    {
        void PushMask()
        {
            mask();
            if (Element(DType.Bool) is var bits && bits != element) il.Emit(OpCodes.Call, vectors.Reinterpret(bits, element));
        }
        if (vectors.Blend(element) is { } blend)
        {
            no();
            yes();
            PushMask();
            il.Emit(OpCodes.Call, blend);
            return;
        }
        PushMask();
        yes();
        no();
        var v = vectors.VectorOf(element);
        il.Emit(OpCodes.Call, vectors.Method("ConditionalSelect", element, v, v, v));
    }

    /// <summary>a &lt; b ? a : b is a minimum, a &lt; b ? b : a a maximum; elsewhere than on x86 the instructions differ in NaN and signs of zeros.</summary>
    static string? SmallerOrLarger(Node n) => n is { src: [{ Op: Op.CmpLt, src: [var a, var b] }, var yes, var no] } && n.DType is DType.F32 or DType.F64 && X86Base.IsSupported
        ? (yes, no) == (a, b) ? "MinNative" : (yes, no) == (b, a) ? "MaxNative" : null
        : null;

    /// <summary>The third operand is computed only where the condition fails: in a vector, where it fails in any lane.</summary>
    void ChooseRarely(Node n, bool vector)
    {
        var result = il.DeclareLocal(RegisterType(n.DType, vector));
        var condition = il.DeclareLocal(RegisterType(DType.Bool, vector));
        var end = il.DefineLabel();
        Value(n.src[1], vector);
        il.Emit(OpCodes.Stloc, result);
        Value(n.src[0], vector);
        il.Emit(OpCodes.Stloc, condition);
        il.Emit(OpCodes.Ldloc, condition);
        if (vector)
        {
            var mask = Element(DType.Bool);
            il.Emit(OpCodes.Call, vectors.AllOnes(mask));
            il.Emit(OpCodes.Call, vectors.Method("EqualsAll", mask, vectors.VectorOf(mask), vectors.VectorOf(mask)));
        }
        il.Emit(OpCodes.Brtrue, end);
        scopes.Add(new(Depth)); // what is computed here is unknown behind the branch
        if (vector) Select(Element(n.DType), () => il.Emit(OpCodes.Ldloc, condition), () => il.Emit(OpCodes.Ldloc, result), () => Value(n.src[2], true));
        else Value(n.src[2], false);
        il.Emit(OpCodes.Stloc, result);
        scopes.RemoveAt(scopes.Count - 1);
        il.MarkLabel(end);
        il.Emit(OpCodes.Ldloc, result);
    }

    void Compare(Node n, bool vector)
    {
        var t = n.src[0].DType;
        if (!vector)
        {
            foreach (var s in n.src) Value(s, false);
            if (n.Op == Op.CmpLt) il.Emit(t.IsUnsigned ? OpCodes.Clt_Un : OpCodes.Clt);
            else
            {
                il.Emit(OpCodes.Ceq);
                il.Emit(OpCodes.Ldc_I4_0);
                il.Emit(OpCodes.Ceq);
            }
            return;
        }
        Type element;
        if (t == DType.I64 && Natural(currentLanes) == 4)
        {
            element = typeof(int);
            foreach (var s in n.src) IndexVector(s);
        }
        else if (t == DType.I64)
        {
            element = typeof(long);
            foreach (var s in n.src) if (s.Op is Op.Range or Op.Add or Op.Mul) IndexVector(s); else Value(s, true);
        }
        else
        {
            element = Element(t);
            foreach (var s in n.src) Value(s, true);
        }
        var v = vectors.VectorOf(element);
        // A true lane has all bits set: as the number it is compared as, -1.
        il.Emit(OpCodes.Call, vectors.Method(n.Op != Op.CmpLt ? "Equals" : t == DType.Bool ? "GreaterThan" : "LessThan", element, v, v));
        if (n.Op == Op.CmpNe) il.Emit(OpCodes.Call, vectors.Method("OnesComplement", element, v));
        var mask = Element(DType.Bool);
        if (mask != element) il.Emit(OpCodes.Call, vectors.Reinterpret(element, mask));
    }

    /// <summary>a &lt; b or a = b, of floats: how the graph writes a &lt;= b.</summary>
    static bool IsAtMost(Node n) =>
        n is { src: [{ Op: Op.CmpLt, src: [var a, var b] }, { Op: Op.Xor, src: [{ Op: Op.CmpNe, src: [var c, var d] }, var one] }] } && one == Ir.True
        && a.DType is DType.F32 or DType.F64 && ((a, b) == (c, d) || (a, b) == (d, c));

    /// <summary>a &lt;= b in one comparison, for a node that says a &lt; b.</summary>
    void AtMost(Node less, bool vector)
    {
        foreach (var s in less.src) Value(s, vector);
        if (!vector)
        {
            il.Emit(OpCodes.Cgt_Un); // greater, or not comparable
            il.Emit(OpCodes.Ldc_I4_0);
            il.Emit(OpCodes.Ceq);
            return;
        }
        Type element = Element(less.src[0].DType), mask = Element(DType.Bool), v = vectors.VectorOf(element);
        il.Emit(OpCodes.Call, vectors.Method("LessThanOrEqual", element, v, v));
        if (mask != element) il.Emit(OpCodes.Call, vectors.Reinterpret(element, mask));
    }

    /// <summary>The operation on operands that are on the stack.</summary>
    void Arithmetic(Op op, DType t, bool vector)
    {
        if (vector) { VectorArithmetic(op, t); return; }
        void Call(Type type, string name, params Type[] p) => il.Emit(OpCodes.Call, type.GetMethod(name, p) ?? throw new MissingMethodException(type.Name, name));
        bool f64 = t == DType.F64;
        var real = f64 ? typeof(double) : typeof(float);
        var math = f64 ? typeof(Math) : typeof(MathF);
        switch (op)
        {
            case Op.Add: if (t == DType.Bool) il.Emit(OpCodes.Or); else { il.Emit(OpCodes.Add); Wrap(t); } break;
            case Op.Mul: if (t == DType.Bool) il.Emit(OpCodes.And); else { il.Emit(OpCodes.Mul); Wrap(t); } break;
            case Op.Div: il.Emit(OpCodes.Div); break;
            case Op.Neg: il.Emit(OpCodes.Neg); Wrap(t); break;
            case Op.Sqrt: Call(math, "Sqrt", real); break;
            case Op.Trunc: if (t.IsFloat) Call(math, "Truncate", real); break;
            case Op.Max when t.IsFloat: Call(math, "Max", real, real); break;
            case Op.Max when t == DType.Bool: il.Emit(OpCodes.Or); break;
            case Op.Max:
                var s = t switch { DType.I64 => typeof(long), DType.U64 => typeof(ulong), DType.U32 => typeof(uint), _ => typeof(int) };
                Call(typeof(Math), "Max", s, s);
                break;
            case Op.And: il.Emit(OpCodes.And); break;
            case Op.Or: il.Emit(OpCodes.Or); break;
            case Op.Xor: il.Emit(OpCodes.Xor); break;
            case Op.Shl or Op.Shr:
                if (t.Size == 8) il.Emit(OpCodes.Conv_I4);
                il.Emit(op == Op.Shl ? OpCodes.Shl : t.IsUnsigned ? OpCodes.Shr_Un : OpCodes.Shr);
                Wrap(t);
                break;
            case var _ when op.IsTranscendental:
                il.Emit(OpCodes.Ldc_I4, (int)op);
                Call(typeof(ElementByElement), nameof(ElementByElement.Of), real, typeof(Op));
                break;
            case Op.Mod when t.IsFloat:
                WidenBoth();
                Call(typeof(OpTable), nameof(OpTable.FloorMod), typeof(double), typeof(double));
                if (!f64) il.Emit(OpCodes.Conv_R4);
                break;
            case Op.IDiv or Op.Mod:
                if (t.Size < 8) WidenIntegers(t);
                Call(typeof(IlEmitter), op == Op.IDiv ? nameof(FloorDiv) : nameof(FloorModInteger), typeof(long), typeof(long));
                if (t.Size < 8) { il.Emit(OpCodes.Conv_I4); Wrap(t); }
                break;
            default: throw new InvalidOperationException($"{op} of {t.Name} has no scalar instruction");
        }

        void WidenBoth()
        {
            if (f64) return;
            var second = il.DeclareLocal(typeof(double));
            il.Emit(OpCodes.Conv_R8);
            il.Emit(OpCodes.Stloc, second);
            il.Emit(OpCodes.Conv_R8);
            il.Emit(OpCodes.Ldloc, second);
        }
        void WidenIntegers(DType type)
        {
            var conv = type == DType.U32 ? OpCodes.Conv_U8 : OpCodes.Conv_I8;
            var second = il.DeclareLocal(typeof(long));
            il.Emit(conv);
            il.Emit(OpCodes.Stloc, second);
            il.Emit(conv);
            il.Emit(OpCodes.Ldloc, second);
        }
    }

    public static long FloorDiv(long a, long b) => OpTable.FloorDiv(a, b);

    public static long FloorModInteger(long a, long b) => b == 0 ? 0 : a - OpTable.FloorDiv(a, b) * b;

    void VectorArithmetic(Op op, DType t)
    {
        var element = Element(t);
        var v = vectors.VectorOf(element);
        string name = op switch
        {
            Op.Add => t == DType.Bool ? "BitwiseOr" : "Add",
            Op.Mul => t == DType.Bool ? "BitwiseAnd" : "Multiply",
            Op.Div => "Divide",
            Op.Max => t == DType.Bool ? "BitwiseOr" : "Max",
            Op.And => "BitwiseAnd",
            Op.Or => "BitwiseOr",
            Op.Xor => "Xor",
            Op.Neg => "Negate",
            Op.Sqrt => "Sqrt",
            Op.Trunc when t.IsFloat => "Truncate",
            Op.Trunc => "",
            _ when op.IsTranscendental => nameof(ElementByElement),
            _ => throw new InvalidOperationException($"{op} of {t.Name} has no vector instruction"),
        };
        if (name == "") return;
        if (op == Op.Max && t.IsFloat && vectors.Unordered(element) is { } unordered) { VectorMaximum(element, unordered); return; }
        if (op.IsTranscendental)
        {
            il.Emit(OpCodes.Ldc_I4, (int)op);
            il.Emit(OpCodes.Call, typeof(ElementByElement).GetMethod(nameof(ElementByElement.Of), [v, typeof(Op)])!);
            return;
        }
        if (name == "Negate" && !t.IsFloat)
        {
            il.Emit(OpCodes.Call, vectors.Method("Negate", element, v));
            return;
        }
        il.Emit(OpCodes.Call, op.IsUnary ? vectors.Method(name, element, v) : vectors.Method(name, element, v, v));
    }

    /// <summary>
    /// IEEE 754's maximum in five instructions, where the framework's Max takes nine without AVX-512. x86's is its second operand where both are zeros or one is
    /// NaN: of both orders, "and" makes the positive zero of two; and all bits set is a NaN.
    /// </summary>
    void VectorMaximum(Type element, MethodInfo unordered)
    {
        var v = vectors.VectorOf(element);
        LocalBuilder a = il.DeclareLocal(v), b = il.DeclareLocal(v);
        void Both(LocalBuilder first, LocalBuilder second, MethodInfo method)
        {
            il.Emit(OpCodes.Ldloc, first);
            il.Emit(OpCodes.Ldloc, second);
            il.Emit(OpCodes.Call, method);
        }
        il.Emit(OpCodes.Stloc, b);
        il.Emit(OpCodes.Stloc, a);
        Both(a, b, vectors.Method("MaxNative", element, v, v));
        Both(b, a, vectors.Method("MaxNative", element, v, v));
        il.Emit(OpCodes.Call, vectors.Method("BitwiseAnd", element, v, v));
        Both(a, b, unordered);
        il.Emit(OpCodes.Call, vectors.Method("BitwiseOr", element, v, v));
    }
}
