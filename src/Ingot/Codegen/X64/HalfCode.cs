using System.Runtime.Intrinsics.X86;
using Iced.Intel;
using Ingot.Runtime;
using Ingot.Runtime.Weights;
using static Iced.Intel.AssemblerRegisters;

namespace Ingot.Codegen.X64;

/// <summary>Four rows of halves times one row of x, assembled, as .NET has no intrinsic for the processors' conversion and the one by integer instructions is slower than memory.</summary>
static class HalfCode
{
    static readonly Lock gate = new();
    static ExecutableMemory? memory;
    static RowRoutines? made;

    /// <summary>The routines, or null where the processor, or the system, does not let them run. Never freed: it is a page.</summary>
    public static RowRoutines? Shared
    {
        get
        {
            if (!IsAvailable) return null;
            lock (gate)
            {
                if (made is { } known) return known;
                var (bytes, narrow, wide) = Assemble();
                try { memory = new ExecutableMemory(bytes); }
                catch (InsufficientMemoryException) { return null; }
                return made = new(memory.Address + narrow, Avx512F.IsSupported ? memory.Address + wide : 0);
            }
        }
    }

    /// <summary>F16C is bit 29 of what the processor says of itself; FMA and AVX2 are asked for as ever.</summary>
    static bool IsAvailable => Avx2.IsSupported && Fma.IsSupported && ExecutableMemory.IsSupported && (X86Base.CpuId(1, 0).Ecx & (1 << 29)) != 0;

    /// <summary>Position-independent code, and where the routine of 8 lanes and that of 16 begin.</summary>
    internal static (byte[] Bytes, int Narrow, int Wide) Assemble()
    {
        var code = new Assembler(64);
        Label narrow = code.CreateLabel(), wide = code.CreateLabel();
        code.Label(ref narrow);
        Rows(code, isWide: false);
        code.Label(ref wide);
        Rows(code, isWide: true);
        using var stream = new MemoryStream();
        var assembled = code.Assemble(new StreamCodeWriter(stream), 0, BlockEncoderOptions.ReturnNewInstructionOffsets);
        return (stream.ToArray(), (int)assembled.GetLabelRIP(narrow), (int)assembled.GetLabelRIP(wide));
    }

    /// <summary>void Rows(w, bytesInRow, x, blocks, sums), in the managed convention, which on Linux is the C one; see <see cref="RowRoutines"/>.</summary>
    static void Rows(Assembler code, bool isWide)
    {
        Label next = code.CreateLabel(), end = code.CreateLabel();
        var (w, inRow, x, blocks, sums, inThree, inFour) = (rdi, rsi, rdx, rcx, r8, rax, r9);
        var rows = new[] { __[w], __[w + inRow], __[w + inRow * 2], __[w + inThree] };
        int bytes = isWide ? 64 : 32;
        code.lea(inThree, __[inRow + inRow * 2]);
        code.lea(inFour, __[inRow * 4]);
        for (int r = 0; r < 4; r++) code.vpxor(Narrow(r), Narrow(r), Narrow(r)); // all lanes of the wide one too
        code.test(blocks, blocks);
        code.je(end);
        code.Label(ref next);
        // The four rows after these: a line each.
        code.prefetcht0(__[w + inFour]);
        code.lea(r10, __[w + inFour]);
        code.prefetcht0(__[r10 + inRow]);
        code.prefetcht0(__[r10 + inRow * 2]);
        code.prefetcht0(__[r10 + inThree]);
        for (int part = 0; part < 128 / bytes; part++)
        {
            if (isWide) code.vmovups(zmm4, __zmmword_ptr[x + part * bytes]);
            else code.vmovups(ymm4, __ymmword_ptr[x + part * bytes]);
            for (int r = 0; r < 4; r++)
                if (isWide)
                {
                    code.vcvtph2ps(zmm5, rows[r] + part * bytes / 2);
                    code.vfmadd231ps(Wide(r), zmm5, zmm4);
                }
                else
                {
                    code.vcvtph2ps(ymm5, rows[r] + part * bytes / 2);
                    code.vfmadd231ps(Narrow(r), ymm5, ymm4);
                }
        }
        code.add(w, 64);
        code.add(x, 128);
        code.dec(blocks);
        code.jne(next);
        code.Label(ref end);
        for (int r = 0; r < 4; r++)
            if (isWide) code.vmovups(__zmmword_ptr[sums + r * bytes], Wide(r));
            else code.vmovups(__ymmword_ptr[sums + r * bytes], Narrow(r));
        code.vzeroupper();
        code.ret();

        static AssemblerRegisterYMM Narrow(int row) => row switch { 0 => ymm0, 1 => ymm1, 2 => ymm2, _ => ymm3 };
        static AssemblerRegisterZMM Wide(int row) => row switch { 0 => zmm0, 1 => zmm1, 2 => zmm2, _ => zmm3 };
    }
}
