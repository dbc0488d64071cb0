using System.Buffers.Binary;
using Iced.Intel;
using Ingot.Runtime;

namespace Ingot.Tests.Codegen.X64;

/// <summary>
/// A processor of the few instructions that the micro-kernels use, by Intel's manual: integer registers, one memory, eight tiles with their configuration. It
/// stops at what a real one would fault at: a tile without configuration, a tile used twice in a product, memory that is not there.
/// </summary>
sealed class TileMachine(byte[] memory)
{
    readonly Dictionary<Register, long> registers = [];
    readonly byte[][] tiles = [.. Enumerable.Range(0, 8).Select(_ => new byte[1024])];
    readonly (int Rows, int Columns)[] shapes = new (int, int)[8]; // columns in bytes
    bool isConfigured, isZero;

    /// <summary>Instructions run.</summary>
    public int Steps { get; private set; }

    public bool IsConfigured => isConfigured;

    /// <summary>Cache lines asked for.</summary>
    public HashSet<long> Prefetched { get; } = [];

    /// <summary>Calls the routine at an address, with arguments in the registers of the C convention.</summary>
    public void Call(int entry, params ReadOnlySpan<long> arguments)
    {
        Register[] order = [Register.RDI, Register.RSI, Register.RDX, Register.RCX, Register.R8, Register.R9];
        foreach (var r in Enum.GetValues<Register>().Where(r => r is >= Register.RAX and <= Register.R15)) registers[r] = unchecked((long)0xDEADBEEFDEADBEEF);
        for (int i = 0; i < arguments.Length; i++) registers[order[i]] = arguments[i];
        long ip = entry;
        while (true)
        {
            var decoder = Decoder.Create(64, new ByteArrayCodeReader(memory, (int)ip, memory.Length - (int)ip), (ulong)ip);
            decoder.Decode(out var i);
            if (i.IsInvalid) throw new InvalidOperationException($"no instruction at {ip}");
            Steps++;
            ip = (long)i.NextIP;
            switch (i.Mnemonic)
            {
                case Mnemonic.Ret: return;
                case Mnemonic.Mov: registers[i.Op0Register.GetFullRegister()] = (uint)i.GetImmediate(1); break;
                case Mnemonic.Add: registers[i.Op0Register] += (long)i.GetImmediate(1); isZero = registers[i.Op0Register] == 0; break;
                case Mnemonic.Dec: isZero = --registers[i.Op0Register] == 0; break;
                case Mnemonic.Test: isZero = (registers[i.Op0Register] & registers[i.Op1Register]) == 0; break;
                case Mnemonic.Je: if (isZero) ip = (long)i.NearBranchTarget; break;
                case Mnemonic.Jne: if (!isZero) ip = (long)i.NearBranchTarget; break;
                case Mnemonic.Jmp: ip = (long)i.NearBranchTarget; break;
                case Mnemonic.Prefetcht0: Prefetched.Add(Address(i) / 64); break;
                case Mnemonic.Ldtilecfg: Configure(memory.AsSpan((int)Address(i), 64)); break;
                case Mnemonic.Tilerelease: isConfigured = false; break;
                case Mnemonic.Tilezero: Array.Clear(tiles[Tile(i.Op0Register)]); break;
                case Mnemonic.Tileloadd: Move(i, Tile(i.Op0Register), load: true); break;
                case Mnemonic.Tilestored: Move(i, Tile(i.Op1Register), load: false); break;
                case Mnemonic.Tdpbf16ps or Mnemonic.Tdpbssd or Mnemonic.Tdpbusd: Product(i); break;
                default: throw new NotSupportedException($"{i.Mnemonic} at {i.IP}");
            }
        }
    }

    long Address(in Instruction i)
    {
        long at = (long)i.MemoryDisplacement64;
        if (i.IsIPRelativeMemoryOperand) return (long)i.IPRelativeMemoryAddress;
        if (i.MemoryBase != Register.None) at += registers[i.MemoryBase];
        if (i.MemoryIndex != Register.None) at += registers[i.MemoryIndex] * i.MemoryIndexScale;
        return at;
    }

    int Tile(Register r)
    {
        if (!isConfigured) throw new InvalidOperationException($"{r} without a tile configuration");
        int tile = r - Register.TMM0;
        if (shapes[tile].Rows == 0) throw new InvalidOperationException($"{r} is not configured");
        return tile;
    }

