using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.Intrinsics.X86;
using Ingot.Graph;
using Ingot.Kernels;
using Ingot.Runtime;

namespace Ingot.Codegen.Il;

/// <summary>Operations to instructions: what each node computes, as a scalar on the evaluation stack or as a vector.</summary>
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
                return unit != 1 || (n.src.Length > 1 && IsVector(n.src[1]) && !IsMonotone(n.src[1]));
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
                il.Emit(OpCodes.Call, typeof(VectorMemory).GetMethod(nameof(VectorMemory.CheckIndex))!);
                break;
            case Op.Where: Choose(n, vector); break;
            case Op.Cast: Convert(n, vector); break;
            case Op.Bitcast: Reinterpret(n, vector); break;
            case Op.CmpLt or Op.CmpNe: Compare(n, vector); break;
            case Op.Fma:
                foreach (var s in n.src) Value(s, vector);
                FusedMultiplyAdd(n.DType, vector);
                break;
            case Op.Across:
                int outer = currentLanes;
                currentLanes = Lanes(n.src[0]);
                Value(n.src[0], true);
                string name = ((FoldArg)n.Arg!).Kind switch { Op.Add => "Sum", Op.Mul => "Product", _ => "Max" };
                il.Emit(OpCodes.Call, typeof(VectorMemory).GetMethod(name, [vectors.VectorOf(Element(n.DType))])!);
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
            case Op.Add when n.src[1].Op == Op.Neg && n.DType != DType.Bool && !InLocal(n.src[1], vector) && !(vector && IsVector(n.src[1]) && MustSplit(n.src[1])):
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
        if (Chunk.Name(n) is { } bound) { il.Emit(bound == "start" ? OpCodes.Ldarg_1 : OpCodes.Ldarg_2); return; }
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldc_I4, (1 + nest.Slots.Count + ((SlotArg)n.Arg!).Slot) * 8);
        il.Emit(OpCodes.Add);
        il.Emit(n.DType switch { DType.F64 => OpCodes.Ldind_R8, _ when n.DType.IsFloat => OpCodes.Ldind_R4, DType.U32 => OpCodes.Ldind_U4, DType.I64 or DType.U64 => OpCodes.Ldind_I8, _ => OpCodes.Ldind_I4 });
    }

    // ---- memory ----

    void LoadValue(Node n, bool vector)
    {
        int slot = ((BufferSlot)n.Arg!).Slot;
        if (n.src.Length == 1) { LoadFrom(slot, n.src[0], n.DType, vector); return; }
        var guard = n.src[1];
        var result = il.DeclareLocal(RegisterType(n.DType, vector));
        Label skip = il.DefineLabel(), end = il.DefineLabel();
        bool ends = vector && IsVector(guard);
        Value(ends ? AtLane(guard, 0) : guard, false);
        if (ends)
        {
            Value(AtLane(guard, Lanes(n) - 1), false);
            il.Emit(OpCodes.And);
        }
        il.Emit(OpCodes.Brfalse, skip);
        // What is computed on one side of the branch is unknown on the other.
        scopes.Add(new(Depth));
        LoadFrom(slot, n.src[0], n.DType, vector);
        il.Emit(OpCodes.Stloc, result);
        scopes.RemoveAt(scopes.Count - 1);
        il.Emit(OpCodes.Br, end);
        il.MarkLabel(skip);
        scopes.Add(new(Depth));
        if (ends) Split(n);
        else if (vector) { il.Emit(OpCodes.Call, vectors.Zero(Element(n.DType))); }
        else Constant(Build.Const(n.DType, Shape.Scalar, 0L));
        il.Emit(OpCodes.Stloc, result);
        scopes.RemoveAt(scopes.Count - 1);
        il.MarkLabel(end);
        il.Emit(OpCodes.Ldloc, result);
    }

    void LoadFrom(int slot, Node index, DType t, bool vector)
    {
        Address(slot, index, t);
        if (vector)
        {
            var element = Element(t);
            if (t.Size == Natural(currentLanes)) { il.Emit(OpCodes.Call, vectors.Method("Load", element, element.MakePointerType())); return; }
            // The second operand only says which width is meant.
            il.Emit(OpCodes.Call, vectors.Zero(element));
            il.Emit(OpCodes.Call, MemoryMethod("Load", t, typeof(nint), vectors.VectorOf(element)));
            return;
        }
        switch (t)
        {
            case DType.F32: il.Emit(OpCodes.Ldind_R4); break;
            case DType.F64: il.Emit(OpCodes.Ldind_R8); break;
            case DType.F16 or DType.BF16: il.Emit(OpCodes.Call, MemoryMethod("Load", t, typeof(nint))); break;
            case DType.I64 or DType.U64: il.Emit(OpCodes.Ldind_I8); break;
            case DType.I32: il.Emit(OpCodes.Ldind_I4); break;
            case DType.U32: il.Emit(OpCodes.Ldind_U4); break;
            case DType.I16: il.Emit(OpCodes.Ldind_I2); break;
            case DType.U16: il.Emit(OpCodes.Ldind_U2); break;
            case DType.I8: il.Emit(OpCodes.Ldind_I1); break;
            case DType.U8: il.Emit(OpCodes.Ldind_U1); break;
            case DType.Bool:
                il.Emit(OpCodes.Ldind_U1);
                il.Emit(OpCodes.Ldc_I4_0);
                il.Emit(OpCodes.Cgt_Un);
                break;
        }
    }

    static MethodInfo MemoryMethod(string verb, DType t, params Type[] parameters) =>
        typeof(VectorMemory).GetMethod(verb + t, parameters) ?? throw new MissingMethodException($"{nameof(VectorMemory)}.{verb}{t}({string.Join<Type>(", ", parameters)})");

    void StoreValue(Store s)
    {
        bool vector = IsVector(s.Index);
        if (!vector && IsVector(s.Value)) throw new InvalidOperationException("a vector stored to one element");
        int lanes = vector ? Lanes(s.Index) : 0;
        if (vector && (IndexMath.Of(s.Index).Terms.FirstOrDefault(t => Ir.IsLane(t.Atom)).Factor != 1 || Instructions.Register(s.DType, Natural(lanes)) is null))
        {
            for (int i = 0; i < lanes; i++) StoreValue(new Store(s.Slot, s.DType, AtLane(s.Index, i), AtLane(s.Value, i)));
            return;
        }
        if (vector) currentLanes = lanes;
        if (!vector)
        {
            Address(s.Slot, s.Index, s.DType);
            Value(s.Value, false);
            switch (s.DType)
            {
                case DType.F32: il.Emit(OpCodes.Stind_R4); break;
                case DType.F64: il.Emit(OpCodes.Stind_R8); break;
                case DType.F16 or DType.BF16: il.Emit(OpCodes.Call, MemoryMethod("Store", s.DType, typeof(nint), typeof(float))); break;
                case DType.I64 or DType.U64: il.Emit(OpCodes.Stind_I8); break;
                case DType.I32 or DType.U32: il.Emit(OpCodes.Stind_I4); break;
                case DType.I16 or DType.U16: il.Emit(OpCodes.Stind_I2); break;
                default: il.Emit(OpCodes.Stind_I1); break;
            }
            return;
        }
        Value(s.Value, true);
        Address(s.Slot, s.Index, s.DType);
        var element = Element(s.DType);
        if (s.DType.Size == Natural(lanes)) il.Emit(OpCodes.Call, vectors.Method(s.NonTemporal ? "StoreAlignedNonTemporal" : "Store", element, vectors.VectorOf(element), element.MakePointerType()));
        else il.Emit(OpCodes.Call, MemoryMethod("Store", s.DType, vectors.VectorOf(element), typeof(nint)));
    }

    // ---- operations ----

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
        if (name is not null) il.Emit(OpCodes.Call, typeof(BitConverter).GetMethod(name)!);
        else if (from.IsFloat || n.DType.IsFloat) throw new DTypeException($"a bitcast of {from.Name} to {n.DType.Name} is not supported; cast through float32");
        else if (a != b || from != n.DType) Wrap(n.DType);
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
                if (to != DType.F32 && from != to) il.Emit(OpCodes.Call, typeof(VectorMemory).GetMethod("Round" + to, [typeof(float)])!);
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
            if (to is DType.BF16 or DType.F16 && from != to) il.Emit(OpCodes.Call, typeof(VectorMemory).GetMethod("Round" + to, [vb])!);
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
            if (to is DType.BF16 or DType.F16) il.Emit(OpCodes.Call, typeof(VectorMemory).GetMethod("Round" + to, [vb])!);
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
}
