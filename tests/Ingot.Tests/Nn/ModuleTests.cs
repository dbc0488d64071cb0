using Ingot.Nn;
using Ingot.Tests.Runtime;

namespace Ingot.Tests.Nn;

[Collection(nameof(ProcessWide))] // the random stream is the process's
public class ModuleTests
{
    sealed class Block(int width)
    {
        public LayerNorm Norm { get; } = new(width);
        readonly Linear projection = new(width, width, bias: false);
        public Tensor Forward(Tensor x) => projection.Forward(Norm.Forward(x));
    }

    class Base
    {
        public Tensor TokenScale { get; } = Tensor.Ones(2).WithGrad();
    }

    sealed class Model : Base
    {
        public Embedding Wte { get; } = new(5, 2);
        public List<Block> Layers { get; } = [new(2), new(2)];
        public Dictionary<string, Linear> Heads { get; } = new() { ["a"] = new(2, 1), ["b"] = new(2, 1) };
        public BatchNorm BatchNorm { get; } = new(2);
        public Dropout Dropout { get; } = new(0.1);
        [NotState] public Tensor Positions { get; } = Tensor.Arange(3);
        public Tensor Computed => Wte.Weight * 2;
        public int Count { get; set; } = 3;
        public Model? Parent { get; set; }
    }

    sealed class Captured(Linear first, Tensor scale)
    {
        public Tensor Forward(Tensor x) => first.Forward(x) * scale;
    }

    [Fact]
    public void StateDict_NamesAreDottedInOrderOfDeclaration() => Module.StateDict(new Model()).Keys.ShouldBe([
        "token_scale", "wte.weight",
        "layers.0.norm.weight", "layers.0.norm.bias", "layers.0.projection.weight",
        "layers.1.norm.weight", "layers.1.norm.bias", "layers.1.projection.weight",
        "heads.a.weight", "heads.a.bias", "heads.b.weight", "heads.b.bias",
        "batch_norm.weight", "batch_norm.bias", "batch_norm.running_mean", "batch_norm.running_var"]);

    [Fact]
    public void Parameters_AreThoseThatWantAGradient()
    {
        var model = new Model();
        Module.NamedParameters(model).Keys.ShouldNotContain("batch_norm.running_mean");
        Module.Parameters(model).Count.ShouldBe(14);
    }

    [Fact]
    public void Parameters_Shared_AreListedOnceAndNamedTwice()
    {
        var head = new Linear(2, 2);
        var model = new { A = head, B = head };
        Module.Parameters(model).Count.ShouldBe(2);
        Module.StateDict(model).Keys.ShouldBe(["a.weight", "a.bias", "b.weight", "b.bias"]);
    }

    [Fact]
    public void References_BackToTheModel_End()
    {
        var model = new Model();
        model.Parent = model;
        Module.StateDict(model).Count.ShouldBe(16);
    }

    [Fact]
    public void PrimaryConstructorParameters_AreState() =>
        Module.StateDict(new Captured(new(2, 2), Tensor.Ones(1).WithGrad())).Keys.ShouldBe(["first.weight", "first.bias", "scale"]);

    [Fact]
    public void Sequential_RunsLayersAndFunctions_AndNumbersThem()
    {
        var model = new Sequential { new Linear(3, 4), x => x.Relu(), new Linear(4, 2) };
        Module.StateDict(model).Keys.ShouldBe(["0.weight", "0.bias", "2.weight", "2.bias"]);
        var input = Tensor.Rand(5, 3);
        var s = Module.StateDict(model);
        var expected = input.Linear(s["0.weight"], s["0.bias"]).Relu().Linear(s["2.weight"], s["2.bias"]);
        model.Forward(input).ToArray<float>().ShouldBe(expected.ToArray<float>());
        new Sequential(new Linear(1, 1), new Dropout()).Count.ShouldBe(2);
    }