    void Configure(ReadOnlySpan<byte> from)
    {
        if (from[0] != 1 || from[1] != 0 || from[2..16].ContainsAnyExcept((byte)0) || from[32..48].ContainsAnyExcept((byte)0) || from[56..64].ContainsAnyExcept((byte)0))
            throw new InvalidOperationException("a tile configuration with a wrong palette or reserved bytes");
        for (int t = 0; t < 8; t++)
        {
            shapes[t] = (from[48 + t], BinaryPrimitives.ReadUInt16LittleEndian(from[(16 + 2 * t)..]));
            if (shapes[t].Rows > 16 || shapes[t].Columns > 64 || shapes[t].Columns % 4 != 0) throw new InvalidOperationException($"tile {t} of {shapes[t]}");
            Array.Clear(tiles[t]);
        }
        isConfigured = true;
    }

    /// <summary>Row r of the tile is at base + displacement + r * index: the index register is the stride.</summary>
    void Move(in Instruction i, int tile, bool load)
    {
        if (i.MemoryIndexScale != 1) throw new InvalidOperationException("a stride with a scale");
        long first = registers[i.MemoryBase] + (long)i.MemoryDisplacement64, stride = registers[i.MemoryIndex];
        if (load) Array.Clear(tiles[tile]);
        for (int r = 0; r < shapes[tile].Rows; r++)
        {
            var row = tiles[tile].AsSpan(r * 64, shapes[tile].Columns);
            var bytes = memory.AsSpan(checked((int)(first + r * stride)), shapes[tile].Columns);
            if (load) bytes.CopyTo(row);
            else row.CopyTo(bytes);
        }
    }

    void Product(in Instruction i)
    {
        int c = Tile(i.Op0Register), a = Tile(i.Op1Register), b = Tile(i.Op2Register);
        if (a == b || a == c || b == c) throw new InvalidOperationException("a product of tiles that are not three");
        if (shapes[a].Columns / 4 != shapes[b].Rows || shapes[c].Rows != shapes[a].Rows || shapes[c].Columns != shapes[b].Columns) throw new InvalidOperationException("a product of tiles that do not fit");
        for (int m = 0; m < shapes[c].Rows; m++)
            for (int n = 0; n < shapes[c].Columns / 4; n++)
            {
                var sum = tiles[c].AsSpan(m * 64 + n * 4, 4);
                if (i.Mnemonic == Mnemonic.Tdpbf16ps) Bf16(sum, tiles[a].AsSpan(m * 64), tiles[b].AsSpan(n * 4), shapes[a].Columns / 4);
                else Int8(sum, tiles[a].AsSpan(m * 64), tiles[b].AsSpan(n * 4), shapes[a].Columns / 4, i.Mnemonic == Mnemonic.Tdpbusd);
            }
    }

    static void Bf16(Span<byte> sum, ReadOnlySpan<byte> row, ReadOnlySpan<byte> column, int pairs)
    {
        float even = 0, odd = 0;
        for (int k = 0; k < pairs; k++)
        {
            even = Flushed(MathF.FusedMultiplyAdd(Half(row, 4 * k), Half(column, 64 * k), even));
            odd = Flushed(MathF.FusedMultiplyAdd(Half(row, 4 * k + 2), Half(column, 64 * k + 2), odd));
        }
        float before = Flushed(BinaryPrimitives.ReadSingleLittleEndian(sum));
        BinaryPrimitives.WriteSingleLittleEndian(sum, Flushed(before + Flushed(even + odd)));
    }

    static float Half(ReadOnlySpan<byte> at, int offset) => Flushed((float)new BFloat16(BinaryPrimitives.ReadUInt16LittleEndian(at[offset..])));

    static float Flushed(float x) => float.IsSubnormal(x) ? MathF.CopySign(0, x) : x;

    static void Int8(Span<byte> sum, ReadOnlySpan<byte> row, ReadOnlySpan<byte> column, int groups, bool isUnsigned)
    {
        int total = BinaryPrimitives.ReadInt32LittleEndian(sum);
        for (int k = 0; k < groups; k++)
            for (int j = 0; j < 4; j++)
                total += (isUnsigned ? row[4 * k + j] : (sbyte)row[4 * k + j]) * (sbyte)column[64 * k + j];
        BinaryPrimitives.WriteInt32LittleEndian(sum, total);
    }
}
