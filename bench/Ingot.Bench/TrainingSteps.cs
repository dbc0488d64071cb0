using Ingot.Llm.Models;
using Ingot.Nn;

namespace Ingot.Bench;

/// <summary>Whole steps of training: loss, backward, optimizer. Weights and tokens are random, which changes no time.</summary>
static class TrainingSteps
{
    public static IEnumerable<Benchmark> All()
    {
        foreach (var dtype in new[] { DType.F32, DType.BF16 })
            foreach (var (batch, length) in new[] { (4, 64), (4, 256) })
            {
                string name = $"gpt2.{dtype.Name}.{batch}x{length}";
                yield return new(name, $"tokens/s of training GPT-2 124M with AdamW, {batch} sequences of {length}{Mode(dtype)}", session => Gpt2(session, name, dtype, batch, length));
            }
        foreach (var dtype in new[] { DType.F32, DType.BF16 })
        {
            string name = $"d6.{dtype.Name}";
            yield return new(name, $"tokens/s of training nanochat's depth-6 model with Muon and AdamW, 16,384 tokens a step in micro-batches of 8 x 512{Mode(dtype)}", session => Depth6(session, name, dtype));
        }
    }

    /// <summary>What a bf16 benchmark means.</summary>
    public static string Mode(DType dtype) => dtype == DType.BF16 ? ", bf16 compute and float32 master weights" : "";

    static Figure Gpt2(BenchSession session, string name, DType dtype, int batch, int length)
    {
        var model = new Gpt(GptConfig.Gpt2, seed: 1);
        var optimizer = new AdamW(Module.Parameters(model), learningRate: 1e-4, weightDecay: 0.0);
        double gflop = model.TrainingFlopsPerTokenAt(length) * batch * length / 1e9;
        var step = Compiled.Of((tokens, targets) =>
        {
            optimizer.ZeroGrad();
            var loss = model.Loss(tokens, targets);
            loss.Backward();
            optimizer.Step();
            return loss;
        });
        return Measure(session, name, dtype, batch * length, gflop, RandomBatches(50257, batch, length), (tokens, targets) => step.Call(tokens, targets));
    }

    static Figure Depth6(BenchSession session, string name, DType dtype)
    {
        const int batch = 8, length = 512, microBatches = 4;
        var model = new Nanochat(new NanochatConfig(6), seed: 1);
        var optimizer = model.Optimizer();
        var parameters = Module.Parameters(model);
        var batches = RandomBatches(32768, batch, length);
        const int tokens = batch * length * microBatches;
        return Measure(session, name, dtype, tokens, model.TrainingFlopsPerToken(length) * tokens / 1e9, batches, (_, _) =>
        {
            optimizer.ZeroGrad();
            Tensor? loss = null;
            foreach (var (i, (x, y)) in batches.Index())
            {
                loss = model.Loss(x, y) / microBatches;
                loss.Backward();
                // The last micro-batch is computed with the optimizer's step; the ones before it now, as no two fit into the memory that one takes.
                if (i < microBatches - 1) Tensor.Realize([.. parameters.Select(p => p.Grad!), loss]);
            }
            optimizer.Step();
            return loss!;
        });
    }

    /// <summary>Times steps on batches that come in turn; each ends with reading the loss, as a training does.</summary>
    public static Figure Measure(
        BenchSession session, string name, DType dtype, int tokensPerStep, double gflop, IReadOnlyList<(Tensor Tokens, Tensor Targets)> batches, Func<Tensor, Tensor, Tensor> step)
    {
        int number = 0;
        using var precision = BenchPrecision.Of(dtype);
        return Sampling.Measure(name, "tokens/s", session.RoofOf(dtype), gflop, s => tokensPerStep / s, () =>
        {
            var (tokens, targets) = batches[number++ % batches.Count];
            float loss = step(tokens, targets).Item<float>();
            if (!float.IsFinite(loss)) throw new IngotException($"{name}: the loss became {loss}");
        }, Effort.Long);
    }

    /// <summary>Four batches of random tokens, with the tokens that follow them.</summary>
    public static IReadOnlyList<(Tensor Tokens, Tensor Targets)> RandomBatches(int vocabulary, int batch, int length)
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, 4).Select(_ =>
        {
            int[] tokens = [.. Enumerable.Range(0, batch * length + 1).Select(_ => random.Next(vocabulary))];
            return (Tensor.From(tokens[..^1], batch, length), Tensor.From(tokens[1..], batch, length));
        })];
    }
}

/// <summary>The precision that a benchmark's dtype asks for.</summary>
static class BenchPrecision
{
    /// <summary>A scope in which bf16 benchmarks compute; nothing for float32.</summary>
    public static IDisposable? Of(DType dtype) => dtype == DType.BF16 ? Precision.Bf16() : null;
}
