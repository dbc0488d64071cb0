using Ingot.Formats;
using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Llm.Tests.Models;
using Ingot.Runtime;

namespace Ingot.Llm.Tests.Generation;

/// <summary>They change the settings of the process, so nothing runs beside them.</summary>
[CollectionDefinition(nameof(EngineOnMatrixUnitTests), DisableParallelization = true)]
public sealed class NothingBesideTheMatrixUnit;

/// <summary>
/// Prompts go through the matrix unit (or its emulation), chosen tokens do not: a text still has the same bits alone, among others, in chunks of any size, from a cache of prefixes, and with
/// guesses.
/// </summary>
[Collection(nameof(EngineOnMatrixUnitTests))]
public sealed class EngineOnMatrixUnitTests : IDisposable
{
    readonly IsaLevel? before = Settings.Isa;

    public EngineOnMatrixUnitTests() => Settings.Isa = IsaLevel.Amx;

    public void Dispose() => Settings.Isa = before;

    static DecoderConfig Config => new() { Width = 32, Hidden = 64, Layers = 2, Heads = 4, KeyHeads = 2, HeadWidth = 8, VocabularySize = 97, ContextLength = 256 };

    static Decoder Model(GgmlType type = GgmlType.Q8_0, int seed = 1)
    {
        var model = RandomDecoder.Of(Config, seed);
        foreach (var (_, matrix) in model.Projections()) matrix.Take(Weight.Of(matrix.Weight!).As(type));
        return model;
    }

    static float[][] LogitsOf(Engine engine, int[] tokens, int promptLength, Action? beforeStep = null) => EngineInvarianceTests.LogitsOf(engine, tokens, promptLength, beforeStep);

    [Theory]
    [InlineData(GgmlType.Q8_0)]
    [InlineData(GgmlType.Q4_0)]
    [InlineData(GgmlType.BF16)]
    public void Step_ChunksOfAnySize_HaveTheSameBits(GgmlType type)
    {
        var model = Model(type);
        var tokens = RandomDecoder.Tokens(120);
        var whole = LogitsOf(new(model), tokens, 107);
        foreach (int most in new[] { 1, 3, 24, 50 }) LogitsOf(new(model, new EngineOptions { MostRows = most }), tokens, 107).ShouldBe(whole, $"{most} rows");
        Settings.Isa = IsaLevel.Avx512;
        var byVectors = LogitsOf(new(model), tokens, 107);
        whole.ShouldNotBe(byVectors);
        double off = whole.Zip(byVectors, (a, b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Max()).Max(), spread = byVectors.SelectMany(r => r).Max() - byVectors.SelectMany(r => r).Min();
        off.ShouldBeLessThan(0.02 * spread);
    }

    [Fact]
    public void Step_AmongFiveThatComeAndGo_HasTheBitsOfAlone()
    {
        var model = Model();
        var tokens = RandomDecoder.Tokens(100);
        var alone = LogitsOf(new(model), tokens, 60);
        var engine = new Engine(model, new EngineOptions { MostRows = 48 });
        var others = new List<GeneratedSequence>();
        int started = 0;
        LogitsOf(engine, tokens, 60, () =>
        {
            while (others.Count < 4) others.Add(engine.Start(RandomDecoder.Tokens(1 + 13 * (started % 5), seed: ++started), new(1.2, Seed: 3) { MaxTokens = 3 + started % 9 }));
            foreach (var done in others.Where(o => o.IsDone).ToList())
            {
                done.Dispose();
                others.Remove(done);
            }
        }).ShouldBe(alone);
        started.ShouldBeGreaterThan(10);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1.2)]
    public void Guesses_LeaveTheTextAsItIs(double temperature)
    {
        var model = Model();
        var (prompt, options) = (RandomDecoder.Tokens(40), new SamplingOptions(temperature, Seed: 9) { MaxTokens = 50 });
        int[] Text(IDrafter? drafter, out (long Guessed, long True) counts)
        {
            var engine = new Engine(model);
            using var s = engine.Start(prompt, options);
            s.Drafter = drafter;
            while (engine.Step()) { }
            counts = s.Speculation;
            return [.. s.Tokens];
        }
        var plain = Text(null, out _);
        using var itself = new DraftModel(new(model));
        Text(itself, out var counts).ShouldBe(plain);
        counts.True.ShouldBeGreaterThan(20);
        using var other = new DraftModel(new(Model(seed: 2)), most: 3);
        Text(other, out counts).ShouldBe(plain);
        counts.Guessed.ShouldBeGreaterThan(counts.True);
    }

