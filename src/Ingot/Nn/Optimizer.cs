using Ingot.Autograd;
using Ingot.Graph;
using Ingot.Schedule;

namespace Ingot.Nn;

/// <summary>Parameters that are updated with the same hyper-parameters; those left null are the optimizer's.</summary>
public sealed class ParameterGroup(IEnumerable<Tensor> parameters)
{
    public IReadOnlyList<Tensor> Parameters { get; } = [.. parameters];

    public Schedule? LearningRate { get; init; }

    public Schedule? WeightDecay { get; init; }
}

/// <summary>
/// Updates parameters from their gradients, all of them in one schedule: the update of every tensor, the gradients that feed it and the loss are computed together.
/// </summary>
/// <remarks>
/// Hyper-parameters that may change enter the graph as <see cref="HostValue"/>s: arguments of a launch whatever their values, so that a new learning rate compiles
/// nothing, and looked at again at every replay of a <see cref="Compiled"/> step.
/// </remarks>
public abstract class Optimizer
{
    /// <summary>A parameter with what the optimizer remembers about it.</summary>
    internal sealed record Slot(Tensor Parameter, ParameterGroup Group, Tensor[] State);

    /// <summary>Something remembered of every parameter: its name in the state dict, and its shape where that is not the parameter's.</summary>
    private protected sealed record Memory(string Name, Func<Shape, Shape>? Shape = null)
    {
        public static implicit operator Memory(string name) => new(name);
    }

    readonly Memory[] memories;
    readonly List<Slot> slots = [];
    readonly Schedule learningRate, weightDecay;
    Number progress = 0;

    /// <summary>Steps taken so far.</summary>
    public long Steps { get; private set; }

    private protected Optimizer(IEnumerable<ParameterGroup> groups, Schedule learningRate, Schedule weightDecay, params Memory[] memories)
    {
        (this.learningRate, this.weightDecay, this.memories) = (learningRate, weightDecay, memories);
        var seen = new HashSet<Tensor>(ReferenceEqualityComparer.Instance);
        foreach (var group in groups)
            foreach (var p in group.Parameters)
            {
                if (!p.RequiresGrad) throw new IngotException($"parameter {slots.Count}, {p.DType.Name}{p.Shape}, does not require a gradient; set RequiresGrad");
                if (!p.IsLeaf) throw new IngotException($"parameter {slots.Count}, {p.DType.Name}{p.Shape}, is the result of an operation and never gets a gradient; pass the tensor it was computed from, or Detach().WithGrad()");
                if (!seen.Add(p)) throw new IngotException($"parameter {slots.Count}, {p.DType.Name}{p.Shape}, is in the optimizer twice");
                slots.Add(new(p, group, [.. memories.Select(m => Tensor.OwnZeros(m.Shape?.Invoke(p.Shape) ?? p.Shape, p.DType))]));
            }
        if (slots.Count == 0) throw new IngotException("an optimizer needs at least one parameter");
        Tensor.Realize([.. slots.Select(s => s.Parameter)]);
        foreach (var s in slots) s.Parameter.Own(); // the first step already works in place, so that the second has its form
    }

    /// <summary>Forgets the gradients of all parameters.</summary>
    public void ZeroGrad()
    {
        foreach (var s in slots) s.Parameter.ZeroGrad();
    }

    /// <summary>Computes the gradients, if they have not been, and updates every parameter that has one, in place.</summary>
    /// <param name="progress">How much of the training is done, from 0 to 1: what the schedules are functions of; 0 by default. Inside a <see cref="Compiled"/> function a <see cref="Number"/>.</param>
    /// <param name="onlyIf">A bool scalar, computed with the step; where it is false, parameters and what is remembered of them stay as they were. The step counts all the same.</param>
    /// <param name="cancellation">Checked until the first parameter is updated.</param>
    /// <exception cref="IngotException">Inside a compiled function a schedule was given a plain number.</exception>
    /// <remarks>A step that fails, cancelled, out of memory or with a bad index, has changed nothing and can be taken again.</remarks>
    public void Step(Number? progress = null, Tensor? onlyIf = null, CancellationToken cancellation = default) => StepTogether([this], progress, onlyIf, cancellation);

