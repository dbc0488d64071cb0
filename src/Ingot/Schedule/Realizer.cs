using Ingot.Codegen;
using Ingot.Graph;

namespace Ingot.Schedule;

/// <summary>
/// From tensors to computed buffers: the one entry to the compiler. A graph of a structure seen before goes to its plan by look-up: leaves,
/// float constants (other than 0, 1, -1, infinities and NaN) and random counters are not part of the structure.
/// </summary>
static class Realizer
{
    static readonly Lock Gate = new();
    static readonly Dictionary<PlanKey, Plan> Plans = [];

    /// <summary>Plans made since the process began.</summary>
    public static int PlansMade { get; private set; }

    /// <summary>The plan of the latest realise, for tests and listings.</summary>
    public static Plan? LastPlan { get; private set; }

    /// <summary>Runs everything in the interpreter instead of compiled kernels (tests, and where dynamic code is not allowed).</summary>
    public static bool UseInterpreter { get; set; } = !System.Runtime.CompilerServices.RuntimeFeature.IsDynamicCodeSupported;

    public static void Clear()
    {
        lock (Gate)
        {
            Plans.Clear();
            CompiledKernel.Clear();
        }
    }

    public static void Realize(IReadOnlyList<Tensor> tensors, CancellationToken cancellation)
    {
        lock (Gate)
        {
            var targets = tensors.Select(t => Unmarked(t.Node)).Where(n => BufferOrNull(n) is null).Distinct().ToList();
            if (targets.Count == 0) return;
            cancellation.ThrowIfCancellationRequested();
            if (UseInterpreter) Interpreter.Realize(targets);
            else RunPlan(targets, cancellation);
            Node.NewEpoch();
        }
    }

    static void RunPlan(List<Node> targets, CancellationToken cancellation)
    {
        var key = PlanKey.Of(targets);
        if (!Plans.TryGetValue(key, out var plan))
        {
            var clean = Cleanup.Run(targets);
            plan = Plan.Make(clean, key.LeafOf, key.ScalarOf);
            Plans[key.Frozen()] = plan;
            PlansMade++;
        }
        LastPlan = plan;
        var results = plan.Execute(key.Leaves, key.Scalars, cancellation);
        for (int i = 0; i < targets.Count; i++)
            if (targets[i].Op == Op.Assign) results[plan.OutputOf[i]].Version++;
        for (int i = 0; i < targets.Count; i++) targets[i].Realized = Build.Buffer(targets[i].DType, targets[i].Shape, results[plan.OutputOf[i]]);
    }

    /// <summary>A node without its marks.</summary>
    static Node Unmarked(Node n)
    {
        while (n.Op.IsMark && n.Realized is null) n = n.src[0];
        return n;
    }

    /// <summary>The buffer behind a computed node; marks (Leaf, Detach) are looked through.</summary>
    public static Node? BufferOrNull(Node n)
    {
        while (true)
        {
            if (n.Op == Op.Buffer) return n;
            if (n.Realized is { } r) return r;
            if (!n.Op.IsMark) return null;
            n = n.src[0];
        }
    }

    public static Node BufferOf(Node n) => BufferOrNull(n) ?? throw new InvalidOperationException($"{n} has not been realised");
}
