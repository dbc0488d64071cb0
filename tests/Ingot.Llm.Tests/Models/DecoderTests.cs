using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Nn;

namespace Ingot.Llm.Tests.Models;

public class DecoderTests
{
    public static TheoryData<string> Shapes => ["qwen3", "llama3", "qwen2", "window", "plain", "gemma3", "phi3", "phi3-long", "gpt2", "smollm3", "yarn", "llama-adjacent", "qwen3-window"];

    internal static DecoderConfig Shape(string name) => name switch
    {
        "qwen3" => RandomDecoder.Config,
        "llama3" => RandomDecoder.Config with { Family = "llama", QkNorm = false, RopeTheta = 500, TiedHead = false, Scaling = new RopeScaling.Llama3(8, 1, 4, 32) },
        "qwen2" => RandomDecoder.Config with { Family = "qwen2", QkNorm = false, QkvBiases = true, Scaling = new RopeScaling.Linear(4) },
        "window" => RandomDecoder.Config with { Family = "mistral", QkNorm = false, Window = 5, KeyHeads = 6 },
        "gemma3" => RandomDecoder.Config with
        {
            Family = "gemma3_text",
            Layers = 7,
            Window = 6,
            FullLayers = [5],
            RopeTheta = 1000,
            WindowRopeTheta = 100,
            Scaling = new RopeScaling.Linear(8),
            AttentionScale = 0.25,
            EmbeddingScale = Math.Sqrt(48),
            FeedForward = FeedForwardKind.GeGlu,
            PostNorms = true,
            NormsFromOne = true,
            LogitCap = 20,
        },
        "phi3" => RandomDecoder.Config with { Family = "phi3", QkNorm = false, TiedHead = false, Window = 17, RotaryWidth = 8 },
        "phi3-long" => RandomDecoder.Config with
        {
            Family = "phi3",
            QkNorm = false,
            TiedHead = false,
            Scaling = new RopeScaling.LongRope([1, 1.1, 1.2, 1.5, 2, 3], [1.5, 2, 3, 4, 6, 8], 20, RopeScaling.LongRopeAmplitude(8, 20)),
        },
        "gpt2" => RandomDecoder.Config with
        {
            Family = "gpt2",
            HeadWidth = 8,
            KeyHeads = 6,
            QkNorm = false,
            LearnedPositions = true,
            LayerNorm = true,
            NormBiases = true,
            NormEpsilon = 1e-5,
            QkvBiases = true,
            OutputBias = true,
            MlpBiases = true,
            FeedForward = FeedForwardKind.GeluTanh,
        },
        "smollm3" => RandomDecoder.Config with { Family = "smollm3", QkNorm = false, Layers = 4, UnrotatedLayers = [3] },
        "yarn" => RandomDecoder.Config with { Family = "llama", QkNorm = false, RopeTheta = 300, Scaling = new RopeScaling.Yarn(4, 32, RopeScaling.YarnAmplitude(4), 8, 1) },
        "llama-adjacent" => RandomDecoder.Config with { Family = "llama", QkNorm = false, AdjacentRotation = true },
        "qwen3-window" => RandomDecoder.Config with { Window = 5, FullLayers = [0, 2] },
        _ => RandomDecoder.Config with { Family = "llama", QkNorm = false, KeyHeads = 1, QkvBiases = true, OutputBias = true, MlpBiases = true, HeadWidth = 8 },
    };

    [Theory, MemberData(nameof(Shapes))]
    public void Forward_RandomModel_IsThatOfDoublePrecision(string shape)
    {
        var model = RandomDecoder.Of(Shape(shape));
        var tokens = RandomDecoder.Tokens(23);
        var expected = new PlainDecoder(model).Forward(tokens).SelectMany(r => r).ToArray();
        var actual = model.Forward(Tensor.From(tokens, 1, 23)).ToArray<float>();
        actual.Length.ShouldBe(expected.Length);
        double worst = actual.Zip(expected, (a, e) => Math.Abs(a - e)).Max(), largest = expected.Max(Math.Abs);
        worst.ShouldBeLessThan(2e-5 * largest);
        largest.ShouldBeGreaterThan(1);
    }

    [Theory, MemberData(nameof(Shapes))]
    public void Engine_CachedLogits_AreThoseOfDoublePrecision(string shape)
    {
        if (shape == "phi3-long") return; // a cached key cannot be turned anew when the text becomes long: see below
        AgreesWhenCached(RandomDecoder.Of(Shape(shape)), 80);
    }

    [Theory]
    [InlineData(20, 20)] // not longer than the first training's context
    [InlineData(160, 60)] // as of the whole context, where texts are long
    public void Engine_LongRope_TurnsByTheContext(int context, int length)
    {
        var config = Shape("phi3-long");
        var factors = (RopeScaling.LongRope)config.Scaling!;
        if (context > factors.OriginalContext) config = config with { Scaling = factors with { Short = factors.Long } };
        var model = RandomDecoder.Of(config with { ContextLength = context, Scaling = Shape("phi3-long").Scaling });
        AgreesWhenCached(model, length, RandomDecoder.Of(config with { ContextLength = context }));
    }

