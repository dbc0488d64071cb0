namespace Ingot.Onnx.Operators;

/// <summary>How a node of a tree decides, with the numbers of opset 5.</summary>
enum TreeRule { LessOrEqual, Less, GreaterOrEqual, Greater, Equal, NotEqual, Member, Leaf }

/// <summary>How the trees' weights become one, with the numbers of opset 5.</summary>
enum Aggregate { Average, Sum, Min, Max }

/// <summary>A node: a question about one feature, or a leaf with weights of targets.</summary>
sealed record TreeNode(TreeRule Rule, int Feature, double Value, int Yes, int No, bool MissingIsYes, HashSet<double>? Members, (int Target, double Weight)[] Weights)
{
    public static TreeNode Leaf((int, double)[] weights) => new(TreeRule.Leaf, 0, 0, 0, 0, false, null, weights);

    public bool Asks(double x) => (MissingIsYes && double.IsNaN(x)) || Rule switch
    {
        TreeRule.LessOrEqual => x <= Value,
        TreeRule.Less => x < Value,
        TreeRule.GreaterOrEqual => x >= Value,
        TreeRule.Greater => x > Value,
        TreeRule.Equal => x == Value,
        TreeRule.NotEqual => x != Value,
        _ => Members?.Contains(x) == true,
    };
}

/// <summary>Decision trees whose leaves add to the scores of targets.</summary>
/// <param name="nodes">All nodes of all trees.</param>
/// <param name="roots">The first node of each tree.</param>
/// <param name="targets">Number of scores.</param>
/// <param name="aggregate">How trees are taken together.</param>
sealed class Forest(TreeNode[] nodes, int[] roots, int targets, Aggregate aggregate)
{
    /// <summary>Scores (N, targets) of the rows (N, F) of the first input, or of one row (F,).</summary>
    /// <exception cref="IngotException">A node leads nowhere, or in a circle, or asks for a feature that is not there.</exception>
    public double[,] Scores(OperatorCall c, double[]? start)
    {
        double[] x = c.Constant<double>(0);
        var shape = c.Shape(0);
        int rows = shape.Rank > 1 ? shape[0] : 1, width = rows == 0 ? 0 : x.Length / rows;
        c.Afford(((Int128)rows + 1) * targets, sizeof(double)); // the number of targets is an attribute's
        var scores = new double[rows, targets];
        var met = new bool[targets];
        for (int r = 0; r < rows; r++)
        {
            Array.Clear(met);
            foreach (int root in roots)
                foreach (var (target, weight) in Reached(x.AsSpan(r * width, width), root).Weights)
                {
                    if ((uint)target >= (uint)targets) throw new IngotException($"a leaf is of target {target}, there are {targets}");
                    ref double score = ref scores[r, target];
                    score = !met[target] ? weight : aggregate switch { Aggregate.Min => Math.Min(score, weight), Aggregate.Max => Math.Max(score, weight), _ => score + weight };
                    met[target] = true;
                }
            for (int t = 0; t < targets; t++)
            {
                if (aggregate == Aggregate.Average && roots.Length > 0) scores[r, t] /= roots.Length;
                if (start is { Length: > 0 }) scores[r, t] += start[Math.Min(t, start.Length - 1)];
            }
        }
        return scores;
    }

    TreeNode Reached(ReadOnlySpan<double> row, int at)
    {
        for (int steps = 0; steps <= nodes.Length; steps++)
        {
            if ((uint)at >= (uint)nodes.Length) throw new IngotException($"a tree leads to node {at} of {nodes.Length}");
            var node = nodes[at];
            if (node.Rule == TreeRule.Leaf) return node;
            if ((uint)node.Feature >= (uint)row.Length) throw new IngotException($"a tree asks for feature {node.Feature} of {row.Length}");
            at = node.Asks(row[node.Feature]) ? node.Yes : node.No;
        }
        throw new IngotException("a tree leads in a circle");
    }
}
