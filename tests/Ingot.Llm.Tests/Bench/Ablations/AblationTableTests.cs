using Ingot.Bench.Ablations;

namespace Ingot.Llm.Tests.Bench.Ablations;

public class AblationTableTests
{
    static AblationRuns Runs(string name, string deviation, params double[] bits) =>
        new(new(name, deviation.Split(' ', StringSplitOptions.RemoveEmptyEntries), []), bits.Select((b, i) => (b, i)).ToDictionary(p => (ulong)p.i + 1, p => (IReadOnlyDictionary<string, double>)new Dictionary<string, double> { ["world"] = p.b }));

    [Fact]
    public void Table_HasMeansDeviationsAndVerdicts() => AblationTable.Markdown([
        Runs("base", "", 1.99, 2, 2.01), Runs("wide", "--set model.width=96", 1.88, 1.9, 1.92), Runs("same", "--set model.norm=rms", 2.0, 1.99, 2.01), Runs("one", "--depth 3", 2.01), Runs("none", "--depth 4")]).ShouldBe("""
        | | deviation | seeds | world, bits per byte | difference | |
        |---|---|---|---|---|---|
        | base |  | 3 | 2.0000 ± 0.0100 | | |
        | wide | `--set model.width=96` | 3 | 1.9000 ± 0.0200 | -5.00 ± 0.34 % | better |
        | same | `--set model.norm=rms` | 3 | 2.0000 ± 0.0100 | 0.00 ± 0.34 % | no difference |
        | one | `--depth 3` | 1 | 2.0100 | +1.00 | one seed |
        | none | `--depth 4` | 0 | - | - | not run |

        """.ReplaceLineEndings("\n"));
}
