using Ingot.Llm.Models;
using Ingot.Nn;

namespace Ingot.Llm.Tests.Models;

public class GptTests
{
    static readonly GptConfig Tiny = new(VocabularySize: 11, ContextLength: 6, Layers: 2, Heads: 2, Width: 8);

    [Fact]
    public void Parameters_CharSmall_AreAsManyAsThePeersHave()
    {
        // minigpt.py: 65 x 128 + 64 x 128 embeddings, 12 C^2 a block, 2 C a norm; the head is the embedding.
        var model = new Gpt(new(65, 64, 4, 4, 128), seed: 1);
        Module.Parameters(model).Sum(p => p.Count).ShouldBe(65 * 128 + 64 * 128 + 4 * 12 * 128 * 128 + 9 * 2 * 128);
    }

    [Fact]
    public void Parameters_Gpt2_AreAsManyAsItsConfigurationCounts()
    {
        // With 2 blocks, as 12 take a second to draw: 13 C biases and norms a block, each a matrix' rows or a norm's two vectors.
        var config = GptConfig.Gpt2 with { VocabularySize = 100, ContextLength = 16, Layers = 2 };
        var parameters = Module.NamedParameters(new Gpt(config, seed: 1));
        parameters.Values.Sum(p => p.Count).ShouldBe((long)config.ParameterCount);
        parameters["blocks.1.up_bias"].Shape.ShouldBe(new(4 * 768));
        GptConfig.Gpt2.ParameterCount.ShouldBe(124_475_904); // 124,439,808 and 47 rows of padding
    }

    [Fact]
    public void Initialization_HasTheDeviationsAskedFor()
    {
        var state = Module.StateDict(new Gpt(new(65, 64, 2, 2, 64), seed: 1));
        static double Deviation(Tensor t) => Math.Sqrt(t.ToArray<float>().Average(v => (double)v * v));
        Deviation(state["token"]).ShouldBe(0.02, 0.001);
        Deviation(state["blocks.0.query_key_value"]).ShouldBe(0.02, 0.001);
        Deviation(state["blocks.1.output"]).ShouldBe(0.01, 0.0005); // 0.02 / sqrt(2 * 2)
        Deviation(state["blocks.0.down"]).ShouldBe(0.01, 0.0005);
        state["blocks.0.up"].ToArray<float>().Average().ShouldBe(0, 0.001f);
        state["blocks.1.mlp_norm_weight"].ToArray<float>().ShouldAllBe(v => v == 1);
        state["final_norm_bias"].ToArray<float>().ShouldAllBe(v => v == 0);
        state["blocks.0.up"].ToArray<float>().ShouldNotBe(state["blocks.1.up"].ToArray<float>());
    }

    [Fact]
    public void Constructor_SameSeed_SameWeights()
    {
        static float[] Head(ulong seed) => Module.StateDict(new Gpt(Tiny, seed))["token"].ToArray<float>();
        Head(5).ShouldBe(Head(5));
        Head(5).ShouldNotBe(Head(6));
    }

    [Fact]
    public void Forward_LaterTokens_DoNotChangeEarlierLogits()
    {
        var model = new Gpt(Tiny, 1);
        var a = model.Forward(Tensor.From([1, 2, 3, 4, 5, 6], 1, 6)).ToArray<float>();
        var b = model.Forward(Tensor.From([1, 2, 3, 4, 9, 0], 1, 6)).ToArray<float>();
        var c = model.Forward(Tensor.From([1, 2, 3, 4], 1, 4)).ToArray<float>();
        b[..44].ShouldBe(a[..44]);
        c.ShouldBe(a[..44]);
        b[44..].ShouldNotBe(a[44..]);
    }

    [Fact]
    public void Forward_Logits_AreThoseOfPlainLoops()
    {
        var model = new Gpt(Tiny, 3);
        // Weights far larger than the initial ones, so that the softmax and the GELU are far from linear.
        var state = Module.StateDict(model).ToDictionary(p => p.Key, p => RandomWeights.Normal(p.Value.Shape, 0.5, 9, (ulong)p.Key.Sum(ch => ch)));
        Module.LoadStateDict(model, state);
        int[] tokens = [3, 1, 4, 1, 5, 9];
        var expected = new PlainGpt(Tiny, state).Logits(tokens);
        var actual = model.Forward(Tensor.From(tokens, 1, 6)).ToArray<float>();
        for (int i = 0; i < actual.Length; i++) ((double)actual[i]).ShouldBe(expected[i], 1e-4 * Math.Max(1, Math.Abs(expected[i])), $"logit {i}");
    }

    [Fact]
    public void Forward_TooLong_SaysHowLongItMayBe() =>
        Should.Throw<ShapeException>(() => new Gpt(Tiny, 1).Forward(Tensor.Zeros([1, 7], DType.I32))).Message.ShouldBe("7 tokens do not fit into a context of 6");

    [Fact]
    public void Config_WidthNotDivisible_SaysSo() => Should.Throw<IngotException>(() => new Gpt(Tiny with { Heads = 3 }, 1)).Message.ShouldBe("the width 8 is not divisible by 3 heads");
}
