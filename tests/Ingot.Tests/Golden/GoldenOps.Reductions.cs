namespace Ingot.Tests.Golden;

static partial class GoldenOps
{
    static Dictionary<string, GoldenOperator> Reductions() => new()
    {
        ["sum"] = c => [c.IsList("dim") ? c[0].Sum(c.Ints("dim"), Keep(c)) : c.Has("dim") ? c[0].Sum(c.Int("dim"), Keep(c)) : c[0].Sum()],
        ["mean"] = c => [c.IsList("dim") ? c[0].Mean(c.Ints("dim"), Keep(c)) : c.Has("dim") ? c[0].Mean(c.Int("dim"), Keep(c)) : c[0].Mean()],
        ["amax"] = c => [c.Has("dim") ? c[0].Amax(c.Ints("dim"), Keep(c)) : c[0].Amax([])],
        ["amin"] = c => [c.Has("dim") ? c[0].Amin(c.Ints("dim"), Keep(c)) : c[0].Amin([])],
        ["prod"] = c => [c.Has("dim") ? c[0].Prod(c.Int("dim"), Keep(c)) : c[0].Prod()],
        ["any"] = c => [c.Has("dim") ? c[0].Any(c.Int("dim"), Keep(c)) : c[0].Any()],
        ["all"] = c => [c.Has("dim") ? c[0].All(c.Int("dim"), Keep(c)) : c[0].All()],
        ["argmax"] = c => [c.Has("dim") ? c[0].ArgMax(c.Int("dim"), Keep(c)) : c[0].ArgMax()],
        ["argmin"] = c => [c.Has("dim") ? c[0].ArgMin(c.Int("dim"), Keep(c)) : c[0].ArgMin()],
        ["max"] = c => [c[0].Max()],
        ["min"] = c => [c[0].Min()],
        ["max_dim"] = c => [c[0].Max(c.Int("dim"), Keep(c)), c[0].ArgMax(c.Int("dim"), Keep(c))],
        ["min_dim"] = c => [c[0].Min(c.Int("dim"), Keep(c)), c[0].ArgMin(c.Int("dim"), Keep(c))],
        ["var"] = c => [c.Has("dim") ? c[0].Var(c.Ints("dim"), Correction(c), Keep(c)) : c[0].Var(Correction(c))],
        ["std"] = c => [c.Has("dim") ? c[0].Std(c.Ints("dim"), Correction(c), Keep(c)) : c[0].Std(Correction(c))],
        ["norm"] = c => [c.Has("dim") ? c[0].Norm(c.Number("p", 2), c.Ints("dim"), Keep(c)) : c[0].Norm(c.Number("p", 2))],
        ["logsumexp"] = c => [c[0].LogSumExp(c.Ints("dim"), Keep(c))],
        ["softmax"] = c => [c[0].Softmax(c.Int("dim"))],
        ["log_softmax"] = c => [c[0].LogSoftmax(c.Int("dim"))],
        ["cumsum"] = c => [c[0].CumSum(c.Int("dim"))],
        ["cumprod"] = c => [c[0].CumProd(c.Int("dim"))],
        ["cummax"] = c => Both(c[0].CumMax(c.Int("dim"))),
        ["cummin"] = c => Both(c[0].CumMin(c.Int("dim"))),
    };

    /// <summary>What is taken off the number of elements: 1 makes the variance unbiased.</summary>
    static double Correction(GoldenCall c) => c.Flag("unbiased", true) ? 1 : 0;

    static bool Keep(GoldenCall c) => c.Flag("keepdim");
}
