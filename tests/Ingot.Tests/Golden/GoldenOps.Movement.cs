namespace Ingot.Tests.Golden;

static partial class GoldenOps
{
    static Dictionary<string, GoldenOperator> Movement() => new()
    {
        ["reshape"] = c => [c[0].Reshape(c.Ints("shape"))],
        ["view"] = c => [c[0].View(c.Ints("shape"))],
        ["permute"] = c => [c[0].Permute(c.Ints("dims"))],
        ["transpose"] = c => [c[0].Transpose(c.Int("dim0"), c.Int("dim1"))],
        ["expand"] = c => [c[0].Expand(c.Ints("shape"))],
        ["squeeze"] = c => [c.Has("dim") ? c[0].Squeeze(c.Int("dim")) : c[0].Squeeze()],
        ["unsqueeze"] = c => [c[0].Unsqueeze(c.Int("dim"))],
        ["flatten"] = c => [c[0].Flatten(c.Int("start_dim", 0), c.Int("end_dim", -1))],
        ["unflatten"] = c => [c[0].Unflatten(c.Int("dim"), c.Ints("sizes"))],
        ["flip"] = c => [c[0].Flip(c.Ints("dims"))],
        ["roll"] = c => [c[0].Roll(c.Ints("shifts"), c.Ints("dims"))],
        ["pad"] = c => [c[0].Pad(c.Ints("pad"), c.Has("mode") ? Enum.Parse<PadMode>(c.Text("mode"), ignoreCase: true) : PadMode.Constant, c.Number("value", 0))],
        ["cat"] = c => [Tensor.Cat(c.From(0), c.Int("dim", 0))],
        ["stack"] = c => [Tensor.Stack(c.From(0), c.Int("dim", 0))],
        ["split"] = c => [.. c[0].Split(c.Int("size"), c.Int("dim", 0))],
        ["split_sizes"] = c => [.. c[0].Split(c.Ints("sizes"), c.Int("dim", 0))],
        ["chunk"] = c => [.. c[0].Chunk(c.Int("chunks"), c.Int("dim", 0))],
        ["repeat"] = c => [c[0].Repeat(c.Ints("repeats"))],
        ["repeat_interleave"] = c => [c.Has("dim") ? c[0].RepeatInterleave(c.Int("repeats"), c.Int("dim")) : c[0].RepeatInterleave(c.Int("repeats"))],
        ["repeat_interleave_counts"] = c => [c[0].RepeatInterleave(c[1], c.Has("dim") ? c.Int("dim") : null)],
        ["diagonal"] = c => [c[0].Diagonal(c.Int("offset", 0), c.Int("dim1", 0), c.Int("dim2", 1))],
    };
}
