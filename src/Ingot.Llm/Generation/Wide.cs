using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Ingot.Llm.Generation;

/// <summary>A vector of floats of some width, as a type argument: attention's loops are written once and compiled for each width. A lane's result is the same at any width.</summary>
interface IWide<TSelf> where TSelf : struct, IWide<TSelf>
{
    static abstract int Count { get; }
    static abstract TSelf Broadcast(float x);
    static abstract TSelf Load(ref readonly float from, nuint at);
    static abstract TSelf LoadBFloat16(ref readonly ushort from, nuint at);
    static abstract TSelf LoadInt8(ref readonly sbyte from, nuint at);
    static abstract void Store(TSelf x, ref float to, nuint at);
    static abstract TSelf Add(TSelf a, TSelf b);
    static abstract TSelf Multiply(TSelf a, TSelf b);
    /// <summary>a b + c, rounded once.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);
    static abstract TSelf Max(TSelf a, TSelf b);
    static abstract TSelf Round(TSelf x);
    /// <summary>x 2^n for whole n that leave the result a normal number; 0 where <paramref name="n"/> is below -125.</summary>
    static abstract TSelf TimesPowerOfTwo(TSelf x, TSelf n);
    static abstract float Lane(TSelf x, int lane);
}

readonly struct Wide128(Vector128<float> v) : IWide<Wide128>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    readonly Vector128<float> v = v;
    public static int Count => 4;
    [MethodImpl(Inline)] public static Wide128 Broadcast(float x) => new(Vector128.Create(x));
    [MethodImpl(Inline)] public static Wide128 Load(ref readonly float from, nuint at) => new(Vector128.LoadUnsafe(in from, at));
    [MethodImpl(Inline)] public static Wide128 LoadBFloat16(ref readonly ushort from, nuint at) => new((Vector128.WidenLower(Vector64.LoadUnsafe(in from, at).ToVector128Unsafe()) << 16).AsSingle());
    // More is read than needed: the scales behind a plane are longer than that.
    [MethodImpl(Inline)] public static Wide128 LoadInt8(ref readonly sbyte from, nuint at) => new(Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(Vector128.LoadUnsafe(in from, at)))));
    [MethodImpl(Inline)] public static void Store(Wide128 x, ref float to, nuint at) => x.v.StoreUnsafe(ref to, at);
    [MethodImpl(Inline)] public static Wide128 Add(Wide128 a, Wide128 b) => new(a.v + b.v);
    [MethodImpl(Inline)] public static Wide128 Multiply(Wide128 a, Wide128 b) => new(a.v * b.v);
    [MethodImpl(Inline)] public static Wide128 MultiplyAdd(Wide128 a, Wide128 b, Wide128 c) => new(Vector128.MultiplyAddEstimate(a.v, b.v, c.v));
    [MethodImpl(Inline)] public static Wide128 Max(Wide128 a, Wide128 b) => new(Vector128.Max(a.v, b.v));
    [MethodImpl(Inline)] public static Wide128 Round(Wide128 x) => new(Vector128.Round(x.v));
    [MethodImpl(Inline)]
    public static Wide128 TimesPowerOfTwo(Wide128 x, Wide128 n)
    {
        var scaled = (x.v.AsInt32() + (Vector128.ConvertToInt32Native(n.v) << 23)).AsSingle();
        return new(Vector128.AndNot(scaled, Vector128.LessThan(n.v, Vector128.Create(-125f))));
    }
    [MethodImpl(Inline)] public static float Lane(Wide128 x, int lane) => x.v.GetElement(lane);
}

