using Ingot.Graph;

namespace Ingot.Kernels;

/// <summary>The innermost loop of a product: some turns stand side by side.</summary>
static class SideBySide
{
    /// <summary>Turns in one pass of the loop: its own counting takes issue slots that multiply-adds and loads want, the more so where a core is shared (132 to 148 GFLOPS).</summary>
    public const int Turns = 4;

    /// <summary>The body for every place of an axis between two ends, in order.</summary>
    /// <param name="into">Gets the loops.</param>
    /// <param name="axis">The axis, whose extent bounds the places.</param>
    /// <param name="from">The first place.</param>
    /// <param name="to">The place after the last.</param>
    /// <param name="turns">How many stand side by side.</param>
    /// <param name="isWhole">The number of places is known to be a multiple of that.</param>
    /// <param name="body">Adds what is done at a place.</param>
    public static void Loop(List<Stmt> into, Node axis, Node from, Node to, int turns, bool isWhole, Action<List<Stmt>, Node> body)
    {
        var last = to;
        if (!isWhole) last = IndexMath.Add(from, IndexMath.Mul(IndexMath.Div(IndexMath.Add(to, IndexMath.Mul(from, -1)), turns), turns));
        var loop = new For(axis, from, last, turns);
        into.Add(loop);
        for (int turn = 0; turn < turns; turn++) body(loop.Body, IndexMath.Add(axis, turn));
        if (isWhole) return;
        var rest = new For(Ir.Range(Ir.Extent(axis)), last, to);
        into.Add(rest);
        body(rest.Body, rest.Var);
    }
}
