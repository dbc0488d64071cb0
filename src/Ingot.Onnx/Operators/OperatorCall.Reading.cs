namespace Ingot.Onnx.Operators;

/// <summary>Values of subgraphs, and what the run allows.</summary>
sealed partial class OperatorCall
{
    /// <summary>The elements of a value made on the way, computed now.</summary>
    public T[] Read<T>(OnnxTensor tensor) where T : unmanaged => run.Read<T>(tensor);

    /// <summary>Whether a condition is known to be true without computing anything that depends on the run's inputs.</summary>
    public bool IsGiven(OnnxTensor condition) => condition.IsConstant && run.Read<bool>(condition)[0];

    /// <summary>A text attribute that later opsets made a number; null where it is absent or a number.</summary>
    public string? OptionalName(string name) => node.Attributes.TryGetValue(name, out var attribute) && attribute.Kind == Format.OnnxAttributeKind.String ? attribute.Text : null;

    /// <summary>To be checked in loops that nodes do not pass through.</summary>
    public CancellationToken Cancellation => run.Budget.Cancellation;

    /// <summary>Refuses an array of C# that is larger than what the run has left. To be asked before allocating what inputs or attributes give the size of.</summary>
    /// <param name="elements">Elements; a product of extents must not be made in less than 128 bits.</param>
    /// <param name="size">Bytes of one.</param>
    /// <exception cref="IngotException">It does not fit.</exception>
    public void Afford(Int128 elements, int size) => run.Budget.Afford(elements * size, node.Title);

    /// <summary>Counts a value that the operator keeps until it returns.</summary>
    public void Hold(OnnxValue? value)
    {
        run.Budget.Live += Execution.RunBudget.BytesOf(value);
        run.Budget.Afford(0, node.Title);
    }

    /// <summary>Computes values now.</summary>
    public void Realize(IEnumerable<OnnxValue?> values)
    {
        var tensors = values.OfType<OnnxValue>().SelectMany(v => v.Tensors).Where(t => !t.IsKnown).Select(t => t.Storage).Distinct().ToList();
        if (tensors.Count > 0) Schedule.Realizer.Realize(tensors, Cancellation);
    }
}
