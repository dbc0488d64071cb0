using System.Reflection.Emit;
using Ingot.Graph;
using Ingot.Kernels;
using Ingot.Runtime;

namespace Ingot.Codegen.Il;

/// <summary>What each node computes, as a scalar on the evaluation stack or as a vector; and which of the two.</summary>
sealed partial class IlEmitter
{
    /// <summary>Bytes of a lane where vectors have this many lanes: 4 or 8.</summary>
    int Natural(int lanes) => vectorBytes / lanes;

    readonly Dictionary<Node, int> laneCounts = new(ReferenceEqualityComparer.Instance);

    int Lanes(Node n)
    {
        if (laneCounts.TryGetValue(n, out int known)) return known;
        int lanes = n.Arg is LaneArg l ? l.Lanes : 0;
        foreach (var s in n.src) if (lanes == 0 && IsVector(s)) lanes = Lanes(s);
        return laneCounts[n] = lanes;
    }

    /// <summary>Lanes of the vector code being emitted: a step has one lane count.</summary>
    int currentLanes;

    Type RegisterType(DType t, bool vector) => vector ? vectors.VectorOf(Instructions.Register(t, Natural(currentLanes))!) : Instructions.Scalar(t);

    Type Element(DType t) => Instructions.Register(t, Natural(currentLanes)) ?? throw new InvalidOperationException($"{t} has no vector form");

    readonly Dictionary<(Node, int), Node> atLane = [];

    /// <summary>The value in one lane, as a scalar expression.</summary>
    Node AtLane(Node n, int lane)
    {
        if (atLane.TryGetValue((n, lane), out var known)) return known;
        var key = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
        foreach (var x in Ir.All(n))
        {
            if (Ir.IsLane(x)) key[x] = Ir.Int(lane);
            else if (x.Op == Op.Across) key[x] = x; // its operand's lanes are its own, though equal lanes are one node
        }
        var scalar = Ir.Substitute(n, key);
        Count(scalar);
        return atLane[(n, lane)] = scalar;
    }

    /// <summary>No vector instruction for this node: its lanes are computed one by one.</summary>
    bool MustSplit(Node n) => split.TryGetValue(n, out bool known) ? known : split[n] = Splits(n);

    readonly Dictionary<Node, bool> split = new(ReferenceEqualityComparer.Instance);

    bool Splits(Node n)
    {
        if (HoldsVectorAccumulator(n)) return false; // its lanes exist only together
        int natural = Natural(Lanes(n));
        if (Instructions.Register(n.DType, natural) is null) return true;
        bool Fits(Node s) => !IsVector(s) || Instructions.Register(s.DType, natural) is not null;
        switch (n.Op)
        {
            case Op.Load:
                var form = IndexMath.Of(n.src[0]);
                long unit = 0;
                foreach (var (atom, factor) in form.Terms)
                    if (Ir.IsLane(atom)) unit = factor;
                    else if (IsVector(atom)) return true;
                return !(unit == 1 || IsEverySecond(n, unit)) || (n.src.Length > 1 && IsVector(n.src[1]) && !IsMonotone(n.src[1]));
            case Op.Range: return false;
            case Op.IDiv or Op.Mod: return true;
            case Op.Shl or Op.Shr: return n.DType is not (DType.I32 or DType.U32 or DType.I64) || IsVector(n.src[1]);
            case Op.CmpLt or Op.CmpNe or Op.Cast when IsVector(n.src[0]) || (n.src.Length > 1 && IsVector(n.src[1])):
                if (n.src[0].DType == DType.I64 && natural == 4) return !Array.TrueForAll(n.src, FitsInt32);
                if (n.Op == Op.Cast && natural == 8) return !(n.src[0].DType is DType.F64 or DType.I64 or DType.Bool) || !Fits(n.src[0]);
                return !Array.TrueForAll(n.src, Fits) || n.src[0].DType is DType.U16 or DType.U8 or DType.I8 or DType.I16 && n.Op != Op.Cast;
            case Op.Add or Op.Mul or Op.Neg or Op.Max when n.DType is DType.U16 or DType.U8 or DType.I8 or DType.I16: return true;
            case Op.Max when n.DType == DType.Bool: return false;
            case Op.Bitcast: return n.DType.Size != natural || !Fits(n.src[0]);
            case Op.CheckIndex: return true;
            default: return !Array.TrueForAll(n.src, Fits);
        }
    }

