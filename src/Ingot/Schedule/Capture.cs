using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot.Schedule;

/// <summary>
/// One call of a <see cref="Compiled"/> function that is written down while it runs as usual: which plans it executed, and where each of their leaves and
/// scalars would come from at another call.
/// </summary>
/// <remarks>
/// What comes from where is known by handles. Memory that the function met through a tensor made before the call is looked up in that tensor at every
/// replay, so weights may be updated, loaded or replaced in between. Memory made during the call from C# values is a constant.
/// </remarks>
sealed class Capture
{
    static int tracing;

    [ThreadStatic]
    static Capture? current;

    /// <summary>The capture that this thread is in, null outside and while something is being computed.</summary>
    public static Capture? Current => Volatile.Read(ref tracing) == 0 ? null : current;

    readonly InputStorage[] inputs;
    readonly HashSet<Tensor> made = new(ReferenceEqualityComparer.Instance), assigned = new(ReferenceEqualityComparer.Instance);
    readonly HashSet<Tensor> given = new(ReferenceEqualityComparer.Instance), held = new(ReferenceEqualityComparer.Instance);
    readonly List<Tensor> rebound = [], differentiated = [], updated = [];
    readonly HashSet<Tensor> cleared = new(ReferenceEqualityComparer.Instance);
    readonly Dictionary<Tensor, Tensor> gradientOf = new(ReferenceEqualityComparer.Instance);
    readonly List<CapturedProgram.Outside> outside = [];
    readonly List<(Tensor Tensor, Node Node)> numbersOutside = [];
    readonly Dictionary<Storage, CapturedProgram.Source> sources = new(ReferenceEqualityComparer.Instance);
    readonly Dictionary<(ulong Seed, ulong Counter), ulong> drawn = [];
    readonly List<CapturedProgram.Segment> segments = [];
    readonly List<CapturedProgram.Advance> advances = [];
    ulong numbers;
    Capture? outer;

    /// <summary>Why the next call has to be traced as well; null if it need not be.</summary>
    public string? Unreplayable { get; private set; }

    public CancellationToken Cancellation { get; }

    /// <param name="arguments">What the function is called with: computed.</param>
    /// <param name="cancellation">Of the call.</param>
    public Capture(IReadOnlyList<Tensor> arguments, CancellationToken cancellation)
    {
        Cancellation = cancellation;
        inputs = [.. arguments.Select(a => new InputStorage(a.Memory!))];
        for (int i = 0; i < inputs.Length; i++) sources[inputs[i]] = new(CapturedProgram.From.Input, i);
    }

    /// <summary>Calls the function on this thread and writes down what it does.</summary>
    /// <param name="function">What is captured.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="program">What replays the call; null if this one cannot be replayed.</param>
    public Tensor[] Trace(Func<Tensor[], Tensor[]> function, IReadOnlyList<Tensor> arguments, out CapturedProgram? program)
    {
        var parameters = arguments.Select((a, i) => new Tensor(Build.Buffer(a.DType, a.Shape, inputs[i]))).ToArray();
        made.UnionWith(parameters);
        given.UnionWith(parameters);
        Enter();
        try
        {
            return Finish(function(parameters), arguments, out program);
        }
        finally { Leave(); }
    }

    void Enter()
    {
        Interlocked.Increment(ref tracing);
        (outer, current) = (current, this);
    }

    void Leave()
    {
        current = outer;
        Interlocked.Decrement(ref tracing);
    }

    /// <summary>While something is computed tensors are looked at for other reasons than the function's.</summary>
    public static Pause Paused() => new(Current);

    public readonly ref struct Pause
    {
        public Capture? Capture { get; }

        public Pause(Capture? capture)
        {
            Capture = capture;
            if (capture is not null) current = null;
        }

        public void Dispose()
        {
            if (Capture is not null) current = Capture;
        }
    }

    // ---- what tensors tell ----

    public void Made(Tensor tensor) => made.Add(tensor);

    /// <summary>A tensor's node is used.</summary>
    /// <returns>It had to be computed first: what was not computed before the call must not be computed in every call.</returns>
    public bool Read(Tensor tensor)
    {
        if (made.Contains(tensor) || rebound.Contains(tensor) || !held.Add(tensor)) return false;
        using var paused = Paused();
        if (tensor is { Node: { Op: Op.Const } number, Rank: 0 })
        {
            numbersOutside.Add((tensor, number)); // a number of the program has a say in what dtype a result has: it stays one
            return false;
        }
        bool isComputed = tensor.Memory is null;
        if (isComputed) tensor.Realize();
        Hold(tensor, gradientOf.GetValueOrDefault(tensor));
        return isComputed;
    }

