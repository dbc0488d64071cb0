using Ingot.Runtime;
using Ingot.Tests.Runtime;

namespace Ingot.Tests.Golden;

/// <summary>Every golden case through the code of every vector width; .NET runs widths the machine lacks as several narrower ones.</summary>
[Collection(nameof(ProcessWide))]
public sealed class InstructionSetTests : IDisposable
{
    readonly IsaLevel? before = Settings.Isa;

    public void Dispose() => Settings.Isa = before;

    public static TheoryData<IsaLevel> OtherLevels => [.. Enum.GetValues<IsaLevel>().Where(l => l != Cpu.HardwareLevel)];

    [Theory]
    [MemberData(nameof(OtherLevels))]
    public void Operators_AtEachLevel_GivePyTorchsNumbers(IsaLevel level)
    {
        Cpu.Level = level;
        var wrong = new List<string>();
        foreach (string name in GoldenFile.Cases.Keys)
        {
            try
            {
                if (GoldenTests.Differences(name, Way.Realized) is { Length: > 0 } difference) wrong.Add($"{name}: {difference}");
            }
            catch (Exception e)
            {
                wrong.Add($"{name}: {e.GetType().Name} {e.Message}");
            }
        }
        string.Join("\n", wrong).ShouldBe("");
    }
}
