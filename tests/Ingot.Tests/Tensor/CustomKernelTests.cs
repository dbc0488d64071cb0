using System.Runtime.CompilerServices;
using Ingot.Runtime;
using Ingot.Schedule;
using Ingot.Tests.Autograd;
using Ingot.Tests.Runtime;
using Ingot.Tests.Schedule;

namespace Ingot.Tests;

/// <summary>Kernels of the user's own take part in schedules, plans, gradients and listings, and may fail.</summary>
[Collection(nameof(ProcessWide))]
public sealed class CustomKernelTests
{
    static int Line([CallerLineNumber] int line = 0) => line;

    /// <summary>x^3 element by element; its gradient is composed.</summary>
    static readonly CustomKernel Cube = new("cube", args =>
    {
        if (args.OutputDType == DType.F64)
            for (int i = 0; i < args.Output<double>().Length; i++) args.Output<double>()[i] = Math.Pow(args.Input<double>(0)[i], 3);
        else
            for (int i = 0; i < args.Output<float>().Length; i++) args.Output<float>()[i] = MathF.Pow(args.Input<float>(0)[i], 3);
    })
    { Gradient = (inputs, _, g) => [g * 3 * inputs[0] * inputs[0]] };

    static Tensor CubeOf(Tensor x) => Tensor.Custom(Cube, x.Shape.Span, x.DType, x);

    static CustomKernel Failing(Exception e) => new("picky", _ => throw e);

    static float[] Interpreted(Func<Tensor> f)
    {
        bool before = Realizer.UseInterpreter;
        try
        {
            Realizer.UseInterpreter = true;
            return f().ToArray<float>();
        }
        finally { Realizer.UseInterpreter = before; }
    }

    [Theory, InlineData(0), InlineData(1)]
    public void Neighbours_BeforeAndAfter_AreFusedAroundIt(int verify)
    {
        var x = Tensor.Rand(6, 50).Realize();
        Tensor Program() => ((CubeOf(((x + 1) * 2).Exp()) + x).Sum(1) / 3).Relu();
        var expected = Enumerable.Range(0, 6).Select(r => x[r].ToArray<float>().Sum(v => Math.Pow(Math.Exp((v + 1) * 2), 3) + v) / 3).ToArray();
        using var watch = new Watch(verify: verify);
        Realizer.Clear();
        Program().ToArray<double>().ShouldBe(expected, expected.Max() * 1e-5);
        Realizer.LastPlan!.Describe().Select(l => l.Name).ShouldBe(["map_6x50", "cube_6x50", "reduce_6"]);
        Realizer.LastPlan.Describe().ElementAt(1).ShouldBe(("cube_6x50", 0, 2400, 1, 1));
    }

    [Fact]
    public void Output_ReadBySeveralAndAsked_IsComputedOnce()
    {
        int runs = 0;
        var count = new CustomKernel("count", args => args.Output<float>().Fill(++runs));
        var x = Tensor.Rand(4).Realize();
        var made = Tensor.Custom(count, [4], DType.F32, x);
        var (up, down) = (made + 1, made.Sum() - 1);
        Tensor.Realize(made, up, down);
        runs.ShouldBe(1);
        (made.Item0(), up.Item0(), down.Item0()).ShouldBe((1, 2, 3));
        Tensor.Custom(count, [4], DType.F32, x).Item0().ShouldBe(2, "a new graph is a new call");
    }

    [Fact]
    public void Inputs_OfEveryKind_ArriveRowMajorInTheirOwnTypes()
    {
        string seen = "";
        var look = new CustomKernel("look", args =>
        {
            seen = $"{args.Count}: {string.Join(' ', args.Input<float>(0).ToArray())} | {string.Join(' ', args.Input<long>(1).ToArray())} | {string.Join(' ', args.Input<bool>(2).ToArray())} | {args.Input<double>(3)[0]} | {args.Input<int>(4)[1]} {args.InputShape(4)} {args.InputDType(4)}";
            args.Output<byte>()[0] = 200;
        });
        var x = Tensor.From(new[,] { { 1f, 2 }, { 3, 4 } });
        Tensor[] inputs = [x.Transpose(0, 1), Tensor.Arange(3).To(DType.I64).Flip(0), Tensor.From([true, false]), Tensor.Scalar(0.3), Tensor.From([7, 8]).Reshape(2, 1)];
        var y = Tensor.Custom(look, [], DType.U8, inputs);
        const string expected = "5: 1 3 2 4 | 2 1 0 | True False | 0.3 | 8 (2, 1) I32";
        (y + 1).ToArray<int>().ShouldBe([201]);
        seen.ShouldBe(expected);
        seen = "";
        Interpreted(() => Tensor.Custom(look, [], DType.U8, inputs) + 1).ShouldBe([201]);
        seen.ShouldBe(expected);
    }

