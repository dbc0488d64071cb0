using Ingot.Graph;

namespace Ingot.Kernels;

/// <summary>
/// Results that lie along the rows of the product (a convolution's pixels, where its channels are in vectors): the tiles of some rows go to scratch, are
/// turned there square by square, and what follows the sum runs in vectors along the rows.
/// </summary>
sealed partial class ContractionNest
{
    /// <summary>Results are stored along the rows.</summary>
    bool turnsResults;

    /// <summary>Row tiles that are finished together: so many that their rows are whole vectors.</summary>
    int Group
    {
        get
        {
            int group = 1;
            while (group * rows % lanes != 0) group++;
            return group;
        }
    }

    /// <summary>Everything that is stored, and read for it beside the sum, moves along the ranges as along one, or not at all; and no store writes what is read.</summary>
    bool StoresAreFlat(List<Node> ranges)
    {
        var sum = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance) { [fold] = Graph.Build.Const(DType.F32, Shape.Scalar, 0L) };
        return kernel.Steps[0].Stores.TrueForAll(s => IsFlatIndex(s.Index, ranges) && IndexMath.Of(s.Index).FactorOf(ranges[^1]) == 1 && IsFlat(Ir.Substitute(s.Value, sum), ranges));
    }

    /// <summary>A group of row tiles in scratch, [row][column], is turned and finished.</summary>
    List<Stmt> FinishGroup(List<StoreSpec> stores, int slot, Node group, Node nt, Dictionary<Node, Node> atBatch)
    {
        int height = Group * rows;
        int turned = Scratch(DType.F32, height * width, true);
        var into = new List<Stmt>();
        var lane = Ir.Lane(lanes);
        var square = new For(Ir.Range(height), Ir.Int(0), Ir.Int(height), lanes);
        for (int j = 0; j < tileVectors; j++)
        {
            var values = new Node[lanes];
            for (int i = 0; i < lanes; i++) values[i] = Ir.Load(DType.F32, slot, IndexMath.Add(IndexMath.Add(IndexMath.Mul(square.Var, width), lane), i * width + j * lanes));
            square.Body.Add(new StoreTransposed(turned, IndexMath.Add(square.Var, j * lanes * height), height, values));
        }
        into.Add(square);

        var firstColumn = IndexMath.Mul(nt, width);
        var columns = IndexMath.Min(IndexMath.Add(IndexMath.Mul(firstColumn, -1), Size(ns)), width);
        For Columns(long count)
        {
            var c = Ir.Range(width);
            var loop = new For(c, Ir.Int(0), columns);
            void Element(List<Stmt> body, Node within)
            {
                var map = new Dictionary<Node, Node>(atBatch, ReferenceEqualityComparer.Instance);
                foreach (var r in m) map[r] = Ir.Int(0);
                map[m[^1]] = IndexMath.Add(IndexMath.Mul(group, rows), within);
                IndexMath.Digits(n, IndexMath.Add(firstColumn, c), map);
                var sum = Ir.Load(DType.F32, turned, IndexMath.Add(IndexMath.Mul(c, height), within));
                foreach (var s in stores) body.Add(Finish(s, map, sum));
            }
            if (varies && count < height)
            {
                // However many are left.
                var vectors = new For(Ir.Range(height), Ir.Int(0), Size(count / lanes * lanes), lanes);
                var single = new For(Ir.Range(height), vectors.To, Size(count));
                Element(vectors.Body, IndexMath.Add(lane, vectors.Var));
                Element(single.Body, single.Var);
                loop.Body.AddRange([vectors, single]);
                return loop;
            }
            for (long r = 0; r + lanes <= count; r += lanes) Element(loop.Body, IndexMath.Add(lane, r));
            for (long r = count / lanes * lanes; r < count; r++) Element(loop.Body, Ir.Int(r));
            return loop;
        }

        long rest = ms % height;
        if (IsWhole(ms, height)) into.Add(Columns(height));
        else if (ms < height) into.Add(Columns(rest));
        else into.Add(new If(IndexMath.Less(group, Size(ms / height * Group))) { Then = [Columns(height)], Else = [Columns(rest)] });
        return into;
    }
}
