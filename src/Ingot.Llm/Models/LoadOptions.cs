using Ingot.Formats;

namespace Ingot.Llm.Models;

/// <summary>How a model's file is to be taken.</summary>
public sealed record LoadOptions
{
    /// <summary>The precision that matrices are brought to: F32, F16, BF16, or a quantized type. Null: each stays as it is in the file, where it lies.</summary>
    public GgmlType? Dtype { get; init; }

    /// <summary>A tokenizer's file, in the place of the one that comes with the model.</summary>
    public string? Tokenizer { get; init; }

    /// <summary>The most positions to be used, at most the model's own; null: its own (with LongRoPE, those of its first training).</summary>
    public int? ContextLength { get; init; }
}
