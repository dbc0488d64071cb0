using Ingot.Codegen;
using Ingot.Nn;
using Ingot.Schedule;
using Ingot.Tests.Runtime;

namespace Ingot.Tests.Schedule;

/// <summary>Which graphs are one kernel, and what that kernel reads, writes and counts.</summary>
[Collection(nameof(ProcessWide))]
public class FusionTests
{
    static Tensor Random(params int[] shape) => Tensor.Uniform(shape, 0.5, 1.5).Realize();

    /// <summary>The plan that computes a tensor.</summary>
    static Plan PlanOf(Tensor y)
    {
        y.Realize();
        return Realizer.LastPlan.ShouldNotBeNull();
    }

    static void ShouldBeOneKernel(Func<Tensor> build)
    {
        var y = build();
        var expected = Interpreter.Evaluate([y.Node])[y.Node];
        var plan = PlanOf(y);
        plan.LaunchCount.ShouldBe(1, Listing(plan));
        plan.KernelCount.ShouldBe(1, Listing(plan));
        Golden.Closeness.Difference(Interpreter.Load(y.Node, Realizer.BufferOf(y.Node)), expected, 10, signOfZero: false).ShouldBeNull();
        // A ReLU after it joins it.
        var relu = PlanOf(build().Relu());
        relu.LaunchCount.ShouldBe(1, Listing(relu));
        relu.KernelCount.ShouldBe(1, Listing(relu));
    }

    static string Listing(Plan plan) => string.Join("\n", plan.Describe());

    [Fact]
    public void MultiplyAdd_IsOneKernel_WithThreeReadsAndOneWrite()
    {
        const int n = 4096;
        Tensor a = Random(n), b = Random(n), c = Random(n);
        ShouldBeOneKernel(() => a * b + c);
        var (_, flops, bytes, reads, writes) = PlanOf(a * b + c).Describe().ShouldHaveSingleItem();
        (reads, writes).ShouldBe((3, 1));
        flops.ShouldBe(2 * n);
        bytes.ShouldBe(4 * n * sizeof(float));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(6)]
    public void ChainOfMultiplies_IsOneKernel_ThatReadsEachFactorOnce(int multiplies)
    {
        const int n = 5000;
        var factors = Enumerable.Range(0, multiplies + 1).Select(_ => Random(n)).ToArray();
        ShouldBeOneKernel(() => factors.Aggregate((a, b) => a * b));
        var (_, flops, bytes, reads, writes) = PlanOf(factors.Aggregate((a, b) => a * b)).Describe().ShouldHaveSingleItem();
        (reads, writes).ShouldBe((multiplies + 1, 1));
        flops.ShouldBe(multiplies * n);
        bytes.ShouldBe((multiplies + 2) * n * sizeof(float));
    }

    public static TheoryData<string> RowPrograms => ["softmax", "log-softmax", "variance", "layer norm", "rms norm", "absolute sum"];

    [Theory]
    [MemberData(nameof(RowPrograms))]
    public void RowProgram_OverRowsThatFitInCache_IsOneKernel(string program)
    {
        Tensor x = Random(64, 300), weight = Random(300), bias = Random(300), one = Random(4096);
        ShouldBeOneKernel(() => program switch
        {
            "softmax" => x.Softmax(-1),
            "log-softmax" => x.LogSoftmax(-1),
            "variance" => x.Var(-1),
            "layer norm" => x.LayerNorm(weight, bias),
            "rms norm" => x.RmsNorm(weight),
            _ => one / one.Abs().Sum(),
        });
    }

    [Theory]
    [InlineData(8)]
    [InlineData(4096)]
    public void RowProgram_OfASingleRow_IsOneKernel(int n)
    {
        var x = Random(n);
        ShouldBeOneKernel(() => x / x.Abs().Sum());
        ShouldBeOneKernel(() => x.Softmax(0));
        ShouldBeOneKernel(() => x.Var());
    }

    /// <summary>GPT-2's vocabulary: a row of 200 KB.</summary>
    [Fact]
    public void RowProgram_OverALongRow_IsOneKernel()
    {
        var x = Random(16, 50257);
        ShouldBeOneKernel(() => x.Softmax(-1));
        ShouldBeOneKernel(() => x.LogSoftmax(-1));
        ShouldBeOneKernel(() => x / x.Abs().Sum(-1, keepDim: true));
    }

    /// <summary>A product goes to memory in the order that its reader asks for, with no copy after it.</summary>
    [Fact]
    public void MatmulThenPermute_IsOneKernel()
    {
        Tensor a = Random(4, 6, 64, 32), b = Random(4, 6, 32, 48);
        ShouldBeOneKernel(() => a.Matmul(b).Permute(0, 2, 1, 3).Reshape(4, 64, 6 * 48));
    }

    /// <summary>A convolution reads its image as it is, also with a border: one kernel with its bias and activation.</summary>
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    public void ConvolutionBiasRelu_IsOneKernel(int padding, int stride)
    {
        Tensor x = Random(2, 8, 20, 20), w = Random(16, 8, 3, 3), bias = Random(16);
        ShouldBeOneKernel(() => x.Conv2d(w, bias, stride: stride, padding: padding).Relu());
    }

