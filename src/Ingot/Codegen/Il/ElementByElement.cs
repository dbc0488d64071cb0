using System.Runtime.Intrinsics;
using Ingot.Graph;
using Ingot.Kernels;

namespace Ingot.Codegen.Il;

/// <summary>
/// Functions that have neither an instruction nor a polynomial here (float64, and what <see cref="RareArg"/> sets apart): the op table's meaning,
/// an element at a time. Generated code calls these by operand type.
/// </summary>
static class ElementByElement
{
    public static float Of(float x, Op op) => (float)op.Info.Float!(x, 0);

    public static double Of(double x, Op op) => op.Info.Float!(x, 0);

    public static Vector128<float> Of(Vector128<float> v, Op op)
    {
        var f = op.Info.Float!;
        return Vector128.Create((float)f(v[0], 0), (float)f(v[1], 0), (float)f(v[2], 0), (float)f(v[3], 0));
    }

    public static Vector256<float> Of(Vector256<float> v, Op op) => Vector256.Create(Of(v.GetLower(), op), Of(v.GetUpper(), op));

    public static Vector512<float> Of(Vector512<float> v, Op op) => Vector512.Create(Of(v.GetLower(), op), Of(v.GetUpper(), op));

    public static Vector128<double> Of(Vector128<double> v, Op op)
    {
        var f = op.Info.Float!;
        return Vector128.Create(f(v[0], 0), f(v[1], 0));
    }

    public static Vector256<double> Of(Vector256<double> v, Op op) => Vector256.Create(Of(v.GetLower(), op), Of(v.GetUpper(), op));

    public static Vector512<double> Of(Vector512<double> v, Op op) => Vector512.Create(Of(v.GetLower(), op), Of(v.GetUpper(), op));
}