    [Fact]
    public void LoadStateDict_RoundTrip_CopiesTheValues()
    {
        Model a = new(), b = new();
        Module.LoadStateDict(b, Module.StateDict(a));
        var (x, y) = (Module.StateDict(a), Module.StateDict(b));
        foreach (var name in x.Keys) y[name].ToArray<float>().ShouldBe(x[name].ToArray<float>(), name);
        y["wte.weight"].RequiresGrad.ShouldBeTrue();
        y["wte.weight"].ShouldNotBeSameAs(x["wte.weight"]);

        // Copies: a step of one model leaves the other alone.
        var before = y["heads.a.bias"].ToArray<float>();
        x["heads.a.bias"].Sum().Backward();
        new Sgd([x["heads.a.bias"]], 1).Step();
        y["heads.a.bias"].ToArray<float>().ShouldBe(before);
        x["heads.a.bias"].ToArray<float>().ShouldNotBe(before);
    }

    [Fact]
    public void LoadStateDict_ThatDoesNotFit_ListsEverything_AndLoadsNothing()
    {
        var model = new Linear(2, 3);
        var before = model.Weight.ToArray<float>();
        var state = new Dictionary<string, Tensor> { ["weight"] = Tensor.Ones(3, 2), ["gamma"] = Tensor.Ones(1) };
        var message = Should.Throw<IngotException>(() => Module.LoadStateDict(model, state)).Message;
        message.ShouldBe("cannot load the state of Linear: missing bias; unexpected gamma");
        model.Weight.ToArray<float>().ShouldBe(before);

        state["bias"] = Tensor.Ones(4);
        Should.Throw<IngotException>(() => Module.LoadStateDict(model, state)).Message.ShouldContain("bias (the file has (4,), the model (3,))");

        state.Remove("bias");
        Module.LoadStateDict(model, state, strict: false);
        model.Weight.ToArray<float>().ShouldBe([1, 1, 1, 1, 1, 1]);
    }

    [Fact]
    public void LoadStateDict_OfAnotherType_Casts()
    {
        var model = new Linear(1, 1);
        Module.LoadStateDict(model, new Dictionary<string, Tensor> { ["weight"] = Tensor.From([2.0], 1, 1), ["bias"] = Tensor.From([3.0]) });
        model.Weight.DType.ShouldBe(DType.F32);
        model.Forward(Tensor.Ones(1, 1)).Item<float>().ShouldBe(5);
    }

    [Fact]
    public void Train_SetsEveryTrainingProperty()
    {
        var model = new Model();
        Module.Eval(model);
        model.Dropout.Training.ShouldBeFalse();
        model.BatchNorm.Training.ShouldBeFalse();
        Module.Train(model);
        model.Dropout.Training.ShouldBeTrue();
    }

    [Fact]
    public void Layers_StartAsPyTorch()
    {
        Tensor.ManualSeed(1);
        var linear = new Linear(100, 50);
        linear.Weight.Shape.ShouldBe(new Shape(50, 100));
        var w = linear.Weight.ToArray<float>();
        w.Max(Math.Abs).ShouldBeInRange(0.099f, 0.1f);
        Math.Sqrt(w.Average(v => v * v)).ShouldBe(0.1 / Math.Sqrt(3), 2e-3);
        linear.Bias!.ToArray<float>().Max(Math.Abs).ShouldBeLessThanOrEqualTo(0.1f);
        var conv = new Conv2d(4, 8, 5, groups: 2);
        conv.Weight.Shape.ShouldBe(new Shape(8, 2, 5, 5));
        conv.Weight.ToArray<float>().Max(Math.Abs).ShouldBeInRange(0.13f, 0.1415f); // 1 / sqrt(2 * 25)
        new Embedding(100, 100).Weight.ToArray<float>().Average(v => v * v).ShouldBe(1, 0.05);
        new LayerNorm(3, bias: false).Bias.ShouldBeNull();
    }

