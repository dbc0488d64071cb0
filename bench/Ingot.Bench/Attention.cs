using static Ingot.Bench.Programs;

namespace Ingot.Bench;

/// <summary>Causal attention, one sequence, 8 heads of 64, written naively: what becomes of it is the compiler's work.</summary>
static class Attention
{
    const int Heads = 8, HeadWidth = 64;

    public static IEnumerable<Benchmark> All()
    {
        foreach (var dtype in new[] { DType.F32, DType.BF16 })
            foreach (int length in new[] { 2048, 4096 })
                foreach (bool withBackward in new[] { false, true })
                    yield return Causal(dtype, length, withBackward);
    }

    static Benchmark Causal(DType dtype, int length, bool withBackward)
    {
        string name = $"attention.{dtype.Name}.{length}.{(withBackward ? "fwdbwd" : "fwd")}";
        return new(name, $"ms of causal attention over {length} positions in {dtype.Name}, forward{(withBackward ? " and backward" : "")}; FLOPs of the full square", session =>
        {
            Tensor NewInput() => Random(dtype, 1, Heads, length, HeadWidth);
            Tensor q = NewInput(), k = NewInput(), v = NewInput(), slope = NewInput();
            // Two products of 2 T T D a head forward, five backward.
            double gflop = 4e-9 * Heads * length * length * HeadWidth * (withBackward ? 3.5 : 1);
            Action run;
            if (!withBackward) run = Into(() => Attend(q, k, v));
            else
            {
                foreach (var x in new[] { q, k, v }) x.RequiresGrad = true;
                Tensor[] results = [.. new[] { q, q, k, v }.Select(x => Random(dtype, x.Shape.Span))];
                run = () =>
                {
                    foreach (var x in new[] { q, k, v }) x.ZeroGrad();
                    var y = Attend(q, k, v);
                    y.Backward(slope);
                    foreach (var (result, x) in results.Zip([y, q.Grad!, k.Grad!, v.Grad!])) result.Assign(x.Detach());
                    Tensor.Realize(results);
                };
            }
            return Sampling.Measure(name, "ms", session.RoofOf(dtype), gflop, s => 1000 * s, run);
        });
    }

    static Tensor Attend(Tensor q, Tensor k, Tensor v) // (1, H, T, D) each
    {
        var time = Tensor.Arange(q.Size(2));
        var scores = q.Matmul(k.Transpose(-2, -1)) * (1 / Math.Sqrt(HeadWidth));                    // (1, H, T, T)
        return (time.Unsqueeze(1) < time).Where(double.NegativeInfinity, scores).Softmax(-1).Matmul(v); // (1, H, T, D)
    }
}
