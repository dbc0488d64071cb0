using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Ingot.Runtime;

/// <summary>
/// The matrix unit of recent x64 processors: eight tiles of 16 rows x 64 bytes, and products of tiles. .NET has no intrinsics for it, so its code is
/// assembled. A process must ask the system before it may touch a tile.
/// </summary>
public static class Amx
{
    /// <summary>The processor multiplies tiles of bf16, and the system saves tiles when it switches threads.</summary>
    public static bool IsPresent { get; } = Detect();

    /// <summary>The processor multiplies tiles of 8-bit integers too.</summary>
    public static bool HasInt8 { get; } = IsPresent && (X86Base.CpuId(7, 0).Edx & Int8) != 0;

    /// <summary>The process may use it: present, and granted by the system. Asked for once, at first use.</summary>
    public static bool IsAvailable { get; } = IsPresent && Libc.RequestTileData();

    /// <summary>Palette 1, all eight tiles of 16 rows x 64 bytes: 64 bytes.</summary>
    public static void WriteConfiguration(Span<byte> bytes)
    {
        bytes[..64].Clear();
        bytes[0] = 1;
        for (int tile = 0; tile < 8; tile++) (bytes[16 + 2 * tile], bytes[48 + tile]) = (64, 16);
    }

    // Leaf 7, EDX.
    const int Bf16 = 1 << 22, Tile = 1 << 24, Int8 = 1 << 25;

    /// <summary>XCR0: the states the system saves. Tile configuration is bit 17, tile data bit 18.</summary>
    const long TileStates = 3L << 17;

    static bool Detect()
    {
        if (!X86Base.IsSupported || RuntimeInformation.ProcessArchitecture != Architecture.X64 || !ExecutableMemory.IsSupported) return false;
        if (X86Base.CpuId(0, 0).Eax < 0xD || (X86Base.CpuId(7, 0).Edx & (Bf16 | Tile)) != (Bf16 | Tile)) return false;
        try
        {
            return (SystemStates() & TileStates) == TileStates;
        }
        catch (InsufficientMemoryException)
        {
            return false; // a system that forbids assembled code has no use of the unit either
        }
    }

    /// <summary>The register XCR0, which .NET has no intrinsic for; 0 if the system does not say.</summary>
    internal static long SystemStates()
    {
        const int IsReadable = 1 << 27;
        if ((X86Base.CpuId(1, 0).Ecx & IsReadable) == 0) return 0;
        return new ExecutableMemory(
        [
            0x31, 0xC9,             // xor ecx, ecx
            0x0F, 0x01, 0xD0,       // xgetbv
            0x48, 0xC1, 0xE2, 0x20, // shl rdx, 32
            0x48, 0x09, 0xD0,       // or rax, rdx
            0xC3,                   // ret
        ]).Call();
    }
}