    [Fact]
    public void Layers_ApplyTheirAttributes()
    {
        var x = Tensor.Rand(2, 4, 8, 8);
        new Conv2d(4, 6, 3, stride: 2, padding: 1, dilation: 2, groups: 2).Forward(x).Shape.ShouldBe(new Shape(2, 6, 3, 3));
        new Conv1d(4, 6, 3, padding: 1).Forward(x[.., .., 0]).Shape.ShouldBe(new Shape(2, 6, 8));
        new GroupNorm(2, 4).Forward(x).Shape.ShouldBe(x.Shape);
        new RmsNorm(8).Forward(x).Shape.ShouldBe(x.Shape);
        new LayerNorm([8, 8]).Forward(x).Shape.ShouldBe(x.Shape);
        new Embedding(5, 3).Forward(Tensor.From([4, 0])).Shape.ShouldBe(new Shape(2, 3));
        var norm = new BatchNorm(4);
        norm.Forward(x).Sum().Backward();
        norm.RunningMean.ToArray<float>().ShouldNotBe(new float[4]);
    }

    [Fact]
    public void Training_ASmallModel_LearnsXor()
    {
        Tensor.ManualSeed(3);
        var model = new Sequential { new Linear(2, 8), x => x.Tanh(), new Linear(8, 2) };
        var optimizer = new AdamW(Module.Parameters(model), Schedules.WarmupCosine(0.1), weightDecay: 0);
        var inputs = Tensor.From([0f, 0, 0, 1, 1, 0, 1, 1], 4, 2);
        var classes = Tensor.From([0, 1, 1, 0]);
        float loss = 0;
        for (int step = 0; step < 60; step++)
        {
            optimizer.ZeroGrad();
            var l = model.Forward(inputs).CrossEntropy(classes);
            l.Backward();
            Clip.GradNorm(Module.Parameters(model), 1);
            optimizer.Step(step / 60.0);
            loss = l.Item<float>();
        }
        loss.ShouldBeLessThan(0.05f);
    }

    [Fact]
    public void LoadStateDict_IntegersForWeights_NamesBothAndChangesNothing()
    {
        var layer = new Linear(2, 3);
        var before = layer.Weight.ToArray<float>();
        var state = Module.StateDict(layer).ToDictionary(t => t.Key, t => t.Value);
        state["weight"] = Tensor.Ones(3, 2).To(DType.I32);
        var message = Should.Throw<IngotException>(() => Module.LoadStateDict(layer, state)).Message;
        message.ShouldContain("weight (the file has i32, the model f32)");
        layer.Weight.ToArray<float>().ShouldBe(before);
        state["weight"] = Tensor.Ones(3, 2).To(DType.BF16);
        Module.LoadStateDict(layer, state);
        layer.Weight.ToArray<float>().ShouldAllBe(x => x == 1);
    }

    sealed class WithTuples
    {
        public (Linear Query, Linear Key) Pair { get; } = (new Linear(2, 3, bias: false), new Linear(2, 4, bias: false));

        public List<(string Name, Tensor Value)> Named { get; } = [("a", Tensor.Ones(5).WithGrad())];

        public Tuple<Tensor, int> Old { get; } = new(Tensor.Ones(6).WithGrad(), 1);

        public HashSet<int> Numbers { get; } = [1, 2]; // no tensors, no matter
    }

    sealed class WithSet
    {
        public HashSet<Linear> Layers { get; } = [new Linear(2, 3)];
    }

    sealed class WithQueue
    {
        public Queue<Tensor> Past { get; } = new([Tensor.Ones(2)]);
    }

    [Fact]
    public void StateDict_OfTuples_FindsTheirTensors() => Module.NamedParameters(new WithTuples()).Select(p => (p.Key, p.Value.Shape)).ShouldBe(
        [("pair.0.weight", new Shape(3, 2)), ("pair.1.weight", new Shape(4, 2)), ("named.0.1", new Shape(5)), ("old.0", new Shape(6))]);

    [Fact]
    public void StateDict_OfASetOrQueueOfTensors_IsAnError()
    {
        Should.Throw<IngotException>(() => Module.Parameters(new WithSet())).Message.ShouldContain("'layers', a HashSet,");
        Should.Throw<IngotException>(() => Module.StateDict(new WithQueue())).Message.ShouldContain("'past', a Queue,");
    }

