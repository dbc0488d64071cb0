using Ingot.Formats;

namespace Ingot.Llm.Models;

/// <summary>Which type each tensor of a quantized GGUF file gets: as llama.cpp's quantize chooses, without its mixtures by layer.</summary>
static class TensorTypes
{
    /// <param name="name">GGUF's name of the tensor.</param>
    /// <param name="weight">As it is.</param>
    /// <param name="wanted">For the model's matrices; null: as they are.</param>
    /// <param name="isHead">The embedding is the output matrix, too.</param>
    public static GgmlType Of(string name, Weight weight, GgmlType? wanted, bool isHead)
    {
        // Vectors, and tables that are added and not multiplied with: small, and llama.cpp has no kernels for them in other types.
        if (!Matrices.IsOne(name, weight) || name == "position_embd.weight") return GgmlType.F32;
        if (wanted is not { } type) return weight.Type;
        // The output matrix decides about every token directly; few bits there cost more than anywhere else.
        bool decides = name == "output.weight" || (isHead && name == "token_embd.weight");
        if (decides && type.BitsPerValue < GgmlType.Q6_K.BitsPerValue) type = weight.Shape[^1] % GgmlType.Q6_K.BlockLength == 0 ? GgmlType.Q6_K : GgmlType.Q8_0;
        else if (name == "token_embd.weight" && type.BitsPerValue < 3) type = GgmlType.Q4_K; // a row is used alone: no sum evens its errors out
        return Matrices.TypeOf(weight.Shape, type);
    }
}
