using Ingot.Runtime;
using Ingot.Tests.Runtime;

namespace Ingot.Tests.Fuzz;

/// <summary>Random graphs through the code of the vector widths that are not this machine's.</summary>
[Collection(nameof(ProcessWide))]
public sealed class InstructionSetFuzzTests : IDisposable
{
    readonly IsaLevel? before = Settings.Isa;

    public void Dispose() => Settings.Isa = before;

    public static TheoryData<IsaLevel> OtherLevels => [.. Enum.GetValues<IsaLevel>().Where(l => l != Cpu.HardwareLevel)];

    [Theory]
    [MemberData(nameof(OtherLevels))]
    public void Realize_RandomGraphsAtEachLevel_GiveTheInterpretersValues(IsaLevel level)
    {
        Cpu.Level = level;
        GraphFuzzTests.Check(11);
    }
}