    /// <summary>Logits of a prompt and of tokens one by one, from the cache, are those of the plain forward.</summary>
    static void AgreesWhenCached(Decoder model, int length, Decoder? same = null)
    {
        var tokens = RandomDecoder.Tokens(length);
        int prompt = length / 2;
        var expected = new PlainDecoder(same ?? model).Forward(tokens);
        List<float[]> rows = [];
        var engine = new Engine(model);
        using var sequence = engine.Start(tokens.AsSpan(0, prompt), new SamplingOptions(Temperature: 0));
        sequence.Choosing = logits => { rows.Add(logits.ToArray()); return prompt + rows.Count - 1 < length ? tokens[prompt + rows.Count - 1] : null; };
        while (!sequence.IsDone) engine.Step();
        rows.Count.ShouldBeInRange(length - prompt, length - prompt + 1);
        double largest = expected.Max(r => r.Max(Math.Abs));
        foreach (var (i, row) in rows.Index()) row.Zip(expected[prompt - 1 + i], (a, e) => Math.Abs(a - e)).Max().ShouldBeLessThan(3e-5 * largest);
    }

    [Fact]
    public void Loss_Mask_CountsItsPositionsOnly()
    {
        var model = RandomDecoder.Of(RandomDecoder.Config);
        int[] tokens = RandomDecoder.Tokens(10), targets = RandomDecoder.Tokens(10, seed: 8);
        bool[] mask = [false, true, true, false, false, true, false, false, false, true];
        var logits = new PlainDecoder(model).Forward(tokens[..5]).Concat(new PlainDecoder(model).Forward(tokens[5..])).ToArray();
        double expected = Enumerable.Range(0, 10).Where(t => mask[t]).Average(t => Math.Log(logits[t].Sum(Math.Exp)) - logits[t][targets[t]]);
        double actual = model.Loss(Tensor.From(tokens, 2, 5), Tensor.From(targets, 2, 5), Tensor.From(mask, 2, 5)).Item<float>();
        actual.ShouldBe(expected, 1e-4);
        Math.Abs(model.Loss(Tensor.From(tokens, 2, 5), Tensor.From(targets, 2, 5)).Item<float>() - expected).ShouldBeGreaterThan(1e-3);
    }

    [Fact]
    public void Loss_Recompute_GivesTheSameGradients()
    {
        float[] Gradient(bool recompute)
        {
            var model = new Decoder(RandomDecoder.Config, seed: 3) { Recompute = recompute };
            model.Loss(Tensor.From(RandomDecoder.Tokens(16), 2, 8), Tensor.From(RandomDecoder.Tokens(16, seed: 9), 2, 8)).Backward();
            return [.. Module.Parameters(model).SelectMany(p => p.Grad!.ToArray<float>())];
        }
        var plain = Gradient(false);
        plain.Max(Math.Abs).ShouldBeGreaterThan(1e-3f);
        Gradient(true).Zip(plain, (a, b) => Math.Abs(a - b)).Max().ShouldBeLessThan(1e-6f);
    }

    [Fact]
    public void ParameterCount_AllShapes_IsTheWeights()
    {
        foreach (var shape in Shapes)
        {
            var model = new Decoder(Shape(shape.Data), seed: 1);
            model.Config.ParameterCount.ShouldBe(Module.Parameters(model).Sum(p => (double)p.Count));
        }
    }

    [Fact]
    public void StateDict_Names_AreHuggingFaces()
    {
        var names = Module.StateDict(new Decoder(Shape("qwen2") with { Layers = 1, QkNorm = true, TiedHead = false }, seed: 1)).Keys;
        names.ShouldBe([
            "model.embed_tokens.weight", "model.layers.0.input_layernorm.weight",
            "model.layers.0.self_attn.q_proj.weight", "model.layers.0.self_attn.q_proj.bias", "model.layers.0.self_attn.k_proj.weight", "model.layers.0.self_attn.k_proj.bias",
            "model.layers.0.self_attn.v_proj.weight", "model.layers.0.self_attn.v_proj.bias", "model.layers.0.self_attn.o_proj.weight",
            "model.layers.0.self_attn.q_norm.weight", "model.layers.0.self_attn.k_norm.weight", "model.layers.0.post_attention_layernorm.weight",
            "model.layers.0.mlp.gate_proj.weight", "model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.down_proj.weight", "model.norm.weight", "lm_head.weight",
        ]);
    }

    [Fact]
    public void Decoder_ImpossibleShape_Throws()
    {
        Should.Throw<IngotException>(() => new Decoder(RandomDecoder.Config with { KeyHeads = 4 }, 1)).Message.ShouldContain("6 query heads");
        Should.Throw<IngotException>(() => new Decoder(RandomDecoder.Config with { HeadWidth = 7 }, 1)).Message.ShouldContain("7");
        Should.Throw<InsufficientMemoryException>(() => new Decoder(RandomDecoder.Config with { Width = 1 << 24, Hidden = 1 << 24 }, 1));
    }
}
