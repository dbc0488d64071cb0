using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Ingot.Runtime;

/// <summary>A vector of floats of some width, as a type argument: a loop is written once and compiled for each width. Addresses of <see cref="StoreNonTemporal"/> are multiples of the width.</summary>
unsafe interface ILanes<TSelf> where TSelf : struct, ILanes<TSelf>
{
    static abstract int Count { get; }
    static abstract TSelf Broadcast(float x);
    static abstract TSelf Load(float* p);
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);
    static abstract TSelf Or(TSelf a, TSelf b);
    static abstract void Store(TSelf x, float* p);
    static abstract void StoreNonTemporal(TSelf x, float* p);
    static abstract float First(TSelf x);
}

readonly unsafe struct Lanes128(Vector128<float> v) : ILanes<Lanes128>
{
    readonly Vector128<float> v = v;
    public static int Count => 4;
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes128 Broadcast(float x) => new(Vector128.Create(x));
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes128 Load(float* p) => new(Vector128.Load(p));
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes128 MultiplyAdd(Lanes128 a, Lanes128 b, Lanes128 c) => new(Vector128.MultiplyAddEstimate(a.v, b.v, c.v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes128 Or(Lanes128 a, Lanes128 b) => new(a.v | b.v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static void Store(Lanes128 x, float* p) => x.v.Store(p);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static void StoreNonTemporal(Lanes128 x, float* p) => x.v.StoreAlignedNonTemporal(p);
    public static float First(Lanes128 x) => x.v.ToScalar();
}

readonly unsafe struct Lanes256(Vector256<float> v) : ILanes<Lanes256>
{
    readonly Vector256<float> v = v;
    public static int Count => 8;
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes256 Broadcast(float x) => new(Vector256.Create(x));
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes256 Load(float* p) => new(Vector256.Load(p));
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes256 MultiplyAdd(Lanes256 a, Lanes256 b, Lanes256 c) => new(Vector256.MultiplyAddEstimate(a.v, b.v, c.v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes256 Or(Lanes256 a, Lanes256 b) => new(a.v | b.v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static void Store(Lanes256 x, float* p) => x.v.Store(p);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static void StoreNonTemporal(Lanes256 x, float* p) => x.v.StoreAlignedNonTemporal(p);
    public static float First(Lanes256 x) => x.v.ToScalar();
}

readonly unsafe struct Lanes512(Vector512<float> v) : ILanes<Lanes512>
{
    readonly Vector512<float> v = v;
    public static int Count => 16;
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes512 Broadcast(float x) => new(Vector512.Create(x));
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes512 Load(float* p) => new(Vector512.Load(p));
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes512 MultiplyAdd(Lanes512 a, Lanes512 b, Lanes512 c) => new(Vector512.MultiplyAddEstimate(a.v, b.v, c.v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes512 Or(Lanes512 a, Lanes512 b) => new(a.v | b.v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static void Store(Lanes512 x, float* p) => x.v.Store(p);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static void StoreNonTemporal(Lanes512 x, float* p) => x.v.StoreAlignedNonTemporal(p);
    public static float First(Lanes512 x) => x.v.ToScalar();
}
