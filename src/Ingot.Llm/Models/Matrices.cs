using Ingot.Formats;

namespace Ingot.Llm.Models;

/// <summary>Which weights are brought to another precision: matrices; vectors are small and stay float32.</summary>
static class Matrices
{
    public static bool IsOne(string name, Weight weight) => weight.Shape.Rank == 2 && !name.Contains("embed_positions", StringComparison.Ordinal);

    /// <summary>A matrix in another type, or the nearest that its rows are whole blocks of.</summary>
    /// <param name="weight">The matrix.</param>
    /// <param name="type">The type wanted.</param>
    public static Weight Converted(Weight weight, GgmlType type) => weight.As(TypeOf(weight.Shape, type));

    /// <summary>The type that a matrix of this shape can have: one with smaller blocks where rows are no whole blocks of the one wanted, else half precision.</summary>
    /// <param name="shape">Of the matrix.</param>
    /// <param name="type">The type wanted.</param>
    public static GgmlType TypeOf(Shape shape, GgmlType type)
    {
        if (!type.IsQuantized || shape[^1] % type.BlockLength == 0) return type;
        var smaller = type switch { GgmlType.Q2_K or GgmlType.Q3_K or GgmlType.Q4_K or GgmlType.IQ4_XS or GgmlType.TQ1_0 or GgmlType.TQ2_0 => GgmlType.Q4_0, GgmlType.Q5_K => GgmlType.Q5_0, _ => GgmlType.Q8_0 };
        return shape[^1] % smaller.BlockLength == 0 ? smaller : GgmlType.F16;
    }
}
