using Iced.Intel;
using Ingot.Runtime;
using static Iced.Intel.AssemblerRegisters;

namespace Ingot.Codegen.X64;

/// <summary>What the micro-kernels multiply: A's type, B's type.</summary>
enum MatrixKind { Bf16, Int8, UInt8Int8 }

/// <summary>
/// The micro-kernels of the matrix unit, assembled by hand as .NET has no intrinsics for it. Each multiplies a panel of 32 rows
/// by a panel of 32 columns; <see cref="EmulatedTiles"/> says how they lie in memory, and does the same in C#.
/// </summary>
/// <remarks>
/// Addresses are good as long as this object lives; the shared one lives as long as the process. They are called with the managed convention, which on Linux is the C one: void Configure(), void Release(), void
/// Multiply(a, b, c, steps, isContinued). A task configures the tiles first and releases them last.
/// </remarks>
sealed class MatrixCode
{
    readonly ExecutableMemory? memory;

    public nint Configure { get; }
    public nint Release { get; }

    /// <summary>Whether tiles are used: a thread calls <see cref="SignalStack.Prepare"/> before.</summary>
    public bool IsAssembled => memory is not null;

    readonly nint[] multiply;

    public nint Multiply(MatrixKind kind) => multiply[(int)kind];

    /// <summary>The machine's, or the emulation where it has none, or one that computes something else than the manual says.</summary>
    public static MatrixCode Shared => Amx.IsAvailable && !Cpu.DistrustsMatrixUnit ? Assembled() : Emulated;

    static readonly MatrixCode Emulated = new();
    static readonly Lock gate = new();
    static MatrixCode? assembled;

    /// <summary>Shared by all kernels and never freed: a page, which a kernel may still run in when nobody holds the kernel any more.</summary>
    static MatrixCode Assembled()
    {
        lock (gate)
        {
            if (assembled is { } known) return known;
            var made = new MatrixCode(Assemble());
            if (!EmulatedTiles.Agrees(made.Configure, made.Release, made.Multiply(MatrixKind.Bf16)))
            {
                Cpu.DistrustsMatrixUnit = true; // kernels from now on keep to vectors
                return Emulated;
            }
            return assembled = made;
        }
    }

    MatrixCode()
    {
        (Configure, Release) = (EmulatedTiles.AddressOfNothing, EmulatedTiles.AddressOfNothing);
        multiply = [EmulatedTiles.AddressOfBf16, EmulatedTiles.AddressOfInt8, EmulatedTiles.AddressOfUInt8];
    }

    MatrixCode(Routines code)
    {
        memory = new ExecutableMemory(code.Bytes);
        (Configure, Release) = (memory.Address + code.Configure, memory.Address + code.Release);
        multiply = [.. code.Multiply.Select(offset => memory.Address + offset)];
    }

    /// <summary>Machine code, and where in it each routine begins.</summary>
    internal sealed record Routines(byte[] Bytes, int Configure, int Release, int[] Multiply);

    /// <summary>Position-independent code of all routines, the tile configuration behind them.</summary>
    internal static Routines Assemble()
    {
        var code = new Assembler(64);
        Label configuration = code.CreateLabel(), configure = code.CreateLabel(), release = code.CreateLabel();
        code.Label(ref configure);
        code.ldtilecfg(__[configuration]);
        code.ret();
        code.Label(ref release);
        code.tilerelease();
        code.ret();
        var kinds = Enum.GetValues<MatrixKind>().Select(kind => Multiply(code, kind)).ToArray();
        code.Label(ref configuration);
        var tiles = new byte[64];
        Amx.WriteConfiguration(tiles);
        code.db(tiles);
        using var stream = new MemoryStream();
        var assembled = code.Assemble(new StreamCodeWriter(stream), 0, BlockEncoderOptions.ReturnNewInstructionOffsets);
        return new(stream.ToArray(), (int)assembled.GetLabelRIP(configure), (int)assembled.GetLabelRIP(release), [.. kinds.Select(l => (int)assembled.GetLabelRIP(l))]);
    }

    /// <summary>
    /// Tiles 0 to 3 are C, 4 and 5 the upper and lower rows of A, 6 and 7 the left and right columns of B. B's panel stays in the first-level cache while A's
    /// panels go by, so the next step of A is asked for: 32 cache lines, spread over the products (measured on Sapphire Rapids: 80% of the unit's peak).
    /// </summary>
    static Label Multiply(Assembler code, MatrixKind kind)
    {
        Label entry = code.CreateLabel(), zero = code.CreateLabel(), steps = code.CreateLabel(), next = code.CreateLabel(), store = code.CreateLabel();
        const int Tile = 1024, LowerRows = 16 * 128, Line = 64;
        var (a, b, c, count, isContinued, stride, strideOfC) = (rdi, rsi, rdx, rcx, r8, rax, r9);
        code.Label(ref entry);
        code.mov(eax, 64);
        code.mov(r9d, 128);
        code.test(isContinued, isContinued);
        code.je(zero);
        code.tileloadd(tmm0, __[c + strideOfC]);
        code.tileloadd(tmm1, __[c + strideOfC + 64]);
        code.tileloadd(tmm2, __[c + strideOfC + LowerRows]);
        code.tileloadd(tmm3, __[c + strideOfC + (LowerRows + 64)]);
        code.jmp(steps);
        code.Label(ref zero);
        foreach (var tile in (AssemblerRegisterTMM[])[tmm0, tmm1, tmm2, tmm3]) code.tilezero(tile);
        code.Label(ref steps);
        code.test(count, count);
        code.je(store);
        int asked = 0;
        void AskForQuarter()
        {
            for (int end = asked + 8; asked < end; asked++) code.prefetcht0(__[a + (EmulatedTiles.StepBytes + asked * Line)]);
        }
        void Product(AssemblerRegisterTMM sum, AssemblerRegisterTMM left, AssemblerRegisterTMM right)
        {
            switch (kind)
            {
                case MatrixKind.Bf16: code.tdpbf16ps(sum, left, right); break;
                case MatrixKind.Int8: code.tdpbssd(sum, left, right); break;
                default: code.tdpbusd(sum, left, right); break;
            }
            AskForQuarter();
        }
        code.Label(ref next);
        code.tileloadd(tmm4, __[a + stride]);
        code.tileloadd(tmm6, __[b + stride]);
        Product(tmm0, tmm4, tmm6);
        code.tileloadd(tmm7, __[b + stride + Tile]);
        Product(tmm1, tmm4, tmm7);
        code.tileloadd(tmm5, __[a + stride + Tile]);
        Product(tmm2, tmm5, tmm6);
        Product(tmm3, tmm5, tmm7);
        code.add(a, EmulatedTiles.StepBytes);
        code.add(b, EmulatedTiles.StepBytes);
        code.dec(count);
        code.jne(next);
        code.Label(ref store);
        code.tilestored(__[c + strideOfC], tmm0);
        code.tilestored(__[c + strideOfC + 64], tmm1);
        code.tilestored(__[c + strideOfC + LowerRows], tmm2);
        code.tilestored(__[c + strideOfC + (LowerRows + 64)], tmm3);
        code.ret();
        return entry;
    }
}
