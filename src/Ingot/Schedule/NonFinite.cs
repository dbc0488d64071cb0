using Ingot.Codegen;
using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot.Schedule;

/// <summary>
/// CHECK=1: when a realise leaves a NaN or an infinity in its results, runs the graph as it was written in the interpreter and names the operation that
/// made the first one, with the line that built it. What the realise overwrote is restored.
/// </summary>
sealed class NonFinite
{
    readonly List<Node> targets;
    readonly List<(Storage Storage, byte[] Before)> overwritten = [];

    /// <param name="targets">What is about to be computed.</param>
    public NonFinite(List<Node> targets)
    {
        this.targets = targets;
        foreach (var t in targets.Where(t => t.Op == Op.Assign)) overwritten.Add((t.src[0].Storage, t.src[0].Storage.Span<byte>().ToArray()));
    }

    /// <param name="results">The memory of each target.</param>
    /// <exception cref="IngotException">One of them holds a NaN or an infinity.</exception>
    public void Inspect(IReadOnlyList<Storage> results)
    {
        for (int i = 0; i < targets.Count; i++)
            if (targets[i].DType.IsFloat && Array.Exists(Interpreter.Load(targets[i], Build.Buffer(targets[i].DType, targets[i].Shape, results[i])).F!, x => !double.IsFinite(x)))
            {
                foreach (var (storage, before) in overwritten) before.CopyTo(storage.Span<byte>());
                throw new IngotException($"CHECK: {Culprit(targets[i])}");
            }
    }

    string Culprit(Node bad)
    {
        var values = Interpreter.Evaluate(targets);
        // Only what the bad result was computed from: other results may hold infinities that harm nobody.
        var order = Build.TopologicalOrder([bad], n => n.Realized is not null);
        static bool Bad(Interpreter.Value v) => v.F is { } f && Array.Exists(f, x => !double.IsFinite(x));
        static bool HasNaN(Interpreter.Value v) => v.F is { } f && Array.Exists(f, double.IsNaN);
        bool IsLeaf(Node n) => n.src.Length == 0 || n.Realized is not null;
        // A constant infinity, as in a mask, is meant. So an infinity made of finite operands comes first, then a NaN made of infinities.
        var first = order.Find(n => !IsLeaf(n) && Bad(values[n]) && !Array.Exists(n.src, s => Bad(values[s])))
            ?? order.Find(n => !IsLeaf(n) && HasNaN(values[n]) && !Array.Exists(n.src, s => HasNaN(values[s])));
        if (first is not null) return Describe(first, values);
        var leaf = order.Find(n => IsLeaf(n) && HasNaN(values[n])) ?? order.Find(n => IsLeaf(n) && Bad(values[n]));
        return leaf is null ? $"{bad} holds a NaN or an infinity that only the compiled kernels make; run it with VERIFY=1"
            : $"{(leaf.Op == Op.Const ? "a constant" : "a tensor that the computation reads")}, {leaf.DType.Name}{leaf.Shape}, already holds {Show(leaf, FirstBad(values[leaf]), values)}{Built(leaf)}";
    }

    static string Describe(Node n, Dictionary<Node, Interpreter.Value> values)
    {
        int at = FirstBad(values[n]);
        string operands = n.Op.IsElementwise ? $", from {string.Join(" and ", n.src.Select(s => Text(values[s], at)))}" : "";
        return $"{Name(n)} makes the first NaN or infinity: {n.DType.Name}{n.Shape}, {Show(n, at, values)}{operands}{Built(n)}";
    }

    static string Name(Node n) => n.Arg is CustomArg c ? $"custom kernel {c.Kernel.Name}" : n.Op is Op.Reduce or Op.Scan ? $"{n.Op}({n.ReduceInfo.Kind}, {n.Axes})" : n.Op.ToString();

    static string Built(Node n) => n.Origin is { } line ? $", built at {line}" : ", built before CHECK was on or where no debug symbols tell the line";

    static string Show(Node n, int at, Dictionary<Node, Interpreter.Value> values) => $"{Text(values[n], at)} at {n.Shape.At(at)}";

    static string Text(Interpreter.Value v, int at) => v.F is { } f ? $"{f[at]:R}" : $"{v.I![at]}";

    /// <summary>The first NaN, or the first infinity where there is none.</summary>
    static int FirstBad(Interpreter.Value v) => Array.FindIndex(v.F!, double.IsNaN) is >= 0 and var nan ? nan : Array.FindIndex(v.F!, x => !double.IsFinite(x));
}