    [Fact]
    public void NoInputs_AndChainsOfKernels_Run()
    {
        var ones = new CustomKernel("ones", args => args.Output<float>().Fill(1));
        var y = CubeOf(CubeOf(Tensor.Custom(ones, [3], DType.F32)) + 1);
        y.ToArray<float>().ShouldBe([8, 8, 8]);
        Interpreted(() => CubeOf(CubeOf(Tensor.Custom(ones, [3], DType.F32)) + 1)).ShouldBe([8, 8, 8]);
    }

    [Fact]
    public void HalfPrecisions_AreSpansOfHalfAndBFloat16()
    {
        var mix = new CustomKernel("mix", args =>
        {
            var a = args.Input<Half>(0);
            var b = args.Input<BFloat16>(1);
            for (int i = 0; i < a.Length; i++) args.Output<Half>()[i] = a[i] + (Half)(float)b[i];
        });
        Tensor Program()
        {
            Tensor a = Tensor.From([1f, 2.5f]).To(DType.F16), b = Tensor.From([0.125f, -3f]).To(DType.BF16);
            return Tensor.Custom(mix, [2], DType.F16, a * 2, b) * 2;
        }
        Program().ToArray<float>().ShouldBe([4.25f, 4f]);
        Interpreted(Program).ShouldBe([4.25f, 4f]);
        var half = new CustomKernel("to_bf16", args => args.Output<BFloat16>()[0] = (BFloat16)args.Input<float>(0)[0]);
        Tensor.Custom(half, [1], DType.BF16, Tensor.From([1.5f])).ToArray<float>().ShouldBe([1.5f]);
    }

    [Fact]
    public void ZeroSizes_EmptyOutputIsNotAsked_EmptyInputIsAnEmptySpan()
    {
        CubeOf(Tensor.Rand(0, 3)).ToArray<float>().ShouldBeEmpty();
        Tensor.Custom(Failing(new InvalidOperationException()), [2, 0], DType.F32, Tensor.Ones(2)).ToArray<float>().ShouldBeEmpty();
        var lengths = new CustomKernel("lengths", args => args.Output<int>()[0] = 10 + args.Input<float>(0).Length);
        Tensor Program() => Tensor.Custom(lengths, [1], DType.I32, Tensor.Ones(0, 4) * 2) + 1;
        Program().ToArray<int>().ShouldBe([11]);
        Interpreted(Program).ShouldBe([11]);
    }

    [Fact]
    public void Output_NotWritten_IsZero() =>
        Tensor.Custom(new("idle", _ => { }), [1000], DType.F32, (Tensor.Rand(1000) + 1).Realize()).ToArray<float>().ShouldAllBe(v => v == 0);

    [Fact]
    public void Gradient_FirstAndSecond_AreThoseOfDifferences() =>
        GradientCheck.Second(t => CubeOf(t[0] * t[1]).Sin(), GradientCheck.Values(1, 2, 3), GradientCheck.Values(2, 2, 3));

    [Fact]
    public void Gradient_OfOneInputTwice_IsTheSum()
    {
        var product = new CustomKernel("product", args => args.Output<float>()[0] = args.Input<float>(0)[0] * args.Input<float>(1)[0]) { Gradient = (x, _, g) => [g * x[1], g * x[0]] };
        var x = Tensor.From([3f]).WithGrad();
        Tensor.Custom(product, [1], DType.F32, x, x).Sum().Backward();
        x.Grad!.ToArray<float>().ShouldBe([6]);
    }

    [Fact]
    public void Gradient_MissingOrUnfit_SaysWhat()
    {
        Tensor x = Tensor.Ones(2).WithGrad(), index = Tensor.From([1]);
        Tensor Call(CustomGradient? gradient) => Tensor.Custom(new("odd", _ => { }) { Gradient = gradient }, [2], DType.F32, x, index); int line = Line();
        string Message(CustomGradient? gradient) => Should.Throw<IngotException>(() => Call(gradient).Sum().Backward()).Message;
        Message(null).ShouldContain($"custom kernel odd, built at CustomKernelTests.cs:{line}, has no gradient; set its Gradient");
        Message((_, _, g) => [g]).ShouldContain("returned 1 tensors for 2 inputs");
        Message((_, _, g) => [g.Sum(), null]).ShouldContain("returned () for input 0, which is f32(2,)");
        Message((_, _, g) => [g, g.Sum()]).ShouldContain("input 1, which is i32(1,)");
        Call((_, _, g) => [g, null]).Sum().Backward();
        x.Grad!.ToArray<float>().ShouldBe([1, 1]);
    }

