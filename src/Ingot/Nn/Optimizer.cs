using Ingot.Autograd;
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
/// Hyper-parameters enter the graph as float constants computed in C#: the compiler passes those as launch arguments, so that a new learning rate compiles nothing.
/// Only 0, 1 and -1 belong to a kernel's structure; a value that changes from step to step is kept off them by <see cref="Changing"/>.
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
    /// <param name="progress">How much of the training is done, from 0 to 1: what the schedules are functions of.</param>
    /// <param name="cancellation">Checked until the first parameter is updated.</param>
    /// <remarks>A step that fails, cancelled, out of memory or with a bad index, has changed nothing and can be taken again.</remarks>
    public void Step(double progress = 0, CancellationToken cancellation = default) => StepTogether([this], progress, cancellation);

    /// <summary>A step of several optimizers in one schedule.</summary>
    internal static void StepTogether(IReadOnlyList<Optimizer> parts, double progress, CancellationToken cancellation)
    {
        var slots = parts.SelectMany(o => o.slots).ToList();
        var before = slots.ConvertAll(s => (s.Parameter.Node, State: Array.ConvertAll(s.State, t => t.Node)));
        var steps = parts.Select(o => o.Steps).ToList();
        var targets = parts.SelectMany(o => o.Assignments(progress)).ToList();
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

    /// <summary>One step, built but not computed: the parameters and states with their new values assigned, and the losses to be computed with them.</summary>
    internal List<Tensor> Assignments(double progress)
    {
        var active = slots.Where(s => s.Parameter.Grad is not null).ToList();
        if (active.Count == 0) return [];
        Prepare(++Steps, progress);
        var targets = new List<Tensor>(Companions.TakeResults([.. active.Select(s => s.Parameter.Grad!)]));
        using var noGrad = new NoGrad();
        foreach (var s in active)
        {
            var rate = s.Group.LearningRate ?? learningRate;
            var decay = s.Group.WeightDecay ?? weightDecay;
            var (value, state) = Update(s.Parameter.Detach(), s.Parameter.Grad!.To(s.Parameter.DType), s.State,
                new(rate.At(progress), decay.At(progress), rate.IsConstant, decay.IsConstant));
            targets.Add(s.Parameter.Assign(value));
            for (int i = 0; i < state.Length; i++) targets.Add(s.State[i].Assign(state[i]));
        }
        return targets;
    }

    /// <summary>A tensor looks up its memory when it is used: doing so now lets go of this step's graph.</summary>
    static void Forget(Slot s)
    {
        _ = s.Parameter.Node;
        foreach (var state in s.State) _ = state.Node;
    }

    /// <summary>What a step is done with.</summary>
    private protected readonly record struct Rates(double LearningRate, double WeightDecay, bool HasConstantRate, bool HasConstantDecay);

    /// <summary>Called once a step, before the parameters; the first step has number 1.</summary>
    private protected virtual void Prepare(long step, double progress) { }

    /// <summary>The new values of a parameter and of its state.</summary>
    private protected abstract (Tensor Value, Tensor[] State) Update(Tensor p, Tensor g, Tensor[] state, Rates rates);

    /// <summary>
    /// A value that may differ at the next step, kept off 0, 1 and -1 by less than the dtype's sums and products can tell: the smallest normal number times
    /// anything that occurs is lost in a sum, and the neighbour of 1 is half a rounding away.
    /// </summary>
    private protected static double Changing(double value, DType dtype) => dtype == DType.F64
        ? value switch { 0 => Tiny(dtype), 1 => Math.BitDecrement(1.0), -1 => Math.BitIncrement(-1.0), _ => value }
        : (float)value switch { 0 => Tiny(dtype), 1 => 1 - 6e-8, -1 => -1 + 6e-8, _ => value };

    /// <summary>
    /// x times a value that may differ at the next step, to the bit: the value as two factors that are never 0, 1 or -1. For 0 both are so small
    /// that nothing is left of x, however small what it is added to.
    /// </summary>
    private protected static Tensor TimesChanging(Tensor x, double value)
    {
        bool isWide = x.DType == DType.F64;
        if ((isWide ? value : (float)value) == 0) return x * Tiny(x.DType) * Tiny(x.DType);
        return Math.Abs(isWide ? value : (float)value) == 0.5 ? x * (4 * value) * 0.25 : x * (2 * value) * 0.5; // by powers of two, which round nothing
    }

    /// <summary>About the smallest normal number of what the dtype computes in.</summary>
    private protected static double Tiny(DType dtype) => dtype == DType.F64 ? 2.3e-308 : 1.2e-38;

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
