using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.Intrinsics.X86;
using Ingot.Graph;
using Ingot.Kernels;
using Ingot.Runtime;

namespace Ingot.Codegen.Il;

/// <summary>Loads and stores: contiguous, masked, one element for all lanes, or lane by lane.</summary>
sealed partial class IlEmitter
{
    void LoadValue(Node n, bool vector)
    {
        int slot = ((BufferSlot)n.Arg!).Slot;
        if (vector && IsEverySecond(n, IndexMath.Of(n.src[0]).Terms.FirstOrDefault(t => Ir.IsLane(t.Atom)).Factor))
        {
            Address(slot, n.src[0], n.DType);
            il.Emit(OpCodes.Call, vectors.Zero(typeof(float)));
            il.Emit(OpCodes.Call, typeof(StridedMemory).GetMethod(nameof(StridedMemory.LoadEverySecond), [typeof(nint), vectors.VectorOf(typeof(float))])!);
            return;
        }
        if (n.src.Length == 1) { LoadFrom(slot, n.src[0], n.DType, vector); return; }
        var guard = n.src[1];
        var result = il.DeclareLocal(RegisterType(n.DType, vector));
        Label skip = il.DefineLabel(), end = il.DefineLabel();
        bool ends = vector && IsVector(guard);
        if (ends && n.DType == DType.F32 && !MustSplit(guard))
        {
            Address(slot, n.src[0], n.DType);
            Value(guard, true);
            il.Emit(OpCodes.Call, typeof(MaskedMemory).GetMethod(nameof(MaskedMemory.Load), [typeof(nint), vectors.VectorOf(typeof(int))])!);
            return;
        }
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
            il.Emit(OpCodes.Call, Narrowed("Load", t, typeof(nint), vectors.VectorOf(element)));
            return;
        }
        switch (t)
        {
            case DType.F32: il.Emit(OpCodes.Ldind_R4); break;
            case DType.F64: il.Emit(OpCodes.Ldind_R8); break;
            case DType.F16 or DType.BF16: il.Emit(OpCodes.Call, ScalarMethod("Load", t)); break;
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

    /// <summary>Load, Store or Round of one half-precision element.</summary>
    static MethodInfo ScalarMethod(string verb, DType t) =>
        typeof(ScalarMemory).GetMethod(verb + t) ?? throw new MissingMethodException(nameof(ScalarMemory), verb + t);

    /// <summary>Load, Store or Round of vectors whose elements are narrower in memory than in the registers of this width.</summary>
    MethodInfo Narrowed(string verb, DType t, params Type[] parameters) =>
        typeof(Narrow).GetNestedType(t.ToString()) is { } memory && typeof(VectorMemory<,>).MakeGenericType(Element(t), memory).GetMethod(verb, parameters) is { } method ? method
            : throw new MissingMethodException(nameof(VectorMemory<,>), $"{verb} of {t} by {string.Join<Type>(", ", parameters)}");

    /// <summary>Whether stores went past the caches: they are made visible before the chunk is reported as done.</summary>
    bool mustFence;

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
                case DType.F16 or DType.BF16: il.Emit(OpCodes.Call, ScalarMethod("Store", s.DType)); break;
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
        if (s.DType.Size == Natural(lanes) && s.NonTemporal)
        {
            il.Emit(OpCodes.Call, typeof(FarStore).GetMethods().Single(x => x.Name == nameof(FarStore.Store) && x.GetParameters()[0].ParameterType.Name == vectors.VectorOf(element).Name).MakeGenericMethod(element));
            mustFence = true;
        }
        else if (s.DType.Size == Natural(lanes)) il.Emit(OpCodes.Call, vectors.Method("Store", element, vectors.VectorOf(element), element.MakePointerType()));
        else
        {
            il.Emit(OpCodes.Call, Narrowed(s.NonTemporal ? "StoreFar" : "Store", s.DType, vectors.VectorOf(element), typeof(nint)));
            mustFence |= s.NonTemporal;
        }
    }

    /// <summary>A hint: nothing where the processor has no such instruction.</summary>
    void FetchLine(Prefetch p)
    {
        if (!Sse.IsSupported) return;
        Address(p.Slot, p.Index, p.DType);
        il.Emit(OpCodes.Call, typeof(Sse).GetMethod(nameof(Sse.Prefetch1))!);
    }
}
