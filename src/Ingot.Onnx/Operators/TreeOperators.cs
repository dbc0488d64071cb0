namespace Ingot.Onnx.Operators;

/// <summary>ai.onnx.ml's ensembles of decision trees, in the form of opset 5 and in the two older ones.</summary>
static class TreeOperators
{
    const string Ml = "ai.onnx.ml";

    [OnnxOperator("TreeEnsemble", Domain = Ml, Since = 5)]
    static OnnxValue TreeEnsemble(OperatorCall c)
    {
        int[] features = Need(c.Ints("nodes_featureids"), "nodes_featureids"), yes = Need(c.Ints("nodes_truenodeids"), "nodes_truenodeids"), no = Need(c.Ints("nodes_falsenodeids"), "nodes_falsenodeids");
        int[] yesLeaf = Need(c.Ints("nodes_trueleafs"), "nodes_trueleafs"), noLeaf = Need(c.Ints("nodes_falseleafs"), "nodes_falseleafs");
        int[] roots = Need(c.Ints("tree_roots"), "tree_roots"), targets = Need(c.Ints("leaf_targetids"), "leaf_targetids");
        double[] splits = Numbers(c, "nodes_splits"), leafs = Numbers(c, "leaf_weights"), missing = c.Ints("nodes_missing_value_tracks_true") is { } m ? Array.ConvertAll(m, v => (double)v) : [];
        var modes = c.Read<byte>((OnnxTensor)(c.TensorAttribute("nodes_modes") ?? throw c.Bad("has no nodes_modes")));
        double[] members = c.TensorAttribute("membership_values") is OnnxTensor t ? c.Read<double>(t) : [];
        var sets = Sets(members);
        var nodes = new TreeNode[features.Length + leafs.Length];
        int set = 0;
        for (int i = 0; i < features.Length; i++)
        {
            var rule = (TreeRule)modes[i];
            nodes[i] = new(rule, features[i], splits[i], Child(yes[i], yesLeaf[i]), Child(no[i], noLeaf[i]), i < missing.Length && missing[i] != 0, rule == TreeRule.Member ? sets.ElementAtOrDefault(set++) ?? [] : null, []);
        }
        for (int i = 0; i < leafs.Length; i++) nodes[features.Length + i] = TreeNode.Leaf([(targets[i], leafs[i])]);
        // A tree of one leaf is a node both of whose children are that leaf.
        var forest = new Forest(nodes, roots, (int)c.Int("n_targets", 1), (Aggregate)c.Int("aggregate_function", 1));
        var scores = forest.Scores(c, null);
        Transform((int)c.Int("post_transform", 0) switch { 0 => "NONE", 1 => "SOFTMAX", 2 => "LOGISTIC", 3 => "SOFTMAX_ZERO", 4 => "PROBIT", _ => "NONE" }, scores);
        return Made(scores).To(c.Tensor(0).DType);

        int Child(int id, int isLeaf) => isLeaf != 0 ? features.Length + id : id;
        int[] Need(int[]? values, string name) => values ?? throw c.Bad($"has no {name}");
    }

    static double[] Numbers(OperatorCall c, string name) => c.TensorAttribute(name) is OnnxTensor t ? c.Read<double>(t) : throw c.Bad($"has no {name}");

    /// <summary>The values of each set-membership node, which NaN ends.</summary>
    static List<HashSet<double>> Sets(double[] members)
    {
        var sets = new List<HashSet<double>>();
        var current = new HashSet<double>();
        foreach (double v in members)
        {
            if (!double.IsNaN(v)) current.Add(v);
            else
            {
                sets.Add(current);
                current = [];
            }
        }
        if (current.Count > 0) sets.Add(current);
        return sets;
    }

    [OnnxOperator("TreeEnsembleRegressor", Domain = Ml)]
    static Tensor Regressor(OperatorCall c)
    {
        var forest = Old(c, "target", (int)c.Int("n_targets", 1), Enum.Parse<Aggregate>(c.Text("aggregate_function", "SUM"), ignoreCase: true));
        var scores = forest.Scores(c, Base(c));
        Transform(c.Text("post_transform", "NONE"), scores);
        return Made(scores);
    }

