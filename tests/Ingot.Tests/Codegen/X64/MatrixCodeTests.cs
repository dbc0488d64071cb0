using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.InteropServices;
using Ingot.Codegen.X64;
using Ingot.Runtime;

namespace Ingot.Tests.Codegen.X64;

/// <summary>The assembled micro-kernels, run in a processor written for these tests; on the unit itself where the machine has one; and against their emulation.</summary>
public sealed class MatrixCodeTests
{
    const int Side = EmulatedTiles.Side;

    /// <summary>A block's operands in plain order and in panels.</summary>
    sealed class Operands
    {
        public readonly int K;
        public readonly float[] A, B, C; // (32, K), (K, 32), (32, 32)
        public readonly byte[] PanelA, PanelB;

        public Operands(int steps, int seed, bool withDenormals = false)
        {
            var random = new Random(seed);
            K = steps * 32;
            float Next() => (float)(BFloat16)(withDenormals && random.Next(3) == 0 ? random.NextSingle() * 1e-38f : random.NextSingle() * 4 - 2);
            A = [.. Enumerable.Range(0, Side * K).Select(_ => Next())];
            B = [.. Enumerable.Range(0, Side * K).Select(_ => Next())];
            C = [.. Enumerable.Range(0, Side * Side).Select(_ => random.NextSingle() * 8 - 4)];
            var a = new BFloat16[Side * K];
            var b = new BFloat16[Side * K];
            for (int i = 0; i < Side; i++)
                for (int k = 0; k < K; k++)
                {
                    a[k / 32 * 1024 + i * 32 + k % 32] = (BFloat16)A[i * K + k];
                    b[k / 32 * 1024 + i / 16 * 512 + k % 32 / 2 * 32 + i % 16 * 2 + k % 2] = (BFloat16)B[k * Side + i];
                }
            (PanelA, PanelB) = (MemoryMarshal.AsBytes<BFloat16>(a).ToArray(), MemoryMarshal.AsBytes<BFloat16>(b).ToArray());
        }

        /// <summary>The exact result, and what rounding may be off it: each of the K + 1 additions half a unit of what was added up so far.</summary>
        public (double Value, double Bound) Exact(int i, int j, bool isContinued)
        {
            double sum = isContinued ? C[i * Side + j] : 0, magnitude = Math.Abs(sum);
            for (int k = 0; k < K; k++)
            {
                double product = (double)A[i * K + k] * B[k * Side + j];
                sum += product;
                magnitude += Math.Abs(product);
            }
            return (sum, (K + 2) * Math.ScaleB(1, -24) * magnitude + (K + 1) * 1.2e-38 * 4);
        }
    }

    static float[] Emulated(Operands x, bool isContinued)
    {
        Storage a = Storage.Of<byte>(x.PanelA), b = Storage.Of<byte>(x.PanelB), c = Storage.Of<float>(x.C);
        EmulatedTiles.MultiplyBf16(a.Address, b.Address, c.Address, x.K / 32, isContinued ? 1 : 0);
        return [.. c.Span<float>()];
    }

    /// <summary>Runs a routine of the assembled code over panels that lie behind it in memory; returns C.</summary>
    static T[] Run<T>(MatrixKind kind, byte[] panelA, byte[] panelB, T[] c, bool isContinued, out TileMachine machine) where T : unmanaged
    {
        var code = MatrixCode.Assemble();
        int a = (code.Bytes.Length + 63) / 64 * 64, b = a + panelA.Length, at = b + panelB.Length;
        var memory = new byte[at + Side * Side * 4];
        code.Bytes.CopyTo(memory, 0);
        panelA.CopyTo(memory, a);
        panelB.CopyTo(memory, b);
        MemoryMarshal.AsBytes<T>(c).CopyTo(memory.AsSpan(at));
        machine = new TileMachine(memory);
        machine.Call(code.Configure);
        machine.Call(code.Multiply[(int)kind], a, b, at, panelA.Length / EmulatedTiles.StepBytes, isContinued ? 1 : 0);
        machine.Call(code.Release);
        memory.AsSpan(0, code.Bytes.Length).SequenceEqual(code.Bytes).ShouldBeTrue();
        memory.AsSpan(a, panelA.Length).SequenceEqual(panelA).ShouldBeTrue();
        memory.AsSpan(b, panelB.Length).SequenceEqual(panelB).ShouldBeTrue();
        for (long line = a / 64; line < (a + panelA.Length) / 64; line++)
            if (line >= (a + EmulatedTiles.StepBytes) / 64) machine.Prefetched.ShouldContain(line); // each step asks for the next
        return [.. MemoryMarshal.Cast<byte, T>(memory.AsSpan(at))];
    }

