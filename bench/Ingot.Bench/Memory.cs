using Ingot.Llm.Models;
using Ingot.Nn;
using Ingot.Schedule;

namespace Ingot.Bench;

/// <summary>Memory that programs are planned to take. The same on every quiet or busy machine; only the number of threads and the vector level change it.</summary>
static class Memory
{
    public static IEnumerable<Benchmark> All()
    {
        yield return new("memory.attention.f32.8192", "MB beside inputs and output of causal attention over 8,192 positions, 8 heads of 64, forward", _ => Attention(8192));
        foreach (var dtype in new[] { DType.F32, DType.BF16 })
        {
            string name = $"memory.gpt2.{dtype.Name}.4x256";
            yield return new(name, $"GB of everything in a step of training GPT-2 124M with AdamW, 4 sequences of 256{TrainingSteps.Mode(dtype)}; DEBUG=1 prints it by kind", _ => Gpt2(name, dtype));
        }
    }

    static Figure Attention(int length)
    {
        Tensor[] qkv = [.. Enumerable.Range(0, 3).Select(_ => Tensor.Rand(1, 8, length, 64).Realize())];
        qkv[0].ScaledDotProductAttention(qkv[1], qkv[2], isCausal: true).Realize();
        return Exactly($"memory.attention.f32.{length}", Realizer.LastPlan!.TemporaryBytes / 1e6, "MB");
    }

    static Figure Gpt2(string name, DType dtype)
    {
        using var precision = BenchPrecision.Of(dtype);
        var model = new Gpt(GptConfig.Gpt2, seed: 1);
        var optimizer = new AdamW(Module.Parameters(model), learningRate: 1e-4, weightDecay: 0.0);
        var (tokens, targets) = TrainingSteps.RandomBatches(50257, 4, 256)[0];
        Tensor.Realize([.. Module.Parameters(model)]);
        var loss = model.Loss(tokens, targets);
        loss.Backward();
        optimizer.Step();
        loss.Realize();
        return Exactly(name, Realizer.LastPlan!.TotalBytes / 1e9, "GB");
    }

    static Figure Exactly(string name, double value, string unit) => new(name, value, unit, null, value, value, 1, 1);
}