    /// <summary>What was chosen is part of the next turn's prompt, and would have other bits there.</summary>
    [Fact]
    public void Start_NextTurn_TakesThePromptBeforeAndHasTheBitsOfAll()
    {
        var model = Model();
        var engine = PrefixCacheTests.Engine(model);
        var prompt = RandomDecoder.Tokens(100);
        int[] turn;
        using (var first = engine.Start(prompt, new(1) { MaxTokens = 70 }))
        {
            while (engine.Step()) { }
            turn = [.. first.Tokens, .. RandomDecoder.Tokens(20, seed: 4)];
        }
        foreach (int reused in new[] { 100, 190 - 6 })
        {
            using (var probe = engine.Start(turn.AsSpan(0, 185), new(0) { MaxTokens = 0 }))
            {
                while (engine.Step()) { }
                probe.Reused.ShouldBe(reused);
            }
            LogitsOf(engine, turn, 185).ShouldBe(LogitsOf(new(model), turn, 185));
        }
    }

    /// <summary>While nobody waits, what was chosen is computed as the next turn's prompt has it.</summary>
    [Fact]
    public void StepAgain_AfterATurn_LeavesTheNextOneOnlyWhatIsNew()
    {
        var model = Model();
        var engine = PrefixCacheTests.Engine(model);
        int[] turn;
        using (var first = engine.Start(RandomDecoder.Tokens(100), new(1) { MaxTokens = 70 }))
        {
            while (engine.Step()) { }
            engine.HasEnded.ShouldBeFalse();
            turn = [.. first.Tokens, .. RandomDecoder.Tokens(20, seed: 4)];
        }
        var expected = LogitsOf(new(model), turn, 185);
        engine.HasEnded.ShouldBeTrue();
        engine.StepAgain().ShouldBeTrue();
        // Another text comes between, and has its own bits.
        var other = RandomDecoder.Tokens(50, seed: 8);
        LogitsOf(engine, other, 45).ShouldBe(LogitsOf(new(model), other, 45));
        while (engine.StepAgain()) { }
        (engine.HasEnded, engine.Active).ShouldBe((false, 0));
        using (var probe = engine.Start(turn.AsSpan(0, 185), new(0) { MaxTokens = 0 }))
        {
            while (engine.Step()) { }
            probe.Reused.ShouldBe(169); // all that had been computed: the last token had not
        }
        LogitsOf(engine, turn, 185).ShouldBe(expected);
    }

    [Fact]
    public void Start_SeveralOfOnePrompt_AreEachThatOfTheirSeed()
    {
        var model = Model();
        var (prompt, options) = (RandomDecoder.Tokens(70), new SamplingOptions(1.3, Seed: 40) { MaxTokens = 20 });
        var engine = new Engine(model);
        var texts = engine.Start(prompt, options, 3);
        while (engine.Step()) { }
        for (int i = 0; i < 3; i++) texts[i].Tokens.Skip(70).ShouldBe(new Engine(model).Continue(prompt, options with { Seed = 40 + (ulong)i }));
        foreach (var t in texts) t.Dispose();
    }

    /// <summary>What was chosen stays so in a fork, and what is appended to a text is computed as a prompt, in whatever chunks.</summary>
    [Fact]
    public void Fork_AndAppend_KeepOnlyThePromptForOthersAndDoNotDependOnChunks()
    {
        var model = Model();
        var further = RandomDecoder.Tokens(30, seed: 5);
        (int[] Text, int[] Fork, int Pages) Run(int most)
        {
            var engine = new Engine(model, new EngineOptions { PrefixBytes = 1 << 24, MostRows = most });
            using var text = engine.Start(RandomDecoder.Tokens(50), new(1.1, Seed: 2) { MaxTokens = 40 });
            while (engine.Step()) { }
            using var fork = engine.Fork(text, [text.Tokens[^1], .. further], new(1, Seed: 7) { MaxTokens = 30 });
            text.Append(further);
            text.Resume(new(1, Seed: 8) { MaxTokens = 30 });
            while (engine.Step()) { }
            fork.Cached.ShouldBe(50 + 40 + 30 + 30 - 1);
            return ([.. text.Tokens], [.. fork.Tokens], engine.PrefixPages);
        }
        var whole = Run(256);
        whole.Pages.ShouldBe(1); // the 50 tokens'
        foreach (int most in new[] { 2, 20 })
        {
            var parts = Run(most);
            parts.Pages.ShouldBe(1);
            parts.Text.ShouldBe(whole.Text);
            parts.Fork.ShouldBe(whole.Fork);
        }
    }
}
