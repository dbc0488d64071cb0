using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Text;

namespace Ingot.Runtime;

/// <summary>The instructions that kernels are generated for, weakest first; each level has all of the one before.</summary>
public enum IsaLevel
{
    /// <summary>128-bit vectors: SSE on x64, AdvSimd on Arm64, and what runs everywhere.</summary>
    Vector128,
    /// <summary>256-bit vectors with fused multiply-add.</summary>
    Avx2,
    /// <summary>512-bit vectors with mask registers.</summary>
    Avx512,
    /// <summary>The same, and products of bf16 on the matrix unit.</summary>
    Amx,
}

/// <summary>Cache sizes in bytes; those of one core for L1 and L2, the shared one for L3 (0: none).</summary>
public sealed record CacheSizes(long L1Data, long L2, long L3);

/// <summary>What this processor is and can do. Detected once, never assumed.</summary>
public static class Cpu
{
    /// <summary>The best level the hardware runs at full speed.</summary>
    public static IsaLevel HardwareLevel { get; } = Detect();

    /// <summary>
    /// The level kernels are generated for: the hardware's, unless <c>INGOT_ISA</c> or a setter says otherwise. It may be set above the hardware's:
    /// .NET then runs wide vectors as pairs of narrower ones, and the matrix unit is emulated, slowly, so that generated code can be tested on any machine.
    /// </summary>
    public static IsaLevel Level
    {
        get => Settings.Isa ?? HardwareLevel;
        set => Settings.Isa = value;
    }

    /// <summary>Bytes in a vector register at <see cref="Level"/>.</summary>
    public static int VectorBytes => Math.Min(16 << (int)Level, 64);

    /// <summary>Whether kernels at <see cref="Level"/> put products of bf16 on the matrix unit.</summary>
    public static bool UsesMatrixUnit => Level >= IsaLevel.Amx && !DistrustsMatrixUnit;

    /// <summary>The unit failed the product that it is tried with before it is used.</summary>
    public static bool DistrustsMatrixUnit { get; set; }

    /// <summary>The processor's name as its maker writes it.</summary>
    public static string Name { get; } = ReadName();

    /// <summary>Logical processors this process may use.</summary>
    public static int Cores => Environment.ProcessorCount;

    public static CacheSizes Caches { get; } = ReadCaches("/sys/devices/system/cpu/cpu0/cache");

    /// <summary>Fused multiply-add in hardware.</summary>
    public static bool HasFma => Fma.IsSupported || System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported;

    /// <summary>AVX-512 F, BW, DQ and VL.</summary>
    public static bool HasAvx512 => Avx512F.IsSupported && Avx512BW.IsSupported && Avx512DQ.IsSupported && Avx512F.VL.IsSupported;

    static IsaLevel Detect() =>
        Vector512.IsHardwareAccelerated && HasAvx512 ? Amx.IsAvailable ? IsaLevel.Amx : IsaLevel.Avx512
        : Avx2.IsSupported && Fma.IsSupported ? IsaLevel.Avx2
        : IsaLevel.Vector128;

    static string ReadName()
    {
        if (X86Base.IsSupported && (uint)X86Base.CpuId(unchecked((int)0x80000000), 0).Eax >= 0x80000004)
        {
            var text = new StringBuilder(48);
            for (uint leaf = 0x80000002; leaf <= 0x80000004; leaf++)
            {
                var (a, b, c, d) = X86Base.CpuId((int)leaf, 0);
                foreach (int word in (ReadOnlySpan<int>)[a, b, c, d])
                    for (int shift = 0; shift < 32; shift += 8)
                        if ((char)((word >> shift) & 0xFF) is > '\0' and < '\x7F' and var letter) text.Append(letter);
            }
            return text.ToString().Trim();
        }
        return RuntimeInformation.ProcessArchitecture.ToString();
    }

    /// <summary>Reads Linux's description of the caches; a level it does not describe gets a size that suits most processors of the last ten years.</summary>
    internal static CacheSizes ReadCaches(string folder)
    {
        var (l1, l2, l3) = (32L << 10, 512L << 10, 8L << 20);
        if (!Directory.Exists(folder)) return new(l1, l2, l3);
        foreach (var index in Directory.EnumerateDirectories(folder, "index*"))
        {
            if (ReadLine(index, "type") is not ("Data" or "Unified") || Settings.ParseBytes(ReadLine(index, "size")) is not { } size) continue;
            switch (int.TryParse(ReadLine(index, "level"), CultureInfo.InvariantCulture, out int level) ? level : 0)
            {
                case 1: l1 = size; break;
                case 2: l2 = size; break;
                case 3: l3 = size; break;
            }
        }
        return new(l1, l2, l3);
    }

    static string? ReadLine(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        return File.Exists(path) ? File.ReadAllText(path).Trim() : null;
    }
}
