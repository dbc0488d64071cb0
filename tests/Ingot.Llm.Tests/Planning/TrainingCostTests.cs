using Ingot.Llm.Models;
using Ingot.Llm.Planning;

namespace Ingot.Llm.Tests.Planning;

public class TrainingCostTests
{
    static TrainingCost Of(string name) => new(ModelShape.Named(name), ModelShape.Named(name).NominalTokens);

    [Fact]
    public void Parameters_OfKnownModels_AreThePublishedOnes()
    {
        ModelShape.Named("gpt-2").Parameters.ShouldBe(124_439_808);      // Hugging Face's gpt2
        ModelShape.Named("llama-2-7b").Parameters.ShouldBe(6_738_415_616);
        ModelShape.Named("llama-2-70b").Parameters.ShouldBe(68_976_648_192);
        ModelShape.Named("qwen3-0.6b").Parameters.ShouldBe(596_049_920);
        (ModelShape.Named("gpt-3").Parameters / 1e9).ShouldBe(174.6, 0.05); // Brown et al. 2020, table D.1
    }

    [Fact]
    public void SixNd_Gpt3_IsItsNameTimesItsTokens() => Of("gpt-3").SixNd.ShouldBe(3.15e23, 1e18);

    [Fact]
    public void ExactFlops_Gpt3_AddsAttentionAndDropsLookUps()
    {
        // 96 blocks of 12 C^2 and the head; 12 L C T a token for attention.
        double perToken = 6 * (96 * 12.0 * 12288 * 12288 + 50257.0 * 12288) + 12.0 * 96 * 12288 * 2048;
        Of("gpt-3").ExactFlops.ShouldBe(perToken * 300e9, perToken * 1e5);
    }

    [Fact]
    public void ExactFlopsPerToken_Gpt2_IsWhatTheModelItselfCounts()
    {
        var model = new Gpt(GptConfig.Gpt2 with { Layers = 2, Width = 64, Heads = 2, ContextLength = 32 }, seed: 1);
        var shape = new ModelShape(2, 64, 2, 2, 32, 256, model.Config.VocabularySize, 32) { IsGated = false, IsTied = true, HasLearnedPositions = true, HasBiases = true };
        new TrainingCost(shape, 1).ExactFlopsPerToken.ShouldBe(model.TrainingFlopsPerToken);
        shape.Parameters.ShouldBe(Nn.Module.Parameters(model).Sum(p => p.Count));
    }

    [Theory]
    [InlineData("llama-2-7b", 512)]
    [InlineData("llama-2-70b", 320)]
    public void KvCache_InFp16_IsThePublishedSize(string name, int kib) => TrainingCost.KvCacheBytesPerToken(ModelShape.Named(name), 2).ShouldBe(kib * 1024L);

    [Theory]
    [InlineData(TrainingFormat.Mixed, TrainingOptimizer.Adam, 16)]
    [InlineData(TrainingFormat.Fp32, TrainingOptimizer.Adam, 16)]
    [InlineData(TrainingFormat.Bf16, TrainingOptimizer.Adam, 18)]
    [InlineData(TrainingFormat.Fp32, TrainingOptimizer.Sgd, 8)]
    public void Memory_BeforeActivations_IsSoManyBytesAParameter(TrainingFormat format, TrainingOptimizer optimizer, double bytes)
    {
        var cost = Of("llama-2-7b") with { Format = format, Optimizer = optimizer };
        ((cost.Memory.Total - cost.Memory.Activations) / cost.Shape.Parameters).ShouldBe(bytes, 1e-9);
    }

    [Fact]
    public void Memory_Muon_KeepsOneMomentumForTheBlocksMatrices()
    {
        var cost = Of("qwen3-0.6b") with { Optimizer = TrainingOptimizer.Muon };
        long matrices = 28 * ModelShape.Named("qwen3-0.6b").BlockMatrices;
        cost.Memory.Optimizer.ShouldBe(8.0 * cost.Shape.Parameters - 4.0 * matrices);
    }

    [Fact]
    public void Recompute_TakesLessMemoryAndMoreFlops()
    {
        var kept = Of("gpt-3");
        var again = kept with { Recompute = true };
        again.Memory.Activations.ShouldBeLessThan(kept.Memory.Activations / 4);
        (again.ExecutedFlops / kept.ExecutedFlops).ShouldBeInRange(1.3, 1.34);
        again.ExactFlops.ShouldBe(kept.ExactFlops);
    }

    [Fact]
    public void ChinchillaLoss_OfChinchilla_IsTheFittedOne()
    {
        // 70 B parameters, 1.4 T tokens; the paper's fit gives about 1.94.
        var shape = new ModelShape(80, 8192, 64, 64, 128, 32768, 32000, 2048) { IsGated = false };
        new TrainingCost(shape, 1.4e12).ChinchillaLoss.ShouldBe(1.94, 0.02);
    }

    [Fact]
    public void Shapes_ThatCannotBe_SayWhy()
    {
        Should.Throw<IngotException>(() => ModelShape.Named("gpt-9")).Message.ShouldContain("gpt-2");
        Should.Throw<IngotException>(() => new ModelShape(2, 64, 6, 4, 16, 128, 100, 32).Checked()).Message.ShouldContain("6 heads cannot share 4 key heads");
        Should.Throw<IngotException>(() => ModelShape.OfDepth(0, 100, 32)).Message.ShouldContain("depth");
    }
}