    void Hold(Tensor tensor, Tensor? parameter)
    {
        int at = outside.FindIndex(o => ReferenceEquals(o.Memory, tensor.Memory));
        if (at >= 0) outside[at].Others.Add(tensor);
        else
        {
            sources.TryAdd(tensor.Memory!, new(CapturedProgram.From.Outside, outside.Count));
            outside.Add(new(tensor, parameter, tensor.Memory!));
        }
    }

    /// <summary>The gradient a parameter had before the call is looked up in the parameter at each call, as it will be another tensor.</summary>
    public void ReadGradient(Tensor parameter, Tensor gradient)
    {
        if (!made.Contains(gradient)) gradientOf.TryAdd(gradient, parameter);
    }

    public void SetGradient(Tensor parameter, Tensor? gradient)
    {
        if (gradient is null) cleared.Add(parameter);
        else if (!made.Contains(gradient)) Unreplayable ??= $"it sets a gradient to a tensor from outside";
        else if (!differentiated.Contains(parameter)) differentiated.Add(parameter);
    }

    /// <exception cref="IngotException">The tensor is an argument.</exception>
    public void Assigning(Tensor tensor)
    {
        if (given.Contains(tensor))
            throw new IngotException($"a compiled function assigns to its argument {tensor.DType.Name}{tensor.Shape}{Line()}: what it updates in place must be its own, a field or a variable that it captures; an argument may be other memory at each call");
        if (!made.Contains(tensor)) assigned.Add(tensor);
        else Unreplayable ??= $"it assigns to a tensor {tensor.DType.Name}{tensor.Shape} that it made itself";
    }

    /// <summary>Memory was given to a tensor that had none of its own: the next call will find another structure.</summary>
    public void Unsettled() => Unreplayable ??= "it was the first to assign to a tensor";

    /// <summary>A tensor stands for another value now.</summary>
    public void Rebound(Tensor tensor)
    {
        if (!made.Contains(tensor) && !rebound.Contains(tensor)) rebound.Add(tensor);
    }

    /// <summary>Random numbers were drawn: at each call as many, from where the stream is then.</summary>
    public void Drawn(RandomState start, ulong n)
    {
        drawn[(start.Seed, start.Counter)] = numbers;
        numbers += n;
    }

    /// <summary>What cannot be captured.</summary>
    /// <exception cref="IngotException">In a capture: a replay runs kernels, and would not come by here.</exception>
    public static void Refuse(string what, Tensor? tensor)
    {
        if (Current is null) return;
        throw new IngotException($"{what}{(tensor is null ? "" : $" of a tensor {tensor.DType.Name}{tensor.Shape}")} inside a compiled function{Line()}: a replay does not run the C# code again. Return the tensor and do it outside");
    }

    static string Line() => Origins.UserLine() is { } line ? $", at {line}" : "";

    /// <summary>What an optimizer does in C# at each step, before what is computed next.</summary>
    /// <param name="forward">Goes to the next step.</param>
    /// <param name="back">Takes that back when the call fails before the step was computed.</param>
    /// <param name="parameters">Their gradients are used up.</param>
    public void BeforeNext(Action forward, Action back, IEnumerable<Tensor> parameters)
    {
        advances.Add(new(segments.Count, forward, back));
        updated.AddRange(parameters);
    }

    // ---- what the realiser tells ----

    /// <summary>An argument in memory that the plan is about to overwrite is copied.</summary>
    public void BeforeExecution(Plan plan, PlanKey key)
    {
        foreach (int leaf in plan.AssignedLeaves)
            foreach (var input in inputs)
                if (input.Address == key.Leaves[leaf].Address && input != key.Leaves[leaf]) input.Copy();
    }