readonly struct Wide256(Vector256<float> v) : IWide<Wide256>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    readonly Vector256<float> v = v;
    public static int Count => 8;
    [MethodImpl(Inline)] public static Wide256 Broadcast(float x) => new(Vector256.Create(x));
    [MethodImpl(Inline)] public static Wide256 Load(ref readonly float from, nuint at) => new(Vector256.LoadUnsafe(in from, at));
    [MethodImpl(Inline)]
    public static Wide256 LoadBFloat16(ref readonly ushort from, nuint at)
    {
        var bits = Vector128.LoadUnsafe(in from, at);
        return new((Avx2.IsSupported ? Avx2.ConvertToVector256Int32(bits) << 16 : Vector256.Create(Vector128.WidenLower(bits), Vector128.WidenUpper(bits)).AsInt32() << 16).AsSingle());
    }
    [MethodImpl(Inline)]
    public static Wide256 LoadInt8(ref readonly sbyte from, nuint at)
    {
        var bytes = Vector128.LoadUnsafe(in from, at);
        if (Avx2.IsSupported) return new(Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(bytes)));
        var words = Vector128.WidenLower(bytes);
        return new(Vector256.ConvertToSingle(Vector256.Create(Vector128.WidenLower(words), Vector128.WidenUpper(words))));
    }
    [MethodImpl(Inline)] public static void Store(Wide256 x, ref float to, nuint at) => x.v.StoreUnsafe(ref to, at);
    [MethodImpl(Inline)] public static Wide256 Add(Wide256 a, Wide256 b) => new(a.v + b.v);
    [MethodImpl(Inline)] public static Wide256 Multiply(Wide256 a, Wide256 b) => new(a.v * b.v);
    [MethodImpl(Inline)] public static Wide256 MultiplyAdd(Wide256 a, Wide256 b, Wide256 c) => new(Vector256.FusedMultiplyAdd(a.v, b.v, c.v));
    [MethodImpl(Inline)] public static Wide256 Max(Wide256 a, Wide256 b) => new(Vector256.Max(a.v, b.v));
    [MethodImpl(Inline)] public static Wide256 Round(Wide256 x) => new(Vector256.Round(x.v));
    [MethodImpl(Inline)]
    public static Wide256 TimesPowerOfTwo(Wide256 x, Wide256 n)
    {
        var scaled = (x.v.AsInt32() + (Vector256.ConvertToInt32Native(n.v) << 23)).AsSingle();
        return new(Vector256.AndNot(scaled, Vector256.LessThan(n.v, Vector256.Create(-125f))));
    }
    [MethodImpl(Inline)] public static float Lane(Wide256 x, int lane) => x.v.GetElement(lane);
}

readonly struct Wide512(Vector512<float> v) : IWide<Wide512>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    readonly Vector512<float> v = v;
    public static int Count => 16;
    [MethodImpl(Inline)] public static Wide512 Broadcast(float x) => new(Vector512.Create(x));
    [MethodImpl(Inline)] public static Wide512 Load(ref readonly float from, nuint at) => new(Vector512.LoadUnsafe(in from, at));
    [MethodImpl(Inline)]
    public static Wide512 LoadBFloat16(ref readonly ushort from, nuint at)
    {
        var bits = Vector256.LoadUnsafe(in from, at);
        return new((Avx512F.IsSupported ? Avx512F.ConvertToVector512Int32(bits) << 16 : Vector512.Create(Vector256.WidenLower(bits), Vector256.WidenUpper(bits)).AsInt32() << 16).AsSingle());
    }
    [MethodImpl(Inline)]
    public static Wide512 LoadInt8(ref readonly sbyte from, nuint at)
    {
        var bytes = Vector128.LoadUnsafe(in from, at);
        if (Avx512F.IsSupported) return new(Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(bytes)));
        var words = Vector256.Create(Vector128.WidenLower(bytes), Vector128.WidenUpper(bytes));
        return new(Vector512.ConvertToSingle(Vector512.Create(Vector256.WidenLower(words), Vector256.WidenUpper(words))));
    }
    [MethodImpl(Inline)] public static void Store(Wide512 x, ref float to, nuint at) => x.v.StoreUnsafe(ref to, at);
    [MethodImpl(Inline)] public static Wide512 Add(Wide512 a, Wide512 b) => new(a.v + b.v);
    [MethodImpl(Inline)] public static Wide512 Multiply(Wide512 a, Wide512 b) => new(a.v * b.v);
    [MethodImpl(Inline)] public static Wide512 MultiplyAdd(Wide512 a, Wide512 b, Wide512 c) => new(Vector512.FusedMultiplyAdd(a.v, b.v, c.v));
    [MethodImpl(Inline)] public static Wide512 Max(Wide512 a, Wide512 b) => new(Vector512.Max(a.v, b.v));
    [MethodImpl(Inline)] public static Wide512 Round(Wide512 x) => new(Vector512.Round(x.v));
    [MethodImpl(Inline)]
    public static Wide512 TimesPowerOfTwo(Wide512 x, Wide512 n)
    {
        var scaled = (x.v.AsInt32() + (Vector512.ConvertToInt32Native(n.v) << 23)).AsSingle();
        return new(Vector512.AndNot(scaled, Vector512.LessThan(n.v, Vector512.Create(-125f))));
    }
    [MethodImpl(Inline)] public static float Lane(Wide512 x, int lane) => x.v.GetElement(lane);
}
