using System.Runtime.InteropServices;
using Ingot.Schedule;
using Ingot.Tests.Runtime;

namespace Ingot.Tests.Schedule;

/// <summary>VERIFY=1 passes what is right, whatever the kernel does, and reports a wrong element.</summary>
[Collection(nameof(ProcessWide))]
public sealed class VerifyTests
{
    static Tensor Random(params int[] shape)
    {
        var x = Tensor.Rand(shape) * 4 - 2;
        x.Realize();
        return x;
    }

    public static TheoryData<string> Programs => [.. All.Keys];

    static readonly Dictionary<string, Func<Tensor>> All = new()
    {
        ["elementwise"] = () => (Random(7, 19) * Random(7, 19) + 3).Relu(),
        ["transcendentals"] = () => Random(40, 11).Exp().Log().Sin() + Random(40, 11).Tanh(),
        ["broadcast and movement"] = () => Random(5, 1, 8).Permute(2, 0, 1).Expand(8, 5, 3).Flip(0) + Random(8, 5, 3)[^1..].Pad([0, 0, 0, 0, 3, 4]),
        ["sums"] = () => Random(33, 129).Sum(1) + Random(129, 33).Sum(0),
        ["a long sum"] = () => Random(100_000).Sum(),
        ["maximum and product"] = () => Random(9, 40).Amax([1]) * Random(9, 40).Prod(1),
        ["softmax"] = () => Random(17, 65).Softmax(1),
        ["layer norm"] = () => Random(17, 65).LayerNorm(Random(65), Random(65)),
        ["matmul with epilogue"] = () => Random(33, 70).Matmul(Random(70, 45)).Gelu() + 1,
        ["attention"] = () => Random(2, 3, 9, 8).ScaledDotProductAttention(Random(2, 3, 9, 8), Random(2, 3, 9, 8), isCausal: true),
        ["convolution"] = () => Random(2, 3, 9, 9).Conv2d(Random(4, 3, 3, 3), padding: 1),
        ["running sum"] = () => Random(6, 50).CumSum(1),
        ["gather and scatter"] = () => Random(10, 4).IndexSelect(0, Tensor.From([3, 3, 9, 0])) + 1,
        ["half precision"] = () => (Random(20, 30).To(DType.F16) * 3 + Random(20, 30).To(DType.F16)).Sum(1).To(DType.F32),
        ["bfloat16"] = () => Random(20, 30).To(DType.BF16).Softmax(1),
        ["integers"] = () => (Random(50).To(DType.I32) << 3) % 7 + Random(50).To(DType.I8),
        ["double"] = () => Random(20, 30).To(DType.F64).Softmax(1),
        ["random numbers"] = () => Tensor.Rand(1000),
        ["sort"] = () => Random(5, 30).Sort().Values,
    };

    [Theory, MemberData(nameof(Programs))]
    public void Verify_RightKernels_Passes(string program)
    {
        using var watch = new Watch(verify: 1);
        var y = All[program]();
        y.Realize();
        Realizer.LastPlan!.IsVerifiable.ShouldBeTrue();
        y.To(DType.F32).ToArray<float>().ShouldAllBe(x => float.IsFinite(x));
    }

    [Fact]
    public void Verify_TrainingStep_Passes()
    {
        using var watch = new Watch(verify: 1);
        Tensor w = Random(20, 10).WithGrad(), b = Random(10).WithGrad(), x = Random(32, 20);
        var optimizer = new Ingot.Nn.AdamW([w, b], learningRate: 1e-2);
        for (int step = 0; step < 3; step++)
        {
            optimizer.ZeroGrad();
            (x.Matmul(w) + b).CrossEntropy(Tensor.Full([32], 3, DType.I64)).Backward();
            optimizer.Step(step / 3.0);
        }
    }

    /// <summary>Lets a kernel run and then overwrites one float of one of its buffers.</summary>
    static void Corrupt(CompiledKernel kernel, int slot, int element, float value)
    {
        var right = kernel.Code[0];
        kernel.Code[0] = (args, start, end, worker) =>
        {
            right(args, start, end, worker);
            nint buffer = Marshal.ReadIntPtr(args, 8 * (1 + slot));
            if (start == 0) Marshal.WriteInt32(buffer, 4 * element, BitConverter.SingleToInt32Bits(value));
        };
    }

    [Fact]
    public void Verify_OneWrongElement_NamesKernelElementAndBothValues()
    {
        using var watch = new Watch(verify: 1);
        Tensor a = Tensor.From(Enumerable.Range(0, 12).Select(i => (float)i).ToArray()).Reshape(3, 4), b = Random(3, 4);
        Realizer.Clear(); // the kernel that made b
        float expected = (a * b).ToArray<float>()[6];
        var kernel = KernelNamed("map_3x4");
        Corrupt(kernel, WrittenSlot(kernel), 6, 1234.5f);
        var error = Should.Throw<IngotException>(() => (a * b).Realize());
        error.Message.ShouldContain("kernel map_3x4 is wrong");
        error.Message.ShouldContain("f32(3, 4) element [1, 2]");
        error.Message.ShouldContain($"is 1234.5 and should be {(double)expected:R}");
        error.Message.ShouldContain("Recipe: ");
    }

    [Fact]
    public void Verify_SumWrongByMoreThanItsBound_IsReported()
    {
        using var watch = new Watch(verify: 1);
        var a = Random(8, 500);
        Realizer.Clear();
        var right = a.Sum(1).ToArray<float>();
        var kernel = KernelNamed("reduce_8");
        Corrupt(kernel, WrittenSlot(kernel), 0, right[0] + 0.5f);
        Should.Throw<IngotException>(() => a.Sum(1).Realize()).Message.ShouldContain("f32(8,) element [0]");
    }

    [Fact]
    public void Verify_Off_WrongKernelGoesUnseen()
    {
        using var watch = new Watch();
        Tensor a = Random(3, 5), b = Random(3, 5);
        Realizer.Clear();
        (a * b).Realize();
        var kernel = KernelNamed("map_3x5");
        Corrupt(kernel, WrittenSlot(kernel), 0, 99);
        (a * b).ToArray<float>()[0].ShouldBe(99);
    }

    static CompiledKernel KernelNamed(string name) => CompiledKernel.All.Single(k => k.Nest.Name == name);

    static int WrittenSlot(CompiledKernel kernel)
    {
        int Find(List<Ingot.Kernels.Stmt> block) => block.Select(s => s switch
        {
            Ingot.Kernels.Store t => t.Slot,
            Ingot.Kernels.For f => Find(f.Body),
            Ingot.Kernels.If f => Math.Max(Find(f.Then), Find(f.Else)),
            _ => -1,
        }).Append(-1).Max();
        return Find(kernel.Nest.Phases[^1].Body);
    }
}
