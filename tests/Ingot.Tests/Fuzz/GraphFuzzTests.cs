using FsCheck;
using FsCheck.Fluent;
using Ingot.Codegen;
using Ingot.Graph;
using Ingot.Kernels;
using Ingot.Runtime;
using Ingot.Schedule;
using Ingot.Tests.Golden;
using Ingot.Tests.Runtime;

namespace Ingot.Tests.Fuzz;

/// <summary>Random graphs: what Realize computes is what the interpreter computes of the graph as written.</summary>
[Collection(nameof(ProcessWide))]
public class GraphFuzzTests
{
    const int GraphsASeed = 100;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Realize_RandomGraphs_GiveTheInterpretersValues(ulong seed) => Check(seed);

    /// <summary>Eight samples of recipes: every kernel of these graphs with choices made at random.</summary>
    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    [InlineData(14)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(18)]
    public void Realize_RandomGraphsUnderSampledRecipes_GiveTheInterpretersValues(int seed)
    {
        var random = new Random(seed);
        Realizer.Clear();
        CompiledKernel.Forced = _ => Recipe.Random(random);
        try { Check((ulong)seed); }
        finally
        {
            CompiledKernel.Forced = null;
            Realizer.Clear();
        }
    }

    /// <summary>Other graphs on every run; the message of a failure has the seed, to be added above.</summary>
    [Fact]
    public void Realize_GraphsOfAFreshSeed_GiveTheInterpretersValues() => Check((ulong)DateTime.UtcNow.Ticks);

    /// <summary>What the fuzzer draws is what it is meant to: every kind of operation and the sizes at which vector code goes wrong.</summary>
    [Fact]
    public void RandomGraphs_OfTheFixedSeeds_ReachEveryOperation()
    {
        var random = new Random(1);
        var ops = new HashSet<Op>();
        var extents = new HashSet<int>();
        for (int i = 0; i < 300; i++)
        {
            var tape = new int[100];
            for (int j = 0; j < tape.Length; j++) tape[j] = random.Next(1000);
            foreach (var n in new RandomGraph(tape).Nodes)
            {
                ops.Add(n.Op);
                extents.UnionWith(n.Shape);
            }
        }
        Op[] wanted = [Op.Reshape, Op.Permute, Op.Expand, Op.Pad, Op.Shrink, Op.Flip, Op.Window, Op.Unwindow, Op.Reduce, Op.Scan, Op.Where, Op.Cast, Op.Add, Op.Mul, Op.Div, Op.Max,
            Op.IDiv, Op.Mod, Op.CmpLt, Op.CmpNe, Op.And, Op.Or, Op.Xor, Op.Shl, Op.Shr, Op.Gather, Op.Neg, Op.Trunc, Op.Sqrt, Op.Recip, Op.Exp2, Op.Log2, Op.Sin];
        wanted.Except(ops).ShouldBeEmpty();
        new[] { 0, 1, 7, 8, 9, 15, 16, 17, 33 }.Except(extents).ShouldBeEmpty();
    }

    internal static void Check(ulong seed)
    {
        var tapes = Arb.From(Gen.ArrayOf(Gen.Choose(0, 999), 120), Shorter);
        var config = Config.QuickThrowOnFailure.WithQuietOnSuccess(true).WithMaxTest(GraphsASeed).WithReplay(seed, 1);
        try
        {
            FsCheck.Check.One(config, Prop.ForAll(tapes, (Action<int[]>)Agrees));
        }
        catch (Exception e) when (e is not ShouldAssertException)
        {
            throw new ShouldAssertException($"seed {seed}: {e.Message}");
        }
    }

    static void Agrees(int[] tape)
    {
        var graph = new RandomGraph(tape);
        // With INGOT_GUARD=1 an overrun ends the process: then this file has the graph that did it.
        if (Settings.Guard) File.WriteAllText(Path.Combine(Path.GetTempPath(), "ingot-fuzz-graph.txt"), $"{graph}\ntargets: {string.Join(", ", graph.Targets)}\ntape: [{string.Join(", ", tape)}]");
        try
        {
            var expected = Interpreter.Evaluate(graph.Targets);
            var bounds = new ErrorBound(expected);
            Tensor.Realize(graph.Targets.ConvertAll(n => new Tensor(n)));
            foreach (var target in graph.Targets)
            {
                var actual = Interpreter.Load(target, Realizer.BufferOf(target));
                Closeness.Difference(actual, expected[target], bounds.Of(target)).ShouldBeNull(target.ToString());
            }
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"{e.GetType().Name}: {e.Message}\n{graph}\ntape: [{string.Join(", ", tape)}]", e);
        }
    }

    /// <summary>Simpler tapes: without a stretch, then with one choice made the first.</summary>
    static IEnumerable<int[]> Shorter(int[] tape)
    {
        for (int length = tape.Length / 2; length >= 1; length /= 2)
            for (int start = tape.Length - length; start >= 0; start -= length)
                yield return [.. tape[..start], .. tape[(start + length)..]];
        for (int i = 0; i < tape.Length; i++)
        {
            if (tape[i] == 0) continue;
            var simpler = (int[])tape.Clone();
            simpler[i] = 0;
            yield return simpler;
        }
    }
}
