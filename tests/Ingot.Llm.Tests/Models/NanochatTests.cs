using Ingot.Llm.Models;
using Ingot.Nn;

namespace Ingot.Llm.Tests.Models;

public class NanochatTests
{
    static readonly NanochatConfig Tiny = new(Depth: 2, VocabularySize: 64, ContextLength: 8, HeadWidth: 32);

    static (Tensor Tokens, Tensor Targets) Batch(int seed)
    {
        var random = new Random(seed);
        int[] tokens = [.. Enumerable.Range(0, 17).Select(_ => random.Next(64))];
        return (Tensor.From(tokens[..^1], 2, 8), Tensor.From(tokens[1..], 2, 8));
    }

    [Fact]
    public void Parameters_DepthSix_AreAsManyAsNanochatHas()
    {
        // 5 tables of 32768 x 384 (token, head, three of values), 6 blocks of 12 C^2, gates of 6 x 12 in every other block, and 24 + 1 + 1 + 2 x 6 around them.
        var model = new Nanochat(new(6), seed: 1);
        Module.Parameters(model).Sum(p => p.Count).ShouldBe(5L * 32768 * 384 + 6 * 12 * 384 * 384 + 3 * 6 * 12 + 24 + 2 + 12);
        model.TrainingFlopsPerToken(512).ShouldBe(0.153e9, 0.001e9); // as nanochat counts
    }

    [Fact]
    public void Forward_Untrained_PredictsNothing()
    {
        var (tokens, targets) = Batch(1);
        var model = new Nanochat(Tiny, seed: 1);
        model.Forward(tokens).Shape.ShouldBe(new(2, 8, 64));
        model.Loss(tokens, targets).Item<float>().ShouldBe((float)Math.Log(64), 0.02f);
    }

    [Fact]
    public void Forward_LaterTokenChanged_EarlierLogitsStay()
    {
        var model = Trained();
        int[] tokens = [3, 1, 4, 1, 5, 9, 2, 6];
        float[] before = model.Forward(Tensor.From(tokens, 1, 8)).ToArray<float>();
        tokens[5] = 11;
        float[] after = model.Forward(Tensor.From(tokens, 1, 8)).ToArray<float>();
        after[..(5 * 64)].ShouldBe(before[..(5 * 64)]);
        after[(5 * 64)..].ShouldNotBe(before[(5 * 64)..]);
    }

    [Fact]
    public void Training_OneBatchAgainAndAgain_IsLearnt()
    {
        var (tokens, targets) = Batch(2);
        Trained().Loss(tokens, targets).Item<float>().ShouldBeLessThan(1);
    }

    /// <summary>Thirty steps of its own optimizer on one batch.</summary>
    static Nanochat Trained()
    {
        var (tokens, targets) = Batch(2);
        var model = new Nanochat(Tiny, seed: 1);
        var optimizer = model.Optimizer();
        for (int i = 0; i < 30; i++)
        {
            optimizer.ZeroGrad();
            model.Loss(tokens, targets).Backward();
            optimizer.Step();
        }
        return model;
    }

    [Fact]
    public void Constructor_BadSizes_IsRefused()
    {
        Should.Throw<IngotException>(() => new Nanochat(Tiny with { Depth = 0 }, 1));
        Should.Throw<IngotException>(() => new Nanochat(Tiny with { HeadWidth = 48 }, 1)).Message.ShouldContain("48");
        Should.Throw<ShapeException>(() => new Nanochat(Tiny, 1).Forward(Tensor.Zeros([1, 9], DType.I32)));
    }
}
