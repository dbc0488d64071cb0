using Ingot.Llm.Models;
using Ingot.Llm.Pipeline;
using Ingot.Llm.Planning;
using Ingot.Llm.Training;

namespace Ingot.Llm.Tests.Pipeline;

public class VariationTests
{
    static readonly ModelShape Shape = ModelShape.OfDepth(4);

    [Fact]
    public void None_ChangesNothing()
    {
        var none = new Variation([]);
        none.Shape(Shape).ShouldBe(Shape);
        var options = new StageOptions { Name = "base", Steps = 5 };
        none.Course(none.Options(options)).ShouldBe(options);
        Dial.Config(Shape, none).ParameterCount.ShouldBe(Shape.Parameters);
        Dial.Config(Shape, none).Family.ShouldBe("qwen3"); // what others read
    }

    [Fact]
    public void Norm_Layernorm_MakesAModelOfIngotsOwnFamily()
    {
        var config = Dial.Config(Shape, new(["model.norm=layernorm"]));
        config.LayerNorm.ShouldBeTrue();
        config.Family.ShouldBe("ingot");
    }

    [Theory]
    [InlineData("relu2")]
    [InlineData("gelu")]
    public void FeedForward_WithoutAGate_HasAsManyWeights(string kind)
    {
        var variation = new Variation([$"model.feedForward={kind}"]);
        var config = Dial.Config(variation.Shape(Shape), variation);
        config.ParameterCount.ShouldBe(Shape.Parameters);
        variation.Shape(Shape).Parameters.ShouldBe(Shape.Parameters);
        Nn.Module.Parameters(new Decoder(config, 1)).Sum(p => p.Count).ShouldBe(Shape.Parameters);
    }

    [Theory]
    [InlineData("model.width=192", 192, 6)]
    [InlineData("model.heads=2", 128, 2)]
    public void Shape_ChangesWhatFollows(string setting, int width, int heads)
    {
        var shape = new Variation([setting]).Shape(Shape);
        (shape.Width, shape.Heads).ShouldBe((width, heads));
        (shape.Heads % shape.KeyHeads).ShouldBe(0);
    }

    [Fact]
    public void OfAnswers_TakesRates_AndRefusesWhatHasNoMeaningThere()
    {
        var dpo = new Variation(["train.matrixRate=0.5", "train.warmup=0.25"]).OfAnswers(new DpoOptions { Name = "dpo", Steps = 5, Beta = 0.3 });
        (dpo.MatrixRate, dpo.Warmup, dpo.Beta).ShouldBe((0.5, 0.25, 0.3));
        Should.Throw<IngotException>(() => new Variation(["model.width=64"]).OfAnswers(dpo)).Message.ShouldContain("model.width has no meaning in stage 'dpo'");
    }

    [Fact]
    public void Options_AreSetByName()
    {
        var variation = new Variation(["train.matrixRate=0.5", "train.batch=3", "train.rates=0:1,1:0", "train.optimizer=adamw"]);
        var o = variation.Options(new() { Name = "base", Steps = 5 });
        (o.MatrixRate, o.Batch, o.MatrixOptimizer).ShouldBe((0.5, 3, MatrixOptimizer.AdamW));
        variation.Course(StageRecipe.Sft.Adapt(o)).RateAt(0.25).ShouldBe(0.75);
        StageRecipe.Sft.Adapt(o).MatrixRate.ShouldBeLessThan(0.5);
    }

    [Fact]
    public void Mix_IsOfPretrainingAlone()
    {
        var variation = new Variation(["mix.conversations=0:0,0.5:0.8", "mix.repeats=0"]);
        var recipe = variation.Recipe(StageRecipe.Base);
        (recipe.Conversations.At(0.25), recipe.Conversations.At(1), recipe.Repeats.Most).ShouldBe((0.4, 0.8, 0));
        variation.Recipe(StageRecipe.Sft).ShouldBe(StageRecipe.Sft);
        variation.OfPretraining.ShouldBe(["mix.conversations", "mix.repeats"]);
    }

    [Theory]
    [InlineData("model.norm", "name=value")]
    [InlineData("model.nrom=rms", "model.norm")]
    [InlineData("model.norm=batch", "rms, layernorm")]
    [InlineData("model.width=wide", "'wide'")]
    [InlineData("model.keyHeads=3", "3 key heads")]
    [InlineData("train.batch=0", "batch")]
    [InlineData("train.rates=0:1,x:2", "'x'")]
    [InlineData("mix.repeats=2", "from 0 to 1")]
    [InlineData("mix.conversations=0:-0.5,1:0.5", "from 0 to 1")]
    public void Mistakes_AreNamed(string setting, string part) => Should.Throw<IngotException>(() =>
    {
        var variation = new Variation([setting]);
        Dial.Config(variation.Shape(Shape), variation).Checked();
        variation.Course(variation.Options(new() { Name = "base", Steps = 5 }));
        variation.Recipe(StageRecipe.Base);
    }).Message.ShouldContain(part);
}
