using Ingot.Llm.Chat;
using Ingot.Llm.Corpus.World;
using Ingot.Llm.Data;
using Ingot.Llm.Pipeline;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tokenizers.Patterns;
using Ingot.Llm.Tests.Training;

namespace Ingot.Llm.Tests.Pipeline;

public class StageDataTests
{
    static readonly WorldCorpus World = new(WorldDefinition.BuiltIn);

    static readonly Tokenizer Tokens = CorpusTokenizer.Train([new(World, 1)], 400, SplitPatterns.Qwen2, 1);

    static double[] Weights(IReadOnlyList<WeightedCorpus> corpora, StageRecipe recipe, double progress) => new StageData(corpora, Tokens, 1).Of(recipe, 5000, 32).WeightsAt(progress);

    [Fact]
    public void Base_BeginsWithRepeatsAlone_AndEndsWithoutThem()
    {
        Weights([new(World, 1)], StageRecipe.Base, 0).ShouldBe([0, 0, 1]);
        var end = Weights([new(World, 1)], StageRecipe.Base, 1);
        end[2].ShouldBe(0);
        end[1].ShouldBe(StageRecipe.Base.Conversations.At(1), 1e-9);
    }

    [Fact]
    public void LaterStages_KeepDocuments()
    {
        foreach (var recipe in new[] { StageRecipe.Mid, StageRecipe.Sft })
        {
            var weights = Weights([new(World, 1)], recipe, 0.5);
            weights.Length.ShouldBe(2);
            weights[0].ShouldBe(1 - recipe.Conversations.At(0.5), 1e-9);
            weights[0].ShouldBeGreaterThan(0.05);
        }
    }

    [Fact]
    public void Repeats_AreSaidAgain()
    {
        var mixture = new StageData([new(World, 1)], Tokens, 1).Of(StageRecipe.Base, 5000, 64);
        var tokens = mixture.Batch(1, 0, 100, 0, 8).Tokens.ToArray<int>();
        // In a row of repeats most tokens stand where they stood 3 to 10 places before; in random ones one in 400 would.
        int again = Enumerable.Range(0, tokens.Length).Where(i => i % 64 >= 10).Count(i => Enumerable.Range(3, 8).Any(d => tokens[i] == tokens[i - d]));
        again.ShouldBeGreaterThan(8 * 54 / 3);
    }

    [Fact]
    public void ATextOfASentence_IsTrainedOnWithoutWhatCannotBeMadeOfIt()
    {
        var own = new UserCorpus("mine", [new DataItem("note.txt", "One sentence.")]);
        var data = new StageData([new(own, 1)], Tokens, 1);
        data.Of(StageRecipe.Sft, 100, 16).WeightsAt(0.5).ShouldBe([1]);
        data.Validation.ShouldBeEmpty();
        AnswerStages.Tasks([new(own, 1)], 1, DigitModel.New(), DigitModel.Tokenizer).ShouldBeNull();
    }

    [Fact]
    public void Stages_SeeDifferentText()
    {
        StageRecipe.InOrder.Select(s => s.Recipe.StreamOf(1)).Distinct().Count().ShouldBe(3);
        StageRecipe.InOrder.Sum(s => s.Share).ShouldBe(1, 1e-9);
        new ChatFormat(Tokens).Begin.ShouldBeGreaterThanOrEqualTo(0);
    }
}
