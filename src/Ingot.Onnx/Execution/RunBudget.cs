namespace Ingot.Onnx.Execution;

/// <summary>What one run may take, shared by the walks through its graph, its subgraphs and its functions.</summary>
/// <param name="maxBytes">Most bytes that the values alive at one time may take if none is fused away.</param>
/// <param name="cancellation">Checked at every node.</param>
sealed class RunBudget(long maxBytes, CancellationToken cancellation)
{
    public CancellationToken Cancellation => cancellation;

    /// <summary>Bytes of the values alive now. Wider than any sum of sizes that files can state.</summary>
    public Int128 Live { get; set; }

    /// <summary>Refuses what does not fit beside the values that are alive.</summary>
    /// <param name="bytes">Bytes to come.</param>
    /// <param name="who">For the message: the node.</param>
    /// <exception cref="IngotException">It does not fit.</exception>
    public void Afford(Int128 bytes, string who)
    {
        if (Live + bytes > maxBytes) throw new IngotException($"{who}: the values alive here take up to {Live + bytes:N0} bytes, {maxBytes:N0} are allowed");
    }

    /// <summary>Bytes of a value's tensors.</summary>
    public static Int128 BytesOf(OnnxValue? value)
    {
        Int128 sum = 0;
        if (value is not null)
            foreach (var tensor in value.Tensors) sum += (Int128)tensor.Storage.Count * tensor.Storage.DType.Size;
        return sum;
    }
}