    [OnnxOperator("TreeEnsembleClassifier", Domain = Ml)]
    static OnnxValue[] Classifier(OperatorCall c)
    {
        string[]? names = c.Texts("classlabels_strings");
        long[]? numbers = c.Longs("classlabels_int64s");
        int classes = names?.Length ?? numbers?.Length ?? throw c.Bad("has no class labels");
        int[] ids = c.Ints("class_ids") ?? throw c.Bad("has no class_ids");
        bool isBinary = classes == 2 && ids.Distinct().Count() == 1;
        var scores = Old(c, "class", classes, Aggregate.Sum).Scores(c, Base(c));
        return Labels.Classified(scores, c.Text("post_transform", "NONE"), isBinary ? ids[0] : null, names, numbers, (c.Floats("class_weights") ?? []).All(w => w >= 0));
    }

    static double[]? Base(OperatorCall c) => c.Floats("base_values")?.Select(v => (double)v).ToArray() ?? (c.TensorAttribute("base_values_as_tensor") is OnnxTensor t ? c.Read<double>(t) : null);

    /// <summary>Trees as lists of nodes that name each other by tree and number.</summary>
    static Forest Old(OperatorCall c, string prefix, int targets, Aggregate aggregate)
    {
        int[] Ids(string name) => c.Ints(name) ?? throw c.Bad($"has no {name}");
        double[] Values(string name) => c.Floats(name)?.Select(v => (double)v).ToArray() ?? (c.TensorAttribute(name + "_as_tensor") is OnnxTensor t ? c.Read<double>(t) : throw c.Bad($"has no {name}"));
        int[] trees = Ids("nodes_treeids"), numbers = Ids("nodes_nodeids"), features = Ids("nodes_featureids"), yes = Ids("nodes_truenodeids"), no = Ids("nodes_falsenodeids");
        string[] modes = c.Texts("nodes_modes") ?? throw c.Bad("has no nodes_modes");
        double[] values = Values("nodes_values"), weights = Values(prefix + "_weights");
        int[] missing = c.Ints("nodes_missing_value_tracks_true") ?? [];
        int[] ofTree = Ids(prefix + "_treeids"), ofNode = Ids(prefix + "_nodeids"), ids = Ids(prefix + "_ids");
        var at = new Dictionary<(int, int), int>();
        for (int i = 0; i < trees.Length; i++) at[(trees[i], numbers[i])] = i;
        var leafs = new Dictionary<int, List<(int, double)>>();
        for (int i = 0; i < ids.Length; i++)
        {
            if (!at.TryGetValue((ofTree[i], ofNode[i]), out int leaf)) throw c.Bad($"a weight is of node {ofNode[i]} of tree {ofTree[i]}, which is not there");
            if (!leafs.TryGetValue(leaf, out var list)) leafs[leaf] = list = [];
            list.Add((ids[i], weights[i]));
        }
        var nodes = new TreeNode[trees.Length];
        for (int i = 0; i < trees.Length; i++)
        {
            nodes[i] = modes[i] == "LEAF" ? TreeNode.Leaf([.. leafs.GetValueOrDefault(i) ?? []])
                : new(Rule(modes[i]), features[i], values[i], Find(trees[i], yes[i]), Find(trees[i], no[i]), i < missing.Length && missing[i] != 0, null, []);
        }
        // A tree's first node is its root.
        int[] roots = [.. Enumerable.Range(0, trees.Length).Where(i => i == 0 || !trees.AsSpan(0, i).Contains(trees[i]))];
        return new(nodes, roots, targets, aggregate);

        int Find(int tree, int node) => at.TryGetValue((tree, node), out int i) ? i : throw c.Bad($"node {node} of tree {tree} is not there");

        TreeRule Rule(string mode) => mode switch
        {
            "BRANCH_LEQ" => TreeRule.LessOrEqual,
            "BRANCH_LT" => TreeRule.Less,
            "BRANCH_GTE" => TreeRule.GreaterOrEqual,
            "BRANCH_GT" => TreeRule.Greater,
            "BRANCH_EQ" => TreeRule.Equal,
            "BRANCH_NEQ" => TreeRule.NotEqual,
            _ => throw c.Bad($"there is no node mode '{mode}'"),
        };
    }

    static void Transform(string name, double[,] scores) => Labels.Transform(name, scores);

    static Tensor Made(double[,] scores) => Tensor.From(scores).To(DType.F32);
}