    [Fact]
    public void ConvolutionLayers_ApplyTheirAttributes()
    {
        Tensor.ManualSeed(2);
        var x = Tensor.Rand(2, 4, 6, 6);
        new Conv2d(4, 6, (3, 2), padding: "same").Forward(x).Shape.ShouldBe(new Shape(2, 6, 6, 6));
        new Conv3d(4, 2, 3, padding: (0, 1, 1)).Forward(Tensor.Rand(1, 4, 3, 6, 6)).Shape.ShouldBe(new Shape(1, 2, 1, 6, 6));
        var up = new ConvTranspose2d(4, 6, 4, stride: 2, padding: 1, groups: 2);
        up.Weight.Shape.ShouldBe(new Shape(4, 3, 4, 4));
        up.Weight.ToArray<float>().Max(Math.Abs).ShouldBeInRange(0.14f, 0.1444f); // 1 / sqrt(3 * 16)
        up.Forward(x).Shape.ShouldBe(new Shape(2, 6, 12, 12));
        new ConvTranspose1d(4, 3, 3, stride: 2, outputPadding: 1, bias: false).Forward(x[.., .., 0]).Shape.ShouldBe(new Shape(2, 3, 14));
        new ConvTranspose3d(4, 1, 2).Forward(Tensor.Rand(1, 4, 2, 3, 3)).Shape.ShouldBe(new Shape(1, 1, 3, 4, 4));
        Module.StateDict(new Conv2d(4, 6, 3)).Keys.ShouldBe(["weight", "bias"]);
        Module.StateDict(up).Keys.ShouldBe(["weight", "bias"]);
        Should.Throw<ShapeException>(() => new Conv2d(4, 6, 3, groups: 3)).Message.ShouldContain("from 4 to 6 channels does not divide into 3 groups");
        Should.Throw<ShapeException>(() => new ConvTranspose2d(4, 6, 3, groups: 4)).Message.ShouldContain("4 groups");
    }

    [Fact]
    public void ResizingLayers_ApplyTheirAttributes()
    {
        var x = Tensor.Rand(2, 4, 6, 6).Realize();
        new Upsample(scaleFactor: 2, mode: InterpolationMode.Bilinear).Forward(x).Shape.ShouldBe(new Shape(2, 4, 12, 12));
        new Upsample((3, 9)).Forward(x).Shape.ShouldBe(new Shape(2, 4, 3, 9));
        new AdaptiveAvgPool2d(1).Forward(x).ToArray<float>().ShouldBe(x.Mean([2, 3]).ToArray<float>());
        new AdaptiveAvgPool1d(4).Forward(x[0]).Shape.ShouldBe(new Shape(4, 6, 4));
        new AdaptiveAvgPool3d((1, 2, 2)).Forward(x).Shape.ShouldBe(new Shape(2, 1, 2, 2));
        var slopes = new PRelu(4);
        slopes.Forward(x - 1).Sum().Backward();
        slopes.Weight.Grad!.Shape.ShouldBe(new Shape(4));
    }

    [Fact]
    public void InstanceNorm_WithRunningStatistics_UsesThemInEvaluation()
    {
        var x = Tensor.Rand(2, 4, 6).Realize();
        Module.StateDict(new InstanceNorm(4)).ShouldBeEmpty();
        var norm = new InstanceNorm(4, affine: true, trackRunningStats: true);
        Module.StateDict(norm).Keys.ShouldBe(["weight", "bias", "running_mean", "running_var"]);
        norm.Forward(x).Sum().Backward();
        norm.RunningMean!.ToArray<float>().ShouldNotBe(new float[4]);
        Module.Eval(norm);
        var expected = x.BatchNorm(norm.RunningMean, norm.RunningVar, norm.Weight, norm.Bias).ToArray<float>();
        norm.Forward(x).ToArray<float>().ShouldBe(expected);
    }
}