    static void ShouldBeClose(float[] c, Operands x, bool isContinued)
    {
        for (int i = 0; i < Side; i++)
            for (int j = 0; j < Side; j++)
            {
                var (value, bound) = x.Exact(i, j, isContinued);
                Math.Abs(c[i * Side + j] - value).ShouldBeLessThanOrEqualTo(bound, $"({i}, {j}) of K = {x.K}");
            }
    }

    public static TheoryData<int, bool> Lengths => new() { { 1, false }, { 1, true }, { 2, false }, { 3, true }, { 8, true }, { 17, false } };

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Bf16_AssembledInTheTestsProcessor_IsTheProduct(int steps, bool isContinued)
    {
        var x = new Operands(steps, 7 + steps);
        var c = Run(MatrixKind.Bf16, x.PanelA, x.PanelB, x.C, isContinued, out var machine);
        ShouldBeClose(c, x, isContinued);
        machine.IsConfigured.ShouldBeFalse();
        machine.Steps.ShouldBeLessThan(60 + steps * 50); // the loop runs once a step
    }

    [Fact]
    public void Bf16_NoSteps_KeepsOrClearsTheBlock()
    {
        var x = new Operands(1, 3);
        Run(MatrixKind.Bf16, [], [], x.C, true, out _).ShouldBe(x.C);
        Run(MatrixKind.Bf16, [], [], x.C, false, out _).ShouldAllBe(v => v == 0);
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Bf16_Emulation_HasTheBitsOfTheTestsProcessor(int steps, bool isContinued)
    {
        var x = new Operands(steps, 70 + steps, withDenormals: true);
        var expected = Run(MatrixKind.Bf16, x.PanelA, x.PanelB, x.C, isContinued, out _);
        var emulated = Emulated(x, isContinued);
        for (int i = 0; i < expected.Length; i++) BitConverter.SingleToInt32Bits(emulated[i]).ShouldBe(BitConverter.SingleToInt32Bits(expected[i]), $"element {i}");
        ShouldBeClose(emulated, x, isContinued);
    }

    [Fact]
    public void Bf16_BlocksOfK_ContinueTheSum()
    {
        var x = new Operands(6, 11);
        var whole = Emulated(x, false);
        Storage a = Storage.Of<byte>(x.PanelA), b = Storage.Of<byte>(x.PanelB), c = Storage.Allocate(4096);
        int at = 4 * EmulatedTiles.StepBytes;
        EmulatedTiles.MultiplyBf16(a.Address, b.Address, c.Address, 4, 0);
        EmulatedTiles.MultiplyBf16(a.Address + at, b.Address + at, c.Address, 2, 1);
        c.Span<float>().ToArray().ShouldBe(whole);
        GC.KeepAlive(a);
        GC.KeepAlive(b);
    }

    [Fact]
    public void Bf16_DenormalsAndInfinities_FollowTheManual()
    {
        var x = new Operands(1, 5);
        float tiny = 1e-39f; // below the normal numbers, in bf16 too
        BitConverter.GetBytes(((BFloat16)tiny).Bits).CopyTo(x.PanelA, 0);
        for (int i = 1; i < 32; i++) BitConverter.GetBytes((ushort)0).CopyTo(x.PanelA, 2 * i);
        for (int half = 0; half < 2; half++)
            for (int j = 0; j < 16; j++) BitConverter.GetBytes(((BFloat16)1e38f).Bits).CopyTo(x.PanelB, half * 1024 + j * 4);
        Run(MatrixKind.Bf16, x.PanelA, x.PanelB, x.C, false, out _)[..32].ShouldAllBe(v => v == 0);
        Emulated(x, false)[..32].ShouldAllBe(v => v == 0);
        BitConverter.GetBytes(((BFloat16)float.PositiveInfinity).Bits).CopyTo(x.PanelA, 0);
        Run(MatrixKind.Bf16, x.PanelA, x.PanelB, x.C, false, out _)[..32].ShouldAllBe(v => float.IsPositiveInfinity(v));
        Emulated(x, false)[..32].ShouldAllBe(v => float.IsPositiveInfinity(v));
    }

    [Theory]
    [InlineData(1, 1, false)]
    [InlineData(1, 3, true)]
    [InlineData(2, 1, true)]
    [InlineData(2, 5, false)]
    public void Int8_AssembledAndEmulated_AreTheExactProduct(int kindNumber, int steps, bool isContinued)
    {
        var kind = (MatrixKind)kindNumber;
        var random = new Random(steps);
        int k = steps * 64;
        byte[] a = new byte[Side * k], b = new byte[Side * k];
        random.NextBytes(a);
        random.NextBytes(b);
        int[] c = [.. Enumerable.Range(0, Side * Side).Select(_ => random.Next())], expected = new int[Side * Side];
        for (int i = 0; i < Side; i++)
            for (int j = 0; j < Side; j++)
            {
                int sum = isContinued ? c[i * Side + j] : 0;
                for (int q = 0; q < k; q++)
                {
                    byte left = a[q / 64 * 2048 + i * 64 + q % 64];
                    sum += (kind == MatrixKind.UInt8Int8 ? left : (sbyte)left) * (sbyte)b[q / 64 * 2048 + j / 16 * 1024 + q % 64 / 4 * 64 + j % 16 * 4 + q % 4];
                }
                expected[i * Side + j] = sum;
            }
        Run(kind, a, b, c, isContinued, out _).ShouldBe(expected);
        Storage sa = Storage.Of<byte>(a), sb = Storage.Of<byte>(b), sc = Storage.Of<int>(c);
        if (kind == MatrixKind.Int8) EmulatedTiles.MultiplyInt8(sa.Address, sb.Address, sc.Address, steps, isContinued ? 1 : 0);
        else EmulatedTiles.MultiplyUInt8(sa.Address, sb.Address, sc.Address, steps, isContinued ? 1 : 0);
        sc.Span<int>().ToArray().ShouldBe(expected);
        GC.KeepAlive(sa);
        GC.KeepAlive(sb);
    }

    delegate void Multiplication(nint a, nint b, nint c, long steps, long isContinued);

    /// <summary>As generated code calls them.</summary>
    static Multiplication Calling(MatrixCode code)
    {
        var method = new DynamicMethod("product", typeof(void), [typeof(object), typeof(nint), typeof(nint), typeof(nint), typeof(long), typeof(long)], typeof(MatrixCodeTests).Module, true);
        var il = method.GetILGenerator();
        void Call(nint address, params Type[] parameters)
        {
            for (int i = 0; i < parameters.Length; i++) il.Emit(OpCodes.Ldarg, (short)(i + 1));
            il.Emit(OpCodes.Ldc_I8, address);
            il.Emit(OpCodes.Conv_I);
            il.EmitCalli(OpCodes.Calli, CallingConventions.Standard, typeof(void), parameters, null);
        }
        Call(code.Configure);
        Call(code.Multiply(MatrixKind.Bf16), typeof(nint), typeof(nint), typeof(nint), typeof(long), typeof(long));
        Call(code.Release);
        il.Emit(OpCodes.Ret);
        return method.CreateDelegate<Multiplication>(code);
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Shared_CalledAsGeneratedCodeCalls_IsTheProduct(int steps, bool isContinued)
    {
        var x = new Operands(steps, 90 + steps);
        Storage a = Storage.Of<byte>(x.PanelA), b = Storage.Of<byte>(x.PanelB), c = Storage.Of<float>(x.C);
        Calling(MatrixCode.Shared)(a.Address, b.Address, c.Address, steps, isContinued ? 1 : 0);
        ShouldBeClose(c.Span<float>().ToArray(), x, isContinued);
        GC.KeepAlive(a);
        GC.KeepAlive(b);
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Bf16_OnTheUnit_HasTheBitsOfTheEmulation(int steps, bool isContinued)
    {
        Assert.SkipUnless(Amx.IsAvailable, "this machine has no matrix unit");
        var x = new Operands(steps, 170 + steps, withDenormals: true);
        Storage a = Storage.Of<byte>(x.PanelA), b = Storage.Of<byte>(x.PanelB), c = Storage.Of<float>(x.C);
        Calling(MatrixCode.Shared)(a.Address, b.Address, c.Address, steps, isContinued ? 1 : 0);
        c.Span<float>().ToArray().ShouldBe(Emulated(x, isContinued));
        GC.KeepAlive(a);
        GC.KeepAlive(b);
    }

    [Fact]
    public void Agrees_OfTheRightRoutineAndAnother_TellsThemApart()
    {
        EmulatedTiles.Agrees(EmulatedTiles.AddressOfNothing, EmulatedTiles.AddressOfNothing, EmulatedTiles.AddressOfBf16).ShouldBeTrue();
        EmulatedTiles.Agrees(EmulatedTiles.AddressOfNothing, EmulatedTiles.AddressOfNothing, EmulatedTiles.AddressOfInt8).ShouldBeFalse();
    }
}