    public void Executed(Plan plan, PlanKey key, IReadOnlyList<Node> targets, Storage[] results)
    {
        int at = segments.Count;
        var leaves = key.Leaves.ConvertAll(s => sources.TryGetValue(s, out var known) ? known : new(CapturedProgram.From.Constant, 0) { Memory = s });
        var randoms = new List<(int, ulong)>();
        foreach (var (scalar, stream) in key.RandomScalars)
            if (drawn.TryGetValue((stream.Key, stream.Counter), out ulong offset)) randoms.Add((scalar, offset));
        string?[] origins = [.. key.Checked.Select(n => n.Origin)];
        segments.Add(new(plan, [.. leaves], [.. key.Scalars], [.. key.HostScalars], [.. randoms],
            [.. targets.Select((t, i) => (t, i)).Where(x => x.t.Op == Op.Assign).Select(x => plan.OutputOf[x.i])], i => origins[i]));
        for (int o = 0; o < results.Length; o++) sources.TryAdd(results[o], new(CapturedProgram.From.Result, o) { Segment = at });
        if (plan.AssignedLeaves.Any(l => leaves[l].From != CapturedProgram.From.Outside)) Unreplayable ??= "it assigns to memory that it made itself";
    }

    public void Interpreted() => Unreplayable ??= "it runs in the interpreter";

    // ---- the end ----

    Tensor[] Finish(Tensor[] results, IReadOnlyList<Tensor> arguments, out CapturedProgram? program)
    {
        var gradients = differentiated.Where(p => !updated.Contains(p)).ToList();
        rebound.RemoveAll(t => gradientOf.TryGetValue(t, out var p) && updated.Contains(p));
        if (rebound.Exists(gradientOf.ContainsKey)) Unreplayable ??= "it changes gradients from before the call";
        if (rebound.Exists(t => numbersOutside.Exists(n => n.Tensor == t))) Unreplayable ??= "it changes what was a number of the program";
        Realizer.Realize([.. results, .. rebound, .. gradients.Select(GradientOf).OfType<Tensor>()], Cancellation);
        using var paused = Paused();
        // A gradient that an optimizer's step has used up stands on weights that are gone.
        foreach (var p in updated)
            if (p.Grad is { Memory: null })
            {
                p.Grad = null;
                cleared.Add(p);
            }
        foreach (var p in gradients)
            if (gradientOf.ContainsValue(p) && !cleared.Contains(p)) Unreplayable ??= "it adds to gradients from before the call; ZeroGrad() inside, or before it";
        program = null;
        if (Unreplayable is null)
        {
            var outputs = results.Select(r => OutputOf(r, made.Contains(r) ? null : r)).ToList();
            var rebinds = rebound.Select(t => OutputOf(t, t)).Where(o => o.Source.From != CapturedProgram.From.Outside).ToList();
            var newGradients = gradients.Where(p => GradientOf(p) is not null).Select(p => (p, OutputOf(GradientOf(p)!, null))).ToList();
            program = new(arguments, segments, outside, numbersOutside, outputs, rebinds, newGradients, cleared, advances, numbers);
        }
        // Marks of the graph do not outlive the call: a replay has none.
        return [.. results.Select(r => made.Contains(r) ? new Tensor(Detached(r)) : r)];
    }

    Tensor? GradientOf(Tensor parameter)
    {
        using var paused = Paused();
        return parameter.Grad;
    }

    /// <summary>The computed values alone; an argument that is handed back is the caller's memory.</summary>
    static Node Detached(Tensor r)
    {
        var memory = r.Memory!;
        return Build.Buffer(r.DType, r.Shape, memory is InputStorage input ? input.Owner : memory);
    }

    CapturedProgram.Output OutputOf(Tensor t, Tensor? handle)
    {
        var memory = t.Memory!;
        return new(sources.TryGetValue(memory, out var source) ? source : new(CapturedProgram.From.Constant, 0) { Memory = memory }, t.DType, t.Shape, handle);
    }
}

/// <summary>An argument's memory under an identity of its own: one tensor may be passed twice, or be a weight as well, in one call and not in the next.</summary>
sealed class InputStorage : Storage
{
    public Storage Owner { get; private set; }

    public InputStorage(Storage owner)
    {
        GC.SuppressFinalize(this); // the owner releases
        Owner = owner;
        (Address, Bytes) = (owner.Address, owner.Bytes);
    }

    /// <summary>The present values get memory of their own.</summary>
    public void Copy()
    {
        var copy = Allocate(Bytes);
        Owner.CopyTo(copy, Bytes);
        (Owner, Address) = (copy, copy.Address);
    }

    protected override void Release() { }
}