    [Fact]
    public void SecondStep_CompilesNothing()
    {
        var w = Tensor.Randn(8, 8).WithGrad();
        var optimizer = new Ingot.Nn.AdamW([w], 1e-3);
        int kernels = 0, plans = 0;
        for (int i = 0; i < 5; i++)
        {
            optimizer.ZeroGrad();
            CubeOf(Tensor.Randn(4, 8).Realize().Matmul(w)).Square().Mean().Backward();
            optimizer.Step();
            if (i > 0) (CompiledKernel.Compiled, Realizer.PlansMade).ShouldBe((kernels, plans));
            (kernels, plans) = (CompiledKernel.Compiled, Realizer.PlansMade);
        }
    }

    [Fact]
    public void AnotherKernel_InAnEqualGraph_IsNotMistakenForTheFirst()
    {
        CustomKernel Filling(float value) => new("fill", args => args.Output<float>().Fill(value));
        var x = Tensor.Ones(2).Realize();
        float[] Run(CustomKernel k) => (Tensor.Custom(k, [2], DType.F32, x) + 1).ToArray<float>();
        Run(Filling(1)).ShouldBe([2, 2]);
        Run(Filling(5)).ShouldBe([6, 6]);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Exception_InTheDelegate_NamesKernelAndLineAndLeavesEverything(bool interpreted)
    {
        bool before = Realizer.UseInterpreter;
        try
        {
            Realizer.UseInterpreter = interpreted;
            var cause = new InvalidOperationException("the moon is not full");
            var x = Tensor.From([1f, 2, 3]).Realize();
            x.Own();
            var memory = x.Detach();
            x.Assign(x * 10);
            var bad = Tensor.Custom(Failing(cause), [3], DType.F32, x + 1); int line = Line();
            var error = Should.Throw<IngotException>(() => Tensor.Realize(x, bad));
            error.Message.ShouldBe($"custom kernel picky, built at CustomKernelTests.cs:{line}, failed: the moon is not full");
            error.InnerException.ShouldBe(cause);
            memory.ToArray<float>().ShouldBe([1, 2, 3]);
            x.ToArray<float>().ShouldBe([10, 20, 30]);
        }
        finally { Realizer.UseInterpreter = before; }
    }

    /// <summary>x and y each read what the other overwrites, so one of them is written aside and copied; the kernel reads the new values all the same.</summary>
    [Theory, InlineData(false), InlineData(true)]
    public void Input_ThatIsAssignedInTheSameRun_HasItsNewValues(bool both)
    {
        Tensor x = Tensor.From([1f, 2, 3]).Realize(), y = Tensor.From([4f, 5, 6]).Realize();
        x.Own();
        y.Own();
        var old = x.Detach();
        x.Assign(y.Flip(0));
        if (both) y.Assign(old.Flip(0));
        Tensor cubes = CubeOf(x), more = CubeOf(y), turned = x.Flip(0) + 1, sums = y.Flip(0).CumSum(0);
        Tensor.Realize(x, y, cubes, more, turned, sums);
        x.ToArray<float>().ShouldBe([6, 5, 4]);
        y.ToArray<float>().ShouldBe(both ? [3, 2, 1] : [4, 5, 6]);
        turned.ToArray<float>().ShouldBe([5, 6, 7]);
        sums.ToArray<float>().ShouldBe(both ? [1, 3, 6] : [6, 11, 15]);
        cubes.ToArray<float>().ShouldBe([216, 125, 64]);
        more.ToArray<float>().ShouldBe(both ? [27, 8, 1] : [64, 125, 216]);
    }

    /// <summary>Equal graphs share a plan; the line in the message is still that of the graph that failed.</summary>
    [Fact]
    public void Exception_InAGraphWhosePlanIsKnown_NamesTheLineOfThisGraph()
    {
        var kernel = new CustomKernel("odd_only", args => args.Output<int>()[0] = args.Input<int>(0)[0] % 2 == 1 ? 1 : throw new ArgumentException("an even number"));
        Tensor.Custom(kernel, [1], DType.I32, Tensor.From([3])).Realize();
        int plans = Realizer.PlansMade;
        var bad = Tensor.Custom(kernel, [1], DType.I32, Tensor.From([4])); int line = Line();
        Should.Throw<IngotException>(() => bad.Realize()).Message.ShouldContain($"CustomKernelTests.cs:{line}, failed: an even number");
        Realizer.PlansMade.ShouldBe(plans);
    }

    [Fact]
    public void Cancellation_InTheDelegate_PassesAsItIs() =>
        Should.Throw<OperationCanceledException>(() => Tensor.Custom(Failing(new OperationCanceledException()), [1], DType.F32).Realize());

    static void ShouldFail(Action<CustomArguments> run, string message) =>
        Should.Throw<IngotException>(() => Tensor.Custom(new("wrong", run), [2, 3], DType.F16, Tensor.Ones(4)).Realize()).Message.ShouldContain(message);

    [Fact]
    public void Access_ByAnotherTypeOrNumber_SaysWhatThereIs()
    {
        ShouldFail(args => args.Input<double>(0), "input 0 is f32(4,), not f64; its elements are float");
        ShouldFail(args => args.Output<float>(), "output is f16(2, 3), not f32; its elements are Half");
        ShouldFail(args => args.Input<float>(1), "there is no input 1: it was called with 1");
        ShouldFail(args => args.InputShape(-1), "there is no input -1");
        ShouldFail(args => args.Output<Half>()[6] = Half.One, "wrong, built at CustomKernelTests.cs:");
    }

    [Fact]
    public void Realize_InTheDelegate_IsRefused()
    {
        var y = Tensor.Ones(3) * 2;
        ShouldFail(_ => y.ToArray<float>(), "cannot compute tensors while it runs");
        y.ToArray<float>().ShouldBe([2, 2, 2]);
    }

    [Fact]
    public void Verify_KernelThatIsNoFunction_NamesTheElement()
    {
        using var watch = new Watch(verify: 1);
        int runs = 0;
        var drifting = new CustomKernel("drifting", args => args.Output<float>()[4] = ++runs);
        Should.Throw<IngotException>(() => Tensor.Custom(drifting, [2, 3], DType.F32).Realize()).Message
            .ShouldMatch(@"^VERIFY: custom kernel drifting, built at CustomKernelTests\.cs:\d+, is not a function of its inputs: f32\(2, 3\) element \[1, 1\] is 1 in one run and 2 in the next$");
    }

    [Fact]
    public void Check_NaNFromTheKernel_NamesIt()
    {
        using var watch = new Watch(check: 1);
        var bad = new CustomKernel("roots", args => args.Output<float>()[1] = MathF.Sqrt(args.Input<float>(0)[1]));
        var y = Tensor.Custom(bad, [2], DType.F32, Tensor.From([1f, -1f]) * 3); int line = Line();
        Should.Throw<IngotException>(() => (y + 1).Realize()).Message.ShouldMatch($@"custom kernel roots makes the first NaN or infinity: f32\(2,\), NaN at \[1\], built at CustomKernelTests\.cs:{line}");
    }

    [Fact]
    public void Listings_ShowIt()
    {
        using var watch = new Watch();
        var x = Tensor.Rand(10, 10).Realize();
        Settings.Debug = 2;
        var y = CubeOf(x * 2) + 1;
        y.Realize();
        watch.Text.ShouldMatch(@"\n  cube_10x10 +on the host +800 B +[\d.]+ us +[\d.]+ GB/s");
        Realizer.LastPlan!.Picture().ShouldContain("on the host");
    }

    /// <summary>A plan is kept; the memory of the graph it was made for must not be.</summary>
    [Fact]
    public void Plan_OfAKernelOrASort_KeepsNoTensorAlive()
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference[] Run()
        {
            var x = Tensor.Rand(10).Realize();
            (CubeOf(x) + 1).Realize();
            x.Sort().Values.Realize();
            return [new(Realizer.BufferOf(x.Node).Storage)];
        }
        var storages = Run();
        Tensor.Ones(1).Realize();
        (Tensor.Rand(3) + 1).Realize(); // another graph in the tables
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        storages.ShouldAllBe(s => !s.IsAlive);
    }
}

static class FirstItem
{
    public static float Item0(this Tensor x) => x.ToArray<float>()[0];
}
