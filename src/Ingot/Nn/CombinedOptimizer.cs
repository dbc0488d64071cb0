namespace Ingot.Nn;

/// <summary>
/// Several optimizers as one: Muon for the matrices inside a model and AdamW for the rest, say. A step of all of them is one schedule, so that the gradients are computed together.
/// </summary>
/// <example><code>new CombinedOptimizer(new Muon(matrices), new AdamW(others))</code></example>
public sealed class CombinedOptimizer
{
    readonly IReadOnlyList<Optimizer> parts;

    /// <exception cref="IngotException">There is no part, or two have a parameter in common.</exception>
    public CombinedOptimizer(params IReadOnlyList<Optimizer> parts)
    {
        this.parts = [.. parts];
        if (parts.Count == 0) throw new IngotException("a combined optimizer needs at least one part");
        var seen = new HashSet<Tensor>(ReferenceEqualityComparer.Instance);
        foreach (var (i, part) in parts.Index())
            foreach (var p in part.Parameters)
                if (!seen.Add(p)) throw new IngotException($"a parameter of part {i}, {p.DType.Name}{p.Shape}, is in an earlier part too; each is updated by one");
    }

    /// <inheritdoc cref="Optimizer.ZeroGrad"/>
    public void ZeroGrad()
    {
        foreach (var part in parts) part.ZeroGrad();
    }

    /// <inheritdoc cref="Optimizer.Step"/>
    public void Step(Number? progress = null, Tensor? onlyIf = null, CancellationToken cancellation = default) => Optimizer.StepTogether(parts, progress, onlyIf, cancellation);

    /// <summary>The states of all parts, each under its number: <c>0.step</c>, <c>1.0.exp_avg</c>.</summary>
    public IReadOnlyDictionary<string, Tensor> StateDict()
    {
        var dict = new OrderedDictionary<string, Tensor>();
        foreach (var (i, part) in parts.Index())
            foreach (var (name, tensor) in part.StateDict()) dict[$"{i}.{name}"] = tensor;
        return dict;
    }

    /// <summary>Restores what <see cref="StateDict"/> gave.</summary>
    /// <exception cref="IngotException">A name is missing or unknown, or a shape differs; all of them are listed. Nothing is changed then.</exception>
    public void LoadStateDict(IReadOnlyDictionary<string, Tensor> state)
    {
        StateLoading.Load(StateDict(), state, strict: true, "the optimizer");
        foreach (var (i, part) in parts.Index())
            part.LoadStateDict(part.StateDict().Keys.ToDictionary(name => name, name => state[$"{i}.{name}"]));
    }
}
