using Ingot.Codegen;
using Ingot.Graph;
using Ingot.Runtime;

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

    /// <summary>Time spent on making them: scheduling, and compiling the kernels that were new.</summary>
    public static TimeSpan PlanTime { get; private set; }

    /// <summary>The plan of this thread's latest realise, for tests and listings.</summary>
    public static Plan? LastPlan => lastPlan;

    [ThreadStatic]
    static Plan? lastPlan;

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

    /// <exception cref="IngotException">Called by a kernel of the user's own while it runs.</exception>
    public static void Realize(IReadOnlyList<Tensor> tensors, CancellationToken cancellation)
    {
        bool isNested = Gate.IsHeldByCurrentThread;
        using var paused = Capture.Paused();
        lock (Gate)
        {
            var targets = tensors.Concat(Tensor.TakeCompanions(tensors)).Select(t => Unmarked(t.Node)).Where(n => BufferOrNull(n) is null).Distinct().ToList();
            if (targets.Count == 0) return;
            if (!cancellation.CanBeCanceled && paused.Capture is { } c) cancellation = c.Cancellation;
            if (isNested) throw new IngotException("a custom kernel cannot compute tensors while it runs; compute them before, or make them its inputs");
            cancellation.ThrowIfCancellationRequested();
            try
            {
                if (UseInterpreter) Node.NewEpoch(Interpret(targets, paused.Capture));
                else
                {
                    RunPlan(targets, paused.Capture, cancellation);
                    Node.NewEpoch(PlanKey.Order);
                }
            }
            finally { PlanKey.Forget(); }
        }
    }

    /// <summary>Runs a captured program on computed arguments.</summary>
    /// <param name="program">The program.</param>
    /// <param name="inputs">Its arguments, computed.</param>
    /// <param name="cancellation">Checked until something is assigned.</param>
    /// <param name="why">If it cannot be replayed this time, the reason.</param>
    /// <returns>Null if it cannot.</returns>
    public static Tensor[]? Replay(CapturedProgram program, Tensor[] inputs, CancellationToken cancellation, out string? why)
    {
        if (Gate.IsHeldByCurrentThread) throw new IngotException("a custom kernel cannot call a compiled function while it runs");
        program.Prepare();
        lock (Gate)
        {
            if ((why = program.Bind()) is not null) return null;
            using var view = Observe.Realising();
            var results = program.Replay(Array.ConvertAll(inputs, t => t.Memory!), cancellation);
            view?.Replayed(program);
            Node.NewEpoch(inputs);
            return results;
        }
    }

    /// <summary>As <see cref="Replay"/>, into memory that the next such call overwrites; allocates nothing on the managed heap once that memory is there.</summary>
    /// <returns>Null if it cannot be done this time.</returns>
    public static Storage[]? ReplayInPlace(CapturedProgram program, Tensor[] inputs, CancellationToken cancellation)
    {
        if (Gate.IsHeldByCurrentThread) throw new IngotException("a custom kernel cannot call a compiled function while it runs");
        program.Prepare();
        lock (Gate)
        {
            if (program.Bind() is not null) return null;
            using var view = Observe.Realising();
            var results = program.ReplayInPlace(inputs, cancellation);
            view?.Replayed(program);
            Node.NewEpoch(inputs);
            return results;
        }
    }

    /// <returns>What the graph was, without what had been computed before.</returns>
    static List<Node> Interpret(List<Node> targets, Capture? capture)
    {
        capture?.Interpreted();
        var order = Build.TopologicalOrder(targets, n => n.Realized is not null);
        order.ForEach(CheckVersion);
        Interpreter.Realize(targets);
        return order;
    }

    static void RunPlan(List<Node> targets, Capture? capture, CancellationToken cancellation)
    {
        using var view = Observe.Realising();
        var check = Settings.Check > 0 ? new NonFinite(targets) : null;
        var key = PlanKey.Of(targets);
        bool isNew = !Plans.TryGetValue(key, out var plan) || (Settings.Verify > 0 && !plan.IsVerifiable);
        if (isNew)
        {
            long start = System.Diagnostics.Stopwatch.GetTimestamp();
            plan = PlanStore.Find(key) ?? Make(targets, key);
            plan.Parameters = key.Parameters;
            Plans.Remove(key);
            Plans[key.Frozen()] = plan;
            PlansMade++;
            PlanTime += System.Diagnostics.Stopwatch.GetElapsedTime(start);
        }
        lastPlan = plan;
        capture?.BeforeExecution(plan!, key);
        var results = plan!.Execute(key.Arguments(), cancellation);
        view?.Done(plan, isNew);
        check?.Inspect([.. plan.OutputOf.Select(i => results[i])]);
        capture?.Executed(plan, key, targets, results);
        for (int i = 0; i < targets.Count; i++)
            if (targets[i].Op == Op.Assign) results[plan.OutputOf[i]].Version++;
        for (int i = 0; i < targets.Count; i++) targets[i].Realized = Build.Buffer(targets[i].DType, targets[i].Shape, results[plan.OutputOf[i]]);
    }

    static Plan Make(List<Node> targets, PlanKey key)
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        var checkedAt = new Dictionary<Node, int>(ReferenceEqualityComparer.Instance);
        var clean = Cleanup.Run(targets, PlanKey.ScalarUse, (n, made) =>
        {
            if (key.Checked.IndexOf(n) is >= 0 and var i) checkedAt.TryAdd(made, i);
        });
        var plan = Plan.Make(clean, PlanKey.LeafOf, PlanKey.ScalarOf, checkedAt);
        PlanStore.Keep(key, plan, System.Diagnostics.Stopwatch.GetElapsedTime(start));
        return plan;
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

    /// <exception cref="IngotException">The memory has been overwritten since the node was made.</exception>
    public static Node BufferOf(Node n)
    {
        var buffer = BufferOrNull(n) ?? throw new InvalidOperationException($"{n} has not been realised");
        CheckVersion(buffer);
        return buffer;
    }

    /// <summary>The node below Leaf and Detach marks: what is computed, and remembered as computed, is the same for all of them.</summary>
    static Node Unmarked(Node n)
    {
        while (n.Op.IsMark) n = n.src[0];
        return n;
    }

    internal static void CheckVersion(Node n)
    {
        if (n.Op == Op.Buffer && ((BufferArg)n.Arg!).Version is var version && version != n.Storage.Version)
            throw new IngotException($"this computation reads a {n.DType.Name}{n.Shape} tensor as it was before Assign, an optimizer's step for one, overwrote it; Realize() what depends on the old values before the step");
    }
}