    /// <summary>A step of several optimizers in one schedule.</summary>
    internal static void StepTogether(IReadOnlyList<Optimizer> parts, Number? progress, Tensor? onlyIf, CancellationToken cancellation)
    {
        progress ??= 0;
        if (Capture.Current is not null && progress.IsFixed && parts.Any(o => o.HasSchedules))
            throw new IngotException("Step() inside a compiled function would use this progress at every replay; make it a Number outside, var progress = new Number(0), pass that, and set its Value before each call");
        var slots = parts.SelectMany(o => o.slots).ToList();
        var before = slots.ConvertAll(s => (s.Parameter.Node, State: Array.ConvertAll(s.State, t => t.Node)));
        var steps = parts.Select(o => o.Steps).ToList();
        var targets = parts.SelectMany(o => o.Assignments(progress, onlyIf)).ToList();
        if (targets.Count == 0) return;
        try
        {
            Realizer.Realize(targets, cancellation);
        }
        catch
        {
            foreach (var (optimizer, count) in parts.Zip(steps)) optimizer.Steps = count;
            for (int i = 0; i < slots.Count; i++)
            {
                slots[i].Parameter.Node = before[i].Node;
                for (int k = 0; k < slots[i].State.Length; k++) slots[i].State[k].Node = before[i].State[k];
            }
            throw;
        }
        foreach (var s in slots) Forget(s);
    }

    /// <summary>What this optimizer updates.</summary>
    internal IEnumerable<Tensor> Parameters => slots.Select(s => s.Parameter);

    bool HasSchedules => !learningRate.IsConstant || !weightDecay.IsConstant || HasOtherSchedules || slots.Exists(s => s.Group is { LearningRate.IsConstant: false } or { WeightDecay.IsConstant: false });

    /// <summary>Whether anything but the learning rate and weight decay depends on the progress.</summary>
    private protected virtual bool HasOtherSchedules => false;

    /// <summary>One step, built but not computed: the parameters and states with their new values assigned, and the losses to be computed with them.</summary>
    internal List<Tensor> Assignments(Number progress, Tensor? onlyIf = null)
    {
        var active = slots.Where(s => s.Parameter.Grad is not null).ToList();
        if (active.Count == 0) return [];
        this.progress = progress;
        Steps++;
        Capture.Current?.BeforeNext(() => { this.progress = progress; Steps++; }, () => Steps--, active.Select(s => s.Parameter));
        var targets = new List<Tensor>(Companions.TakeResults([.. active.Select(s => s.Parameter.Grad!)]));
        using var noGrad = new NoGrad();
        foreach (var s in active)
        {
            var (value, state) = Update(s.Parameter.Detach(), s.Parameter.Grad!.To(s.Parameter.DType), s.State, s.Group);
            targets.Add(s.Parameter.Assign(Unless(value, s.Parameter.Detach())));
            for (int i = 0; i < state.Length; i++) targets.Add(s.State[i].Assign(Unless(state[i], s.State[i])));
        }
        return targets;

        Tensor Unless(Tensor changed, Tensor old) => onlyIf is null ? changed : onlyIf.Where(changed, old);
    }

    /// <summary>A tensor looks up its memory when it is used: doing so now lets go of this step's graph.</summary>
    static void Forget(Slot s)
    {
        _ = s.Parameter.Node;
        foreach (var state in s.State) _ = state.Node;
    }

    /// <summary>The new values of a parameter and of its state.</summary>
    private protected abstract (Tensor Value, Tensor[] State) Update(Tensor p, Tensor g, Tensor[] state, ParameterGroup group);

    /// <summary>What a schedule says of this step.</summary>
    private protected double Now(Schedule schedule) => schedule.At(progress.Value);

    private protected Schedule LearningRateOf(ParameterGroup group) => group.LearningRate ?? learningRate;

    private protected Schedule WeightDecayOf(ParameterGroup group) => group.WeightDecay ?? weightDecay;

    /// <summary>Some weight decay, at some time.</summary>
    private protected bool Decays(ParameterGroup group) => WeightDecayOf(group) is var decay && !(decay.IsConstant && decay.At(0) == 0);

    /// <summary>The number of steps and what is remembered of each parameter, by names like <c>0.exp_avg</c>; enough to continue bit for bit.</summary>
    public IReadOnlyDictionary<string, Tensor> StateDict()
    {
        var dict = new OrderedDictionary<string, Tensor> { ["step"] = Tensor.From([Steps], 1) };
        for (int i = 0; i < slots.Count; i++)
            for (int k = 0; k < memories.Length; k++) dict[$"{i}.{memories[k].Name}"] = slots[i].State[k];
        return dict;
    }

    /// <summary>Restores what <see cref="StateDict"/> gave.</summary>
    /// <exception cref="IngotException">A name is missing or unknown, or a shape differs; all of them are listed.</exception>
    public void LoadStateDict(IReadOnlyDictionary<string, Tensor> state)
    {
        StateLoading.Load(StateDict(), state, strict: true, "the optimizer");
        Steps = state["step"].ToArray<long>()[0];
    }
}
