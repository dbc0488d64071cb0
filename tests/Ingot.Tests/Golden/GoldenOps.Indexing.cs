namespace Ingot.Tests.Golden;

static partial class GoldenOps
{
    static Dictionary<string, GoldenOperator> Indexing() => new()
    {
        ["index"] = c => [c[0][Index(c.Text("index"), c.From(1))]],
        ["index_assign"] = c => [Assigned(c[0].Reshape(c[0].Shape.Span), Index(c.Text("index"), c.From(2)), c[1])],
        ["index_assign_number"] = c => [Assigned(c[0].Reshape(c[0].Shape.Span), Index(c.Text("index"), c.From(1)), c.Literal("value"))],
        ["gather"] = c => [c[0].Gather(c.Int("dim"), c[1])],
        ["scatter"] = c => [c[0].Scatter(c.Int("dim"), c[1], c[2])],
        ["scatter_number"] = c => [c[0].Scatter(c.Int("dim"), c[1], c.Literal("value"))],
        ["scatter_add"] = c => [c[0].ScatterAdd(c.Int("dim"), c[1], c[2])],
        ["index_select"] = c => [c[0].IndexSelect(c.Int("dim"), c[1])],
        ["masked_select"] = c => [c[0].MaskedSelect(c[1])],
        ["topk"] = c => Both(c[0].TopK(c.Int("k"), c.Int("dim", -1), c.Flag("largest", true))),
        ["sort"] = c => Both(c[0].Sort(c.Int("dim", -1), c.Flag("descending"))),
        ["argsort"] = c => [c[0].ArgSort(c.Int("dim", -1), c.Flag("descending"))],
    };

    /// <summary>Tensors are values: assigning rebinds x to a new one.</summary>
    static Tensor Assigned(Tensor x, TensorIndex[] index, Tensor value)
    {
        x = new Tensor(x.Node); // a handle of its own: the caller's stays the leaf
        x[index] = value;
        return x;
    }

    static TensorIndex[] Index(string text, Tensor[] tensors) => [.. text.Split(", ").Select(word => Item(word, tensors))];

    static TensorIndex Item(string word, Tensor[] tensors) => word switch
    {
        "None" => Dim.New,
        "..." => Dim.Ellipsis,
        ['t', .. var number] => tensors[int.Parse(number)],
        _ when word.Contains(':', StringComparison.Ordinal) => Slice(word.Split(':')),
        _ => int.Parse(word),
    };

    static TensorIndex Slice(string[] parts)
    {
        static Index Bound(string part, Index otherwise) => part.Length == 0 ? otherwise : part[0] == '-' ? ^int.Parse(part[1..]) : int.Parse(part);
        static int? Number(string part) => part.Length == 0 ? null : int.Parse(part);
        return parts.Length == 3 ? Dim.Slice(Number(parts[0]), Number(parts[1]), int.Parse(parts[2])) : Bound(parts[0], 0)..Bound(parts[1], ^0);
    }
}
