using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Llm.Tests.Training;

namespace Ingot.Llm.Tests.Generation;

public sealed class SamplingDefaultsTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Load_GenerationConfig_IsTheModelsWord()
    {
        new ModelFolder(DigitModel.New(), DigitModel.Tokenizer).Save(folder["model"]);
        LoadedModel.Load(folder["model"]).Sampling.ShouldBe(SamplingDefaults.None);
        File.WriteAllText(folder["model", "generation_config.json"], """{"temperature": 0.6, "top_k": 20, "top_p": 0.95, "min_p": 3, "typical_p": "x", "repetition_penalty": 1.1}""");
        var sampling = LoadedModel.Load(folder["model"]).Sampling;
        sampling.ShouldBe(new SamplingDefaults { Temperature = 0.6, TopK = 20, TopP = 0.95, RepetitionPenalty = 1.1 }); // what makes no sense says nothing
        sampling.Options(7).ShouldBe(new SamplingOptions(0.6, 20, 7) { TopP = 0.95, RepetitionPenalty = 1.1, LogitBias = sampling.Options(7).LogitBias }, new SamplingComparer());
        ModelFolder.Load(folder["model"]).Sampling.ShouldBe(sampling);
        // It goes along where the model goes.
        var loaded = LoadedModel.Load(folder["model"]);
        loaded.ToFolder().Save(folder["copy"]);
        LoadedModel.Load(folder["copy"]).Sampling.ShouldBe(sampling);
    }

    [Fact]
    public void Load_Gguf_HasItInItsMetadata()
    {
        var sampling = new SamplingDefaults { Temperature = 0.5, TopK = 7, TopP = 0.75, MinP = 0.25, RepetitionPenalty = 1.5 };
        GgufExport.Write(folder["model.gguf"], Models.RandomDecoder.Of(Models.DecoderTests.Shape("llama-adjacent")), null, sampling: sampling);
        LoadedModel.Load(folder["model.gguf"]).Sampling.ShouldBe(sampling);
    }

    [Fact]
    public void Options_NothingSaid_AreTheSameEverywhere() => SamplingDefaults.None.Options(1).Temperature.ShouldBe(new SamplingOptions().Temperature);

    sealed class SamplingComparer : IEqualityComparer<SamplingOptions>
    {
        public bool Equals(SamplingOptions? x, SamplingOptions? y) => (x?.Temperature, x?.TopK, x?.Seed, x?.TopP, x?.MinP, x?.TypicalP, x?.RepetitionPenalty) == (y?.Temperature, y?.TopK, y?.Seed, y?.TopP, y?.MinP, y?.TypicalP, y?.RepetitionPenalty);

        public int GetHashCode(SamplingOptions obj) => obj.TopK;
    }
}
