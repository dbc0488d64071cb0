using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Ingot.Runtime;

/// <summary>The lanes of a vector joined to one value: halves first, always in the same order.</summary>
public static class Across<T> where T : unmanaged, INumber<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sum(Vector512<T> v) => Sum(v.GetLower() + v.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sum(Vector256<T> v) => Sum(v.GetLower() + v.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sum(Vector128<T> v) => Vector128<T>.Count == 2 ? v[0] + v[1] : (v[0] + v[2]) + (v[1] + v[3]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Product(Vector512<T> v) => Product(v.GetLower() * v.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Product(Vector256<T> v) => Product(v.GetLower() * v.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Product(Vector128<T> v) => Vector128<T>.Count == 2 ? v[0] * v[1] : (v[0] * v[2]) * (v[1] * v[3]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Max(Vector512<T> v) => Max(Vector256.Max(v.GetLower(), v.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Max(Vector256<T> v) => Max(Vector128.Max(v.GetLower(), v.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Max(Vector128<T> v) => Vector128<T>.Count == 2 ? T.Max(v[0], v[1]) : T.Max(T.Max(v[0], v[2]), T.Max(v[1], v[3]));
}