    /// <summary>A stride of two floats, as a step of two over an image gives: two loads and a shuffle.</summary>
    static bool IsEverySecond(Node load, long stride) => stride == 2 && load.DType == DType.F32 && load.src.Length == 1;

    readonly Dictionary<Node, bool> holdsAccumulator = new(ReferenceEqualityComparer.Instance);

    bool HoldsVectorAccumulator(Node n)
    {
        if (holdsAccumulator.TryGetValue(n, out bool known)) return known;
        return holdsAccumulator[n] = n.Op == Op.Acc ? IsVector(n) : n.Op != Op.Across && Array.Exists(n.src, HoldsVectorAccumulator);
    }

    static bool FitsInt32(Node n) => IndexMath.Bounds(n) is { Min: >= int.MinValue, Max: <= int.MaxValue };

    /// <summary>A guard made of comparisons linear in the lane: true at both ends of a vector means true throughout.</summary>
    bool IsMonotone(Node guard) => guard switch
    {
        { Op: Op.And } => IsMonotone(guard.src[0]) && IsMonotone(guard.src[1]),
        { Op: Op.CmpLt } when guard.src[0].DType == DType.I64 => Array.TrueForAll(guard.src, s => !IndexMath.Of(s).Terms.Exists(t => !Ir.IsLane(t.Atom) && IsVector(t.Atom))),
        _ => !IsVector(guard),
    };

    /// <summary>Pushes a freshly computed value.</summary>
    void Compute(Node n, bool vector)
    {
        if (vector && IsVector(n)) currentLanes = Lanes(n);
        if (vector && !IsVector(n))
        {
            if (n.Op == Op.Const) { VectorConstant(n); return; }
            Value(n, false);
            Splat(n.DType);
            return;
        }
        if (vector && MustSplit(n)) { Split(n); return; }
        switch (n.Op)
        {
            case Op.Mul when vector && currentLanes == 16 && Transcendentals.AsScale(n) is var (x, exponent):
                Value(x, true);
                Value(exponent, true);
                il.Emit(OpCodes.Call, typeof(PowersOfTwo).GetMethod(nameof(PowersOfTwo.Scale))!);
                break;
            case Op.Const: Constant(n); break;
            case Op.Range: if (vector) IndexVector(n); else il.Emit(OpCodes.Ldloc, ranges[n]); break;
            case Op.Arg: Argument(n); break;
            case Op.Load: LoadValue(n, vector); break;
            case Op.CheckIndex:
                var check = (CheckArg)n.Arg!;
                Value(n.src[0], false);
                il.Emit(OpCodes.Ldc_I8, check.Extent);
                Word(0);
                il.Emit(OpCodes.Conv_I);
                il.Emit(OpCodes.Ldc_I8, (long)check.Site);
                il.Emit(OpCodes.Call, typeof(ScalarMemory).GetMethod(nameof(ScalarMemory.CheckIndex))!);
                break;
            case Op.Where: Choose(n, vector); break;
            case Op.Cast: Convert(n, vector); break;
            case Op.Bitcast: Reinterpret(n, vector); break;
            case Op.CmpLt or Op.CmpNe: Compare(n, vector); break;
            case Op.Or when IsAtMost(n) && !Array.Exists(n.src, s => InLocal(s, vector) || InLocal(s, false)) && !(vector && Array.Exists(n.src, s => IsVector(s) && MustSplit(s))): AtMost(n.src[0], vector); break;
            case Op.Fma:
                foreach (var s in n.src) Value(s, vector);
                FusedMultiplyAdd(n.DType, vector);
                break;
            case Op.Across:
                int outer = currentLanes;
                currentLanes = Lanes(n.src[0]);
                Value(n.src[0], true);
                string name = ((FoldArg)n.Arg!).Kind switch { Op.Add => "Sum", Op.Mul => "Product", _ => "Max" };
                il.Emit(OpCodes.Call, typeof(Across<>).MakeGenericType(Element(n.DType)).GetMethod(name, [vectors.VectorOf(Element(n.DType))])!);
                Wrap(n.DType);
                currentLanes = outer;
                break;
            case Op.Shl or Op.Shr when vector:
                Value(n.src[0], true);
                Value(n.src[1], false);
                if (n.DType == DType.I64) il.Emit(OpCodes.Conv_I4);
                string shift = n.Op == Op.Shl ? "ShiftLeft" : n.DType.IsUnsigned ? "ShiftRightLogical" : "ShiftRightArithmetic";
                il.Emit(OpCodes.Call, vectors.Method(shift, Element(n.DType), vectors.VectorOf(Element(n.DType)), typeof(int)));
                break;
            case Op.IDiv or Op.Mod when n.DType == DType.I64 && n.src[1].IntConst is > 0 && IndexMath.Bounds(n.src[0]).Min >= 0:
                Value(n.src[0], false);
                Value(n.src[1], false);
                il.Emit(n.Op == Op.IDiv ? OpCodes.Div_Un : OpCodes.Rem_Un);
                break;
            case Op.Add when n.src[1].Op == Op.Neg && n.DType != DType.Bool && !InLocal(n.src[1], vector) && !InLocal(n.src[1], false) && !(vector && IsVector(n.src[1]) && MustSplit(n.src[1])):
                Value(n.src[0], vector); // a + (-b) = a - b, also in floating point
                Value(n.src[1].src[0], vector);
                if (vector) il.Emit(OpCodes.Call, vectors.Method("Subtract", Element(n.DType), vectors.VectorOf(Element(n.DType)), vectors.VectorOf(Element(n.DType))));
                else { il.Emit(OpCodes.Sub); Wrap(n.DType); }
                break;
            default:
                foreach (var s in n.src) Value(s, vector);
                Arithmetic(n.Op, n.DType, vector);
                break;
        }
    }

