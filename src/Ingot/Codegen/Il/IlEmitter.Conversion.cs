using System.Reflection.Emit;
using Ingot.Graph;
using Ingot.Kernels;

namespace Ingot.Codegen.Il;

/// <summary>From one element type to another, and narrow integers kept in their range.</summary>
sealed partial class IlEmitter
{
    void Reinterpret(Node n, bool vector)
    {
        var from = n.src[0].DType;
        Value(n.src[0], vector);
        if (vector)
        {
            if (Element(from) != Element(n.DType)) il.Emit(OpCodes.Call, vectors.Reinterpret(Element(from), Element(n.DType)));
            return;
        }
        Type a = Instructions.Scalar(from), b = Instructions.Scalar(n.DType);
        string? name = (from, n.DType) switch
        {
            (DType.F32, DType.I32 or DType.U32) => "SingleToInt32Bits",
            (DType.I32 or DType.U32, DType.F32) => "Int32BitsToSingle",
            (DType.F64, DType.I64 or DType.U64) => "DoubleToInt64Bits",
            (DType.I64 or DType.U64, DType.F64) => "Int64BitsToDouble",
            _ => null,
        };
        if (from.Size == 2 && (from.IsFloat || n.DType.IsFloat)) ReinterpretHalf(from, n.DType);
        else if (name is not null) il.Emit(OpCodes.Call, typeof(BitConverter).GetMethod(name)!);
        else if (from.IsFloat || n.DType.IsFloat) throw new DTypeException($"a bitcast of {from.Name} to {n.DType.Name} is not supported; cast through float32");
        else if (a != b || from != n.DType) Wrap(n.DType);
    }

    /// <summary>Two bytes as another type; 16-bit floats are on the stack as float32.</summary>
    void ReinterpretHalf(DType from, DType to)
    {
        if (from.IsFloat) il.Emit(OpCodes.Call, ScalarMethod("Bits", from));
        if (to.IsFloat)
        {
            Wrap(DType.U16);
            il.Emit(OpCodes.Call, ScalarMethod("OfBits", to));
        }
        else Wrap(to);
    }

    /// <summary>Brings an integer on the stack into the range of a narrow type.</summary>
    void Wrap(DType t)
    {
        switch (t)
        {
            case DType.I8: il.Emit(OpCodes.Conv_I1); break;
            case DType.U8: il.Emit(OpCodes.Conv_U1); break;
            case DType.I16: il.Emit(OpCodes.Conv_I2); break;
            case DType.U16: il.Emit(OpCodes.Conv_U2); break;
            case DType.I32: il.Emit(OpCodes.Conv_I4); break;
            case DType.U32: il.Emit(OpCodes.Conv_U4); break;
        }
    }

    void Convert(Node n, bool vector)
    {
        var from = n.src[0].DType;
        var to = n.DType;
        if (vector) { ConvertVector(n, from, to); return; }
        Value(n.src[0], false);
        if (to == DType.Bool)
        {
            Constant(Build.Const(from, Shape.Scalar, 0L));
            il.Emit(OpCodes.Ceq);
            il.Emit(OpCodes.Ldc_I4_0);
            il.Emit(OpCodes.Ceq);
            return;
        }
        switch (to)
        {
            case DType.F64:
                if (from is DType.U32 or DType.U64) il.Emit(OpCodes.Conv_R_Un);
                il.Emit(OpCodes.Conv_R8);
                break;
            case DType.F32 or DType.F16 or DType.BF16:
                if (from is DType.U32 or DType.U64) il.Emit(OpCodes.Conv_R_Un);
                il.Emit(OpCodes.Conv_R4);
                if (to != DType.F32 && from != to) il.Emit(OpCodes.Call, ScalarMethod("Round", to));
                break;
            case DType.I64:
                il.Emit(from is DType.U32 ? OpCodes.Conv_U8 : OpCodes.Conv_I8);
                break;
            case DType.U64:
                il.Emit(from.IsFloat || from.IsUnsigned ? OpCodes.Conv_U8 : OpCodes.Conv_I8);
                break;
            default:
                if (from.IsFloat) il.Emit(OpCodes.Conv_I8);
                Wrap(to);
                break;
        }
    }

    void ConvertVector(Node n, DType from, DType to)
    {
        var x = n.src[0];
        int natural = Natural(currentLanes);
        if (from == DType.I64 && natural == 4) { IndexVector(x); from = DType.I32; }
        else if (from == DType.I64 && x.Op is Op.Range or Op.Add or Op.Mul && IsVector(x) && !InLocal(x, true) && Ir.All(x).TrueForAll(y => y.Op is Op.Range or Op.Add or Op.Mul or Op.Const)) IndexVector(x);
        else Value(x, true);
        Type a = Element(from), b = Element(to), va = vectors.VectorOf(a), vb = vectors.VectorOf(b);
        void Call(string name, Type element, params Type[] p) => il.Emit(OpCodes.Call, vectors.Method(name, element, p));
        if (to == DType.Bool)
        {
            il.Emit(OpCodes.Call, vectors.Zero(a));
            Call("Equals", a, va, va);
            Call("OnesComplement", a, va);
            if (a != b) il.Emit(OpCodes.Call, vectors.Reinterpret(a, b));
            return;
        }
        if (from == DType.Bool)
        {
            // A mask selects bits of one.
            if (a != b) il.Emit(OpCodes.Call, vectors.Reinterpret(a, b));
            Constant(Build.Const(to, Shape.Scalar, 1L));
            il.Emit(OpCodes.Call, vectors.Method("Create", b, b));
            Call("BitwiseAnd", b, vb, vb);
            return;
        }
        if (from.IsFloat && to.IsFloat)
        {
            if (to is DType.BF16 or DType.F16 && from != to) il.Emit(OpCodes.Call, Narrowed("Round", to, vb));
            return;
        }
        if (from.IsFloat)
        {
            Call(b == typeof(uint) ? "ConvertToUInt32" : b == typeof(int) ? "ConvertToInt32" : "ConvertToInt64", a, va);
            WrapVector(to);
            return;
        }
        if (to.IsFloat)
        {
            Call(b == typeof(double) ? "ConvertToDouble" : "ConvertToSingle", a, va);
            if (to is DType.BF16 or DType.F16) il.Emit(OpCodes.Call, Narrowed("Round", to, vb));
            return;
        }
        if (a != b) il.Emit(OpCodes.Call, vectors.Reinterpret(a, b));
        if (to.Size < from.Size || to.IsUnsigned != from.IsUnsigned) WrapVector(to);
    }

    /// <summary>Narrow integers in 32-bit lanes: sign or zero extended again.</summary>
    void WrapVector(DType t)
    {
        if (t is not (DType.I8 or DType.U8 or DType.I16 or DType.U16)) return;
        int bits = 32 - 8 * t.Size;
        var v = vectors.VectorOf(typeof(int));
        foreach (string shift in new[] { "ShiftLeft", t.IsUnsigned ? "ShiftRightLogical" : "ShiftRightArithmetic" })
        {
            il.Emit(OpCodes.Ldc_I4, bits);
            il.Emit(OpCodes.Call, vectors.Method(shift, typeof(int), v, typeof(int)));
        }
    }
}
