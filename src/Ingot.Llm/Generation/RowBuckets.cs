using System.Numerics;
using Ingot.Llm.Models;

namespace Ingot.Llm.Generation;

/// <summary>
/// For how many rows plans are compiled. A power of two that comes up seldom runs in a larger plan that there is already: compiling takes as long as thousands of rows of a small model.
/// </summary>
/// <param name="most">The most rows of a plan, rounded up to a power of two.</param>
/// <param name="patience">Rows computed for nothing, after which a fitting plan is worth compiling.</param>
/// <param name="fewest">The fewest rows of a plan.</param>
/// <remarks>The choice depends on the counts that were asked for alone, never on time.</remarks>
sealed class RowBuckets(int most, double patience, int fewest = RowBuckets.Fewest)
{
    /// <summary>At least four rows: of one or two the compiler makes other kernels, which add up in another order than those of many rows.</summary>
    const int Fewest = 4;

    /// <summary>Products of no more multiplications than this are not compiled as products of matrices: the loop adds up in another order.</summary>
    const long SmallProduct = 4096;

    readonly bool[] isCompiled = new bool[32]; // by log2 of the rows
    readonly double[] wasted = new double[32];
    readonly int smallest = BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)fewest)), largest = BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)Math.Max(fewest, most)));

    /// <summary>The fewest rows from which on each product of a model has the same bits a row, whatever the number of rows: one where all matrices are multiplied as they are stored, which has that by itself.</summary>
    public static int FewestOf(Decoder model)
    {
        if (model.Projections().All(p => p.Matrix.Stored is not null || p.Name == "model.embed_positions")) return 1; // positions are looked up
        var config = model.Config;
        long smallest = config.Width * (long)Math.Min(Math.Min(config.Hidden, config.VocabularySize), config.KeyHeads * config.HeadWidth);
        return (int)Math.Max(Fewest, BitOperations.RoundUpToPowerOf2((ulong)(SmallProduct / smallest + 1)));
    }

    int Log2(int rows) => Math.Max(smallest, BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)rows)));

    /// <summary>Rows of the plan that this many are to be computed with.</summary>
    public int For(int rows)
    {
        int fitting = Log2(rows), used = fitting;
        while (used <= largest && !isCompiled[used]) used++;
        if (used > largest) used = fitting; // no larger one is there
        else if (used > fitting && (wasted[fitting] += (1 << used) - (1 << fitting)) > patience) used = fitting;
        isCompiled[used] = true;
        return 1 << used;
    }
}
