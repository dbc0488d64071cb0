using System.Numerics;

namespace Ingot.Llm.Generation;

/// <summary>
/// For how many rows plans are compiled. A power of two that comes up seldom runs in a larger plan that there is already: compiling takes as long as thousands of rows of a small model.
/// </summary>
/// <param name="most">The most rows of a plan, rounded up to a power of two.</param>
/// <param name="patience">Rows computed for nothing, after which a fitting plan is worth compiling.</param>
/// <remarks>The choice depends on the counts that were asked for alone, never on time.</remarks>
sealed class RowBuckets(int most, double patience)
{
    /// <summary>At least four rows: of one or two the compiler makes other kernels, which add up in another order than those of many rows.</summary>
    const int Fewest = 4;

    readonly bool[] isCompiled = new bool[32]; // by log2 of the rows
    readonly double[] wasted = new double[32];
    readonly int largest = Log2(most);

    static int Log2(int rows) => BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)Math.Max(Fewest, rows)));

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
