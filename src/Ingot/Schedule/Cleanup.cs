using System.Runtime.CompilerServices;
using Ingot.Graph;
using Ingot.Kernels;

namespace Ingot.Schedule;

/// <summary>Graph rewrites before scheduling: marks and computed nodes give way to what they stand for, long reductions are cut into partial ones.</summary>
static class Cleanup
{
    /// <summary>From this many reduced elements on, and with few outputs, a reduction goes through partial results: enough independent work for a pool.</summary>
    const long SplitFrom = 32768;
    const long FewOutputs = 4096;
    const long FewRows = 512; // a row is walked by one core in one go; it takes fewer of those to keep a pool busy
    const int MostParts = 64;

    /// <summary>The roots rebuilt, in the same order.</summary>
    /// <param name="roots">What is to be computed.</param>
    /// <param name="scalarUse">What takes the place of an operand (-1: of the node itself) that arrives as an argument of the plan; null for other operands.</param>
    /// <param name="rebuilt">Told of each node and what it became.</param>
    public static Node[] Run(IReadOnlyList<Node> roots, Func<Node, int, Node?>? scalarUse = null, Action<Node, Node>? rebuilt = null)
    {
        var clean = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
        foreach (var n in Build.TopologicalOrder(roots, n => n.Realized is not null))
        {
            clean[n] = n.Realized is { } buffer ? Hit(n, Node.Adopted(buffer))     // computed before
                : scalarUse?.Invoke(n, -1) is { } argument ? Hit(n, argument)      // a constant that arrives with each run
                : n.Op.IsMark ? Hit(n, clean[n.src[0]])                            // nothing to compute
                : Rebuild(n, clean, scalarUse);
            rebuilt?.Invoke(n, clean[n]);
        }
        return [.. roots.Select(r => clean[r])];
    }

    static Node Rebuild(Node n, Dictionary<Node, Node> clean, Func<Node, int, Node?>? scalarUse)
    {
        if (n.src.Length == 0) return n.Op == Op.Random ? n : Node.Adopted(n); // a stream's place in the plan is the node's
        var src = new Node[n.src.Length];
        bool same = true;
        for (int i = 0; i < src.Length; i++)
        {
            src[i] = scalarUse?.Invoke(n, i) is { } argument ? Hit(n.src[i], argument) : clean[n.src[i]];
            same &= src[i] == n.src[i];
        }
        if (n.Arg is CastArg) return Hit(n, Build.Cast(src[0], n.DType)); // gradients are built
        var made = same ? Node.Adopted(n) : Node.Of(n.Op, n.DType, n.Shape, n.Arg, src);
        made.Origin ??= n.Origin;
        return made.Op != Op.Reduce ? made : made.ReduceInfo.Kind == Op.Add && Products(made) is { } apart ? Hit(made, apart) : Split(made);
    }

    /// <summary>
    /// A sum of several matrix products' terms, which gradients of a tensor that several products take add up to, is the sum of the products: each is then a
    /// kernel that multiplies matrices. Null if it is anything else.
    /// </summary>
    static Node? Products(Node n)
    {
        if (n.src[0].Op != Op.Add) return null;
        var terms = new List<Node>();
        var stack = new Stack<Node>([n.src[0]]);
        while (stack.TryPop(out var x))
            if (x.Op == Op.Add) { stack.Push(x.src[1]); stack.Push(x.src[0]); }
            else if (IsWide(x)) terms.Add(x);
            else return null;
        return terms.Select(t => Split(Node.Of(Op.Reduce, n.DType, n.Shape, n.Arg, t))).Aggregate((a, b) => Build.Binary(Op.Add, a, b));

        // Each factor is repeated along an axis that is not summed and along which the other is not.
        bool IsWide(Node x) => x is { Op: Op.Mul, src: [var a, var b] } && Enumerable.Range(0, x.Shape.Rank).Where(d => !n.Axes.Contains(d) && x.Shape[d] > 1).ToList() is var kept
            && kept.Exists(d => !Build.Varies(a, d) && Build.Varies(b, d)) && kept.Exists(d => Build.Varies(a, d) && !Build.Varies(b, d));
    }

    /// <summary>
    /// Reduce over K as a reduce over parts of K, then over the parts; elements beyond a multiple of the parts are reduced apart. A function of shapes
    /// alone, so results never depend on threads.
    /// </summary>
    static Node Split(Node n)
    {
        var x = n.src[0];
        long reduced = n.Shape.Count == 0 ? 0 : x.Shape.Count / n.Shape.Count;
        if (reduced < SplitFrom || n.Shape.Count > (n.Axes.Contains(x.Shape.Rank - 1) ? FewRows : FewOutputs)) return n;
        int axis = n.Axes.OrderByDescending(a => x.Shape[a]).First(), extent = x.Shape[axis];
        int parts = Enumerable.Range(2, MostParts - 1).LastOrDefault(p => extent % p == 0, 1);
        if (parts < 4) parts = Math.Min(MostParts, extent / 64);
        if (parts < 4) return n;
        var kind = n.ReduceInfo.Kind;
        int[] none = new int[x.Shape.Rank], rest = new int[x.Shape.Rank], whole = new int[x.Shape.Rank];
        (rest[axis], whole[axis]) = (extent % parts, extent - extent % parts);
        var dims = x.Shape.ToArray().ToList();
        dims[axis] = extent / parts;
        dims.Insert(axis, parts);
        var split = Build.Reshape(Build.Shrink(x, new Shape(none), new Shape(rest)), new Shape([.. dims]));
        var inner = Build.Reduce(kind, split, [.. n.Axes.Select(a => a >= axis ? a + 1 : a)]);
        var outer = Build.Reshape(Build.Reduce(kind, Build.Contiguous(inner), axis), n.Shape);
        if (rest[axis] == 0) return Hit(n, outer);
        var remaining = Build.Reduce(kind, Build.Shrink(x, new Shape(whole), new Shape(none)), n.Axes.Span);
        return Hit(n, Build.Binary(kind == Op.Add && n.DType == DType.Bool ? Op.Or : kind, outer, Build.Reshape(remaining, n.Shape)));
    }

    static Node Hit(Node from, Node to, [CallerLineNumber] int line = 0)
    {
        RewriteTrace.Fired("Cleanup.cs", from, to, line);
        return to;
    }
}