    [Fact]
    public void RowProgram_ReadsItsInputAndWritesItsResultOnce()
    {
        const int rows = 64, n = 300;
        Tensor x = Random(rows, n), weight = Random(n), bias = Random(n);
        PlanOf(x.Softmax(-1)).Describe().ShouldHaveSingleItem().Bytes.ShouldBe(2 * rows * n * sizeof(float));
        PlanOf(x.LayerNorm(weight, bias)).Describe().ShouldHaveSingleItem().Bytes.ShouldBe((2 * rows * n + 2 * n) * sizeof(float));
        PlanOf(x.Var(-1)).Describe().ShouldHaveSingleItem().Bytes.ShouldBe((rows * n + rows) * sizeof(float));
    }

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 20)];

    /// <summary>Any program of elementwise operations and reductions along rows: one pass over memory.</summary>
    [Theory]
    [MemberData(nameof(Seeds))]
    public void RandomRowProgram_IsOneKernel(int seed)
    {
        Tensor.ManualSeed((ulong)seed);
        var shape = new Random(seed);
        int rows = shape.Next(8, 40), n = shape.Next(16, 400);
        Tensor x = Random(rows, n), y = Random(rows, n), w = Random(n);
        ShouldBeOneKernel(() =>
        {
            var random = new Random(1000 + seed);
            var values = new List<Tensor> { x, y, x * w };
            Tensor Any() => values[random.Next(values.Count)];
            for (int i = random.Next(3, 8); i > 0; i--)
                values.Add(random.Next(9) switch
                {
                    0 => Any() - Any().Mean(-1, keepDim: true),
                    1 => Any() / (Any().Abs().Sum(-1, keepDim: true) + 1),
                    2 => Any() - Any().Amax([-1], keepDim: true),
                    3 => Any() * (Any().Square().Mean(-1, keepDim: true) + 1e-5).Rsqrt(),
                    4 => Any().Tanh() + Any(),
                    5 => Any() * Any() * 0.3,
                    6 => (Any() - 1).Exp().Minimum(2),
                    7 => Any() + w,
                    _ => Any().Softmax(-1),
                });
            // The whole program counts, not only its last value.
            return values.Skip(3).Aggregate((a, b) => a + b);
        });
    }

    [Theory]
    [InlineData("none")]
    [InlineData("tanh")]
    public void MatmulBiasGelu_IsOneKernel(string approximate)
    {
        const int m = 64, k = 96, n = 80;
        Tensor x = Random(m, k), weight = Random(k, n), bias = Random(n);
        ShouldBeOneKernel(() => (x.Matmul(weight) * 0.01 + bias).Gelu(approximate));
        var product = PlanOf(x.Matmul(weight) + bias).Describe().ShouldHaveSingleItem();
        product.Flops.ShouldBe(2 * m * k * n + m * n);
        product.Bytes.ShouldBe((m * k + k * n + n + m * n) * sizeof(float));
    }

    [Fact]
    public void LinearLayer_WithAnyActivation_IsOneKernel()
    {
        Tensor x = Random(48, 64), weight = Random(72, 64) * 0.01, bias = Random(72);
        Func<Tensor, Tensor>[] activations = [y => y.Relu(), y => y.Silu(), y => y.Sigmoid(), y => y.Tanh(), y => y.LeakyRelu(), y => y.Clamp(0, 1)];
        weight.Realize();
        foreach (var f in activations) ShouldBeOneKernel(() => f(x.Linear(weight, bias)));
    }

    /// <summary>The tensors of GPT-2, narrower: 148 of them, 2 embeddings, 12 blocks of 12, a final norm.</summary>
    static List<int[]> Gpt2Shapes(int c)
    {
        List<int[]> shapes = [[97, c], [32, c], [c], [c]];
        for (int i = 0; i < 12; i++) shapes.AddRange([[c], [c], [3 * c, c], [3 * c], [c, c], [c], [c], [c], [4 * c, c], [4 * c], [c, 4 * c], [c]]);
        return shapes;
    }

    [Fact]
    public void AdamW_Of148Tensors_IsAHandfulOfLaunches()
    {
        var parameters = Gpt2Shapes(24).ConvertAll(s => Random(s).WithGrad());
        parameters.Count.ShouldBe(148);
        var optimizer = new AdamW(parameters, 1e-3);
        var before = parameters.ConvertAll(p => p.ToArray<float>());
        for (int step = 0; step < 2; step++)
        {
            foreach (var p in parameters) p.Grad = Random(p.Shape.ToArray());
            optimizer.Step();
            var plan = Realizer.LastPlan.ShouldNotBeNull();
            plan.LaunchCount.ShouldBeLessThanOrEqualTo(4, Listing(plan));
            plan.KernelCount.ShouldBe(148);
            // Parameter, gradient and two moments are read, all but the gradient written.
            plan.Describe().Sum(k => k.Bytes).ShouldBe(parameters.Sum(p => p.Count) * 7 * sizeof(float));
        }
        for (int i = 0; i < parameters.Count; i++) parameters[i].ToArray<float>().Zip(before[i]).ShouldAllBe(p => p.First < p.Second);
    }

    [Fact]
    public void Activation_Backward_KeepsOnlyItsInput()
    {
        // h = x W is written once and gelu(h) once, for the next product; what gelu computes in between is not kept for the backward pass.
        const int m = 64, c = 96;
        Tensor x = Random(m, c), up = Random(4 * c, c).WithGrad(), down = Random(c, 4 * c).WithGrad();
        var loss = x.Linear(up).Gelu().Linear(down).Square().Mean();
        loss.Backward();
        Tensor.Realize(loss, up.Grad!, down.Grad!);
        var forward = Realizer.LastPlan.ShouldNotBeNull().Describe().First();
        (forward.Reads, forward.Writes).ShouldBe((2, 2));
    }
}
