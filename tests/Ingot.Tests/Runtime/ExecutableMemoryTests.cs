using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Ingot.Runtime;

namespace Ingot.Tests.Runtime;

public sealed class ExecutableMemoryTests
{
    static readonly byte[] Add = [0x48, 0x8D, 0x04, 0x37, 0xC3]; // lea rax, [rdi + rsi]; ret

    public ExecutableMemoryTests() => Assert.SkipUnless(ExecutableMemory.IsSupported && RuntimeInformation.ProcessArchitecture == Architecture.X64, "assembled code is for Linux on x64");

    [Fact]
    public void Call_Addition_ReturnsTheSum() => new ExecutableMemory(Add).Call(40, 2).ShouldBe(42);

    [Fact]
    public void Pages_WhileAlive_AreExecutableAndNotWritable()
    {
        var memory = new ExecutableMemory(Add);
        Permissions(memory.Address).ShouldBe("r-xp");
        GC.KeepAlive(memory);
    }

    [Fact]
    public void Pages_OnceDropped_GoBackToTheSystem()
    {
        // The system hands the addresses out again, so one of many is looked at: those that came back must be most of them.
        var addresses = MakeAndDrop(50);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        addresses.Count(a => Permissions(a) == "r-xp").ShouldBeLessThan(10);
    }

    [Fact]
    public void Constructor_NoCode_Throws() => Should.Throw<ArgumentOutOfRangeException>(() => new ExecutableMemory([]));

    [MethodImpl(MethodImplOptions.NoInlining)]
    static nint[] MakeAndDrop(int count) => [.. Enumerable.Range(0, count).Select(_ => new ExecutableMemory(Add)).ToArray().Select(m => m.Address)];

    /// <summary>What may be done with the page at an address; null if nothing is there.</summary>
    static string? Permissions(nint address)
    {
        foreach (string line in File.ReadLines("/proc/self/maps"))
        {
            var parts = line.Split(' ', 3);
            var ends = parts[0].Split('-').Select(x => long.Parse(x, NumberStyles.HexNumber, CultureInfo.InvariantCulture)).ToArray();
            if (ends[0] <= address && address < ends[1]) return parts[1];
        }
        return null;
    }
}