    void Split(Node n)
    {
        int lanes = Lanes(n);
        for (int i = 0; i < lanes; i++)
        {
            Value(AtLane(n, i), false);
            if (n.DType == DType.Bool)
            {
                if (Natural(lanes) == 8) il.Emit(OpCodes.Conv_I8);
                il.Emit(OpCodes.Neg);
            }
        }
        currentLanes = lanes;
        var element = Instructions.Register(n.DType, Natural(lanes)) ?? throw new InvalidOperationException($"{n.DType} has no vector of {lanes} lanes");
        il.Emit(OpCodes.Call, vectors.Method("Create", element, [.. Enumerable.Repeat(element, lanes)]));
    }

    /// <summary>The scalar on the stack into every lane.</summary>
    void Splat(DType t)
    {
        var element = Element(t);
        if (t == DType.Bool)
        {
            if (element == typeof(long)) il.Emit(OpCodes.Conv_I8);
            il.Emit(OpCodes.Neg);
        }
        il.Emit(OpCodes.Call, vectors.Method("Create", element, element));
    }

    void Constant(Node n)
    {
        if (n.DType == DType.F64) il.Emit(OpCodes.Ldc_R8, n.Const!.Value);
        else if (n.DType.IsFloat) il.Emit(OpCodes.Ldc_R4, (float)n.Const!.Value);
        else if (n.DType.Size == 8) il.Emit(OpCodes.Ldc_I8, n.IntConst!.Value);
        else il.Emit(OpCodes.Ldc_I4, unchecked((int)n.IntConst!.Value));
    }

    void VectorConstant(Node n)
    {
        if (n.DType == DType.Bool) { il.Emit(OpCodes.Call, n.IntConst != 0 ? vectors.AllOnes(Element(n.DType)) : vectors.Zero(Element(n.DType))); return; }
        Constant(n);
        Splat(n.DType);
    }

    void Argument(Node n)
    {
        if (n.Arg is SizeArg size)
        {
            if (il is IlRecording written) written.EmitSize(size.Value, size.Name);
            else il.Emit(OpCodes.Ldc_I8, size.Value);
            return;
        }
        if (Chunk.Name(n) is { } bound) { il.Emit(bound == "start" ? OpCodes.Ldarg_2 : OpCodes.Ldarg_3); return; }
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Ldc_I4, (1 + nest.Slots.Count + ((SlotArg)n.Arg!).Slot) * 8);
        il.Emit(OpCodes.Add);
        il.Emit(n.DType switch { DType.F64 => OpCodes.Ldind_R8, _ when n.DType.IsFloat => OpCodes.Ldind_R4, DType.U32 => OpCodes.Ldind_U4, DType.I64 or DType.U64 => OpCodes.Ldind_I8, _ => OpCodes.Ldind_I4 });
    }
}
