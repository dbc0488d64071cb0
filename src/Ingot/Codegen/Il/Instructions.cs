using System.Reflection;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Ingot.Codegen.Il;

/// <summary>Looks up the framework's vector methods by name and operand types, for one vector width.</summary>
sealed class Instructions(int bytes)
{
    readonly Type holder = bytes switch { 16 => typeof(Vector128), 32 => typeof(Vector256), _ => typeof(Vector512) };
    readonly Type open = bytes switch { 16 => typeof(Vector128<>), 32 => typeof(Vector256<>), _ => typeof(Vector512<>) };
    readonly Dictionary<string, MethodInfo> found = [];

    public Type VectorOf(Type element) => open.MakeGenericType(element);

    /// <summary>The static method of Vector128/256/512 with this name and these parameter types; generic ones are closed over element.</summary>
    public MethodInfo Method(string name, Type element, params Type[] parameters)
    {
        string key = $"{name} {element.Name} {string.Join(',', parameters.Select(p => p.ToString()))}";
        if (found.TryGetValue(key, out var known)) return known;
        foreach (var m in holder.GetMethods(BindingFlags.Public | BindingFlags.Static))
        {
            if (m.Name != name || m.GetParameters().Length != parameters.Length) continue;
            var closed = m;
            if (m.IsGenericMethodDefinition)
            {
                if (m.GetGenericArguments().Length != 1) continue;
                closed = m.MakeGenericMethod(element);
            }
            if (closed.GetParameters().Select(p => p.ParameterType).SequenceEqual(parameters)) return found[key] = closed;
        }
        throw new MissingMethodException($"{holder.Name}.{key}");
    }

    /// <summary>
    /// (b, a, mask): a where the mask's lane is all ones, b where it is all zeros; null where the framework's ConditionalSelect is as good. That may not
    /// assume such a mask, and is three instructions (and, and-not, or) without AVX-512.
    /// </summary>
    public MethodInfo? Blend(Type element)
    {
        if (!IsPlainX86) return null;
        var v = VectorOf(element);
        var owner = bytes == 16 ? typeof(Sse41) : element == typeof(float) || element == typeof(double) ? typeof(Avx) : typeof(Avx2);
        return owner.GetMethod("BlendVariable", [v, v, v]);
    }

    /// <summary>(a, b): all ones where either is NaN; null but on x86 without AVX-512.</summary>
    public MethodInfo? Unordered(Type element)
    {
        if (!IsPlainX86) return null;
        var v = VectorOf(element);
        return (bytes == 32 ? typeof(Avx) : element == typeof(float) ? typeof(Sse) : typeof(Sse2)).GetMethod("CompareUnordered", [v, v]);
    }

    /// <summary>x86 with blends but without AVX-512, whose ternary logic and range instructions the JIT uses by itself.</summary>
    bool IsPlainX86 => bytes != 64 && !Avx512F.VL.IsSupported && (bytes == 16 ? Sse41.IsSupported : Avx2.IsSupported);

    public MethodInfo Reinterpret(Type from, Type to) =>
        holder.GetMethods().First(m => m.Name == "As" && m.GetGenericArguments().Length == 2).MakeGenericMethod(from, to);

    /// <summary>0, 1, 2, ...</summary>
    public MethodInfo Indices(Type element) => VectorOf(element).GetProperty("Indices")!.GetMethod!;

    public MethodInfo Zero(Type element) => VectorOf(element).GetProperty("Zero")!.GetMethod!;

    public MethodInfo AllOnes(Type element) => VectorOf(element).GetProperty("AllBitsSet")!.GetMethod!;

    /// <summary>The register element of a dtype in vectors of lanes of natural size 4 or 8; null: elements are handled one by one.</summary>
    public static Type? Register(DType t, int natural) => (natural, t) switch
    {
        (4, DType.F32 or DType.F16 or DType.BF16) => typeof(float),
        (4, DType.I32 or DType.Bool or DType.I8 or DType.U8 or DType.I16 or DType.U16) => typeof(int),
        (4, DType.U32) => typeof(uint),
        (8, DType.F64) => typeof(double),
        (8, DType.I64 or DType.Bool) => typeof(long),
        _ => null,
    };

    /// <summary>The evaluation stack's type of a scalar.</summary>
    public static Type Scalar(DType t) => t switch
    {
        DType.F64 => typeof(double),
        DType.F32 or DType.F16 or DType.BF16 => typeof(float),
        DType.I64 or DType.U64 => typeof(long),
        DType.U32 => typeof(uint),
        _ => typeof(int),
    };
}
