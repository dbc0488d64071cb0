using System.Runtime.Intrinsics;
using Ingot.Runtime;

namespace Ingot.Tests.Runtime;

[Collection(nameof(ProcessWide))]
public sealed class CpuTests : IDisposable
{
    readonly IsaLevel? isa = Settings.Isa;

    public void Dispose() => Settings.Isa = isa;

    [Fact]
    public void HardwareLevel_VectorWidth_IsAccelerated()
    {
        bool expected = Cpu.HardwareLevel switch
        {
            IsaLevel.Amx => Vector512.IsHardwareAccelerated && Cpu.HasAvx512 && Amx.IsAvailable,
            IsaLevel.Avx512 => !Amx.IsAvailable && Vector512.IsHardwareAccelerated && Cpu.HasAvx512 && Cpu.HasFma,
            IsaLevel.Avx2 => Vector256.IsHardwareAccelerated && Cpu.HasFma && !(Cpu.HasAvx512 && Vector512.IsHardwareAccelerated),
            _ => !(Vector256.IsHardwareAccelerated && Cpu.HasFma),
        };
        expected.ShouldBeTrue();
    }

    [Theory]
    [InlineData(IsaLevel.Vector128, 16)]
    [InlineData(IsaLevel.Avx2, 32)]
    [InlineData(IsaLevel.Avx512, 64)]
    [InlineData(IsaLevel.Amx, 64)]
    public void Level_Set_HoldsAlsoAboveTheHardware(IsaLevel level, int bytes)
    {
        Cpu.Level = level;
        Cpu.Level.ShouldBe(level);
        Cpu.VectorBytes.ShouldBe(bytes);
        Cpu.UsesMatrixUnit.ShouldBe(level == IsaLevel.Amx);
        Settings.Isa = null;
        Cpu.Level.ShouldBe(Cpu.HardwareLevel);
    }

    [Fact]
    public void Features_LinuxFlags_Agree()
    {
        const string Info = "/proc/cpuinfo";
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists(Info) && System.Runtime.Intrinsics.X86.X86Base.IsSupported, "only Linux on x86 lists its flags");
        var lines = File.ReadLines(Info).TakeWhile(l => l.Length > 0).Select(l => l.Split(':', 2)).ToDictionary(p => p[0].Trim(), p => p[1].Trim());
        var flags = lines["flags"].Split(' ').ToHashSet();
        Amx.IsPresent.ShouldBe(flags.IsSupersetOf(["amx_tile", "amx_bf16"]));
        Amx.HasInt8.ShouldBe(Amx.IsPresent && flags.Contains("amx_int8"));
        if (Cpu.HasFma) flags.ShouldContain("fma"); // the other way round .NET may have been told not to use it
        if (Cpu.HasAvx512) flags.ShouldContain("avx512f");
        Cpu.Name.ShouldBe(lines["model name"]);
    }

    [Fact]
    public void ReadCaches_LinuxDescription_GivesBytesAndSkipsInstructions()
    {
        var folder = Directory.CreateTempSubdirectory("ingot-caches").FullName;
        try
        {
            void Index(int i, int level, string type, string size)
            {
                var index = Directory.CreateDirectory(Path.Combine(folder, $"index{i}")).FullName;
                File.WriteAllText(Path.Combine(index, "level"), $"{level}\n");
                File.WriteAllText(Path.Combine(index, "type"), $"{type}\n");
                File.WriteAllText(Path.Combine(index, "size"), $"{size}\n");
            }
            Index(0, 1, "Data", "48K");
            Index(1, 1, "Instruction", "64K");
            Index(2, 2, "Unified", "2048K");
            Index(3, 3, "Unified", "105M");
            Cpu.ReadCaches(folder).ShouldBe(new CacheSizes(48 << 10, 2 << 20, 105 << 20));
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    [Fact]
    public void ReadCaches_NoDescription_GivesUsualSizes() => Cpu.ReadCaches("/no/such/folder").L1Data.ShouldBe(32 << 10);

    [Fact]
    public void Caches_ThisMachine_GrowWithTheLevel()
    {
        Cpu.Caches.L1Data.ShouldBeGreaterThan(0);
        Cpu.Caches.L2.ShouldBeGreaterThan(Cpu.Caches.L1Data);
    }
}
