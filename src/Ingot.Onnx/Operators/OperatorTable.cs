using System.Reflection;

namespace Ingot.Onnx.Operators;

/// <summary>All operators that Ingot has, by domain, name and opset version; found by their <see cref="OnnxOperatorAttribute"/>.</summary>
static class OperatorTable
{
    /// <summary>One version of an operator.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Since">The opset version it came with.</param>
    /// <param name="IsRandom">Never folded.</param>
    /// <param name="Run">Builds the graph of one call.</param>
    public sealed record Entry(string Name, int Since, bool IsRandom, Func<OperatorCall, OnnxValue?[]> Run);

    static readonly Lazy<Dictionary<(string Domain, string Name), Entry[]>> Entries = new(Find);

    /// <summary>Every operator with its versions, by domain and name.</summary>
    public static IReadOnlyDictionary<(string Domain, string Name), Entry[]> All => Entries.Value;

    /// <summary>The version of an operator that a model of this opset means; null where Ingot has none.</summary>
    public static Entry? Look(string domain, string name, long opset) =>
        Entries.Value.TryGetValue((Canonical(domain), name), out var versions) ? versions.LastOrDefault(v => v.Since <= opset) : null;

    /// <summary>A domain's one spelling: ai.onnx is the empty one.</summary>
    public static string Canonical(string domain) => domain == "ai.onnx" ? "" : domain;

    static Dictionary<(string, string), Entry[]> Find() =>
        (from type in typeof(OperatorTable).Assembly.GetTypes()
         where type is { IsAbstract: true, IsSealed: true, Namespace: "Ingot.Onnx.Operators" }
         from method in type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
         from mark in method.GetCustomAttributes<OnnxOperatorAttribute>()
         group new Entry(mark.Name, mark.Since, mark.IsRandom, Bound(method)) by (mark.Domain, mark.Name))
        .ToDictionary(g => g.Key, g => Distinct(g.Key, [.. g.OrderBy(e => e.Since)]));

    static Entry[] Distinct((string Domain, string Name) key, Entry[] versions)
    {
        for (int i = 1; i < versions.Length; i++)
            if (versions[i].Since == versions[i - 1].Since) throw new InvalidOperationException($"two methods are marked as operator {key.Domain} {key.Name} since {versions[i].Since}");
        return versions;
    }

    /// <summary>The method as a function to an array of outputs, whichever of the four ways it returns them.</summary>
    static Func<OperatorCall, OnnxValue?[]> Bound(MethodInfo method)
    {
        if (method.ReturnType == typeof(Tensor))
        {
            var one = method.CreateDelegate<Func<OperatorCall, Tensor>>();
            return c => [one(c)];
        }
        if (method.ReturnType == typeof(Tensor[]))
        {
            var many = method.CreateDelegate<Func<OperatorCall, Tensor?[]>>();
            return c => Array.ConvertAll(many(c), t => t is null ? null : (OnnxValue)t);
        }
        if (method.ReturnType == typeof(OnnxValue[])) return method.CreateDelegate<Func<OperatorCall, OnnxValue?[]>>();
        var value = method.CreateDelegate<Func<OperatorCall, OnnxValue>>(); // a subclass of OnnxValue as well
        return c => [value(c)];
    }
}
