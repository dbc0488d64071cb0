using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Iced.Intel;

namespace Ingot.Codegen.Il;

/// <summary>DEBUG=6: the machine code that the .NET JIT made of a kernel, on x64.</summary>
static class Disassembly
{
    /// <summary>Code of more bytes than this is not what a kernel of at most 16 KB of IL becomes.</summary>
    const int MostBytes = 1 << 20;

    /// <summary>An instruction a line, or one line that says why there is none.</summary>
    public static IEnumerable<string> Of(KernelCode code)
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64) return [$"no disassembly: DEBUG=6 reads x64 code, and this process runs on {RuntimeInformation.ProcessArchitecture}"];
        nint entry;
        try
        {
            entry = Target(code);
        }
        catch (MissingFieldException e)
        {
            return [$"no disassembly: this runtime keeps a delegate's address elsewhere ({e.Message})"];
        }
        return entry == 0 ? ["no disassembly: the delegate has no address of its own"] : Decode(BehindJumps(entry));
    }

    /// <summary>Where a delegate that is bound to its method's first argument jumps to. The runtime has no public way to it: a function pointer made of a delegate is a stub for native callers.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_methodPtr")]
    static extern ref nint TargetOf(Delegate code);

    static nint Target(KernelCode code) => TargetOf(code);

    /// <summary>The runtime reaches a method through a stub that jumps to its code.</summary>
    static nint BehindJumps(nint at)
    {
        for (int hops = 0; hops < 8; hops++)
        {
            var first = DecoderAt(at).Decode();
            if (first.Mnemonic != Mnemonic.Jmp) break;
            if (first.IsJmpShortOrNear) at = (nint)first.NearBranchTarget;
            else if (first.IsIPRelativeMemoryOperand) at = Marshal.ReadIntPtr((nint)first.IPRelativeMemoryAddress);
            else break;
        }
        return at;
    }

    static Decoder DecoderAt(nint at) => Decoder.Create(64, new Memory(at), (ulong)at);

    /// <summary>
    /// From the entry to the last instruction. There is no public record of a method's length, but the JIT lays a method out in one piece: it ends
    /// with the first return, jump or trap that no branch before it reaches beyond.
    /// </summary>
    static IEnumerable<string> Decode(nint entry)
    {
        var decoder = DecoderAt(entry);
        var instructions = new List<Instruction>();
        var targets = new HashSet<ulong>();
        ulong furthest = 0;
        while (decoder.IP - (ulong)entry < MostBytes)
        {
            var i = decoder.Decode();
            if (i.IsInvalid) return [$"no disassembly: {decoder.IP - (ulong)entry} bytes in there is no instruction"];
            instructions.Add(i);
            bool isBranch = i.IsJmpShortOrNear || i.IsJccShortOrNear;
            if (isBranch && i.NearBranchTarget >= (ulong)entry && i.NearBranchTarget < (ulong)entry + MostBytes)
            {
                targets.Add(i.NearBranchTarget);
                furthest = Math.Max(furthest, i.NearBranchTarget);
            }
            bool ends = i.FlowControl is FlowControl.Return or FlowControl.UnconditionalBranch or FlowControl.IndirectBranch or FlowControl.Interrupt or FlowControl.Exception;
            if (ends && furthest < decoder.IP) return Print(entry, instructions, targets);
        }
        return [$"no disassembly: no end within {MostBytes} bytes"];
    }

    static List<string> Print(nint entry, List<Instruction> instructions, HashSet<ulong> targets)
    {
        var formatter = new IntelFormatter();
        formatter.Options.SpaceAfterOperandSeparator = true;
        formatter.Options.FirstOperandCharIndex = 12;
        var output = new StringOutput();
        var lines = new List<string>();
        foreach (var i in instructions)
        {
            formatter.Format(i, output);
            string text = output.ToStringAndReset();
            if (targets.Contains(i.NearBranchTarget) && (i.IsJmpShortOrNear || i.IsJccShortOrNear)) text = $"{text.Split(' ')[0],-11} {i.NearBranchTarget - (ulong)entry:x4}";
            lines.Add($"{(targets.Contains(i.IP) ? ">" : " ")} {i.IP - (ulong)entry:x4}  {text}");
        }
        lines.Add($"  {instructions[^1].NextIP - (ulong)entry} bytes, {instructions.Count} instructions");
        return lines;
    }

    /// <summary>The process's own memory, a byte at a time: nothing beyond the last instruction is touched.</summary>
    sealed class Memory(nint start) : CodeReader
    {
        int at;

        public override int ReadByte() => at < MostBytes + 16 ? Marshal.ReadByte(start, at++) : -1;
    }
}
