namespace Ingot.Onnx;

/// <summary>How a model is loaded and run.</summary>
public sealed record OnnxOptions
{
    /// <summary>Products and convolutions in bf16 where the matrix unit has it, as <see cref="Precision.Bf16"/> says.</summary>
    public bool IsBf16 { get; init; }

    /// <summary>Most bytes that weights, values and what the plan of a run needs besides may take together; a run that needs more is refused before it begins. Null: what the machine has.</summary>
    public long? MaxMemory { get; init; }

    /// <summary>Whether what is compiled for the model is kept in the folder INGOT_CACHE, and found there by later processes. Null: of a model in a file, it is.</summary>
    public bool? KeepsKernels { get; init; }
}
