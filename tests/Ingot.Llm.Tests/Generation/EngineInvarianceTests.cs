using Ingot.Formats;
using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Llm.Tests.Models;

namespace Ingot.Llm.Tests.Generation;

/// <summary>A text's logits are the same bits alone, among others that come and go, and in chunks of any size.</summary>
public class EngineInvarianceTests
{
    static DecoderConfig Small => new() { Width = 32, Hidden = 64, Layers = 2, Heads = 4, KeyHeads = 2, HeadWidth = 8, VocabularySize = 297, ContextLength = 384 };

    public static TheoryData<string> Shapes() => ["width 32", "one key head", "as many key heads", "window", "width 12"];

    static DecoderConfig Shape(string name) => name switch
    {
        "width 32" => Small,
        "one key head" => Small with { KeyHeads = 1, HeadWidth = 16 },
        "as many key heads" => Small with { KeyHeads = 4 },
        "window" => Small with { Window = 40 },
        _ => Small with { Width = 12, Hidden = 20, Heads = 2, KeyHeads = 1, HeadWidth = 6 },
    };

    [Theory, MemberData(nameof(Shapes))]
    public void Step_ChunksOfAnySize_HaveTheSameBits(string shape)
    {
        var model = RandomDecoder.Of(Shape(shape));
        var tokens = RandomDecoder.Tokens(290, vocabulary: 297);
        foreach (var type in Enum.GetValues<CacheType>())
        {
            var whole = LogitsOf(new(model, new EngineOptions { CacheType = type }), tokens, 277);
            foreach (int most in new[] { 4, 24, 100 }) LogitsOf(new(model, new EngineOptions { CacheType = type, MostRows = most }), tokens, 277).ShouldBe(whole, $"{type}, {most} rows");
        }
    }

    /// <summary>Their products run for a single row, too.</summary>
    [Theory]
    [InlineData(GgmlType.Q8_0)]
    [InlineData(GgmlType.Q4_0)]
    [InlineData(GgmlType.BF16)]
    public void Step_StoredMatrices_HaveTheSameBitsInAnyChunks(GgmlType type)
    {
        var model = RandomDecoder.Of(Small);
        foreach (var (_, matrix) in model.Projections()) matrix.Take(Weight.Of(matrix.Weight!).As(type));
        RowBuckets.FewestOf(model).ShouldBe(1);
        var tokens = RandomDecoder.Tokens(290, vocabulary: 297);
        var whole = LogitsOf(new(model, new EngineOptions()), tokens, 277);
        foreach (int most in new[] { 1, 3, 24, 100 }) LogitsOf(new(model, new EngineOptions { MostRows = most }), tokens, 277).ShouldBe(whole, $"{most} rows");
    }

    [Theory]
    [InlineData(CacheType.F32)]
    [InlineData(CacheType.BF16)]
    [InlineData(CacheType.Int8)]
    public void Step_AmongFiveThatComeAndGo_HasTheBitsOfAlone(CacheType type)
    {
        var model = RandomDecoder.Of(Small);
        var tokens = RandomDecoder.Tokens(120, vocabulary: 297);
        var alone = LogitsOf(new(model, new EngineOptions { CacheType = type }), tokens, 70);
        var engine = new Engine(model, new EngineOptions { CacheType = type, MostRows = 48 });
        var others = new List<GeneratedSequence>();
        int started = 0;
        LogitsOf(engine, tokens, 70, () =>
        {
            while (others.Count < 4) others.Add(engine.Start(RandomDecoder.Tokens(5 + 13 * (started % 7), seed: ++started, vocabulary: 297), new(1.2, Seed: 3) { MaxTokens = 3 + started % 9 }));
            foreach (var done in others.Where(o => o.IsDone).ToList())
            {
                done.Dispose();
                others.Remove(done);
            }
        }).ShouldBe(alone);
        started.ShouldBeGreaterThan(15);
    }

    [Fact]
    public void Step_CacheTypes_AreNearThatOfFloats()
    {
        var model = RandomDecoder.Of(Small);
        var tokens = RandomDecoder.Tokens(100, vocabulary: 297);
        var exact = LogitsOf(new(model), tokens, 50);
        double spread = exact.SelectMany(r => r).Max() - exact.SelectMany(r => r).Min();
        foreach (var (type, most) in new[] { (CacheType.BF16, 0.02), (CacheType.Int8, 0.03) })
        {
            var rows = LogitsOf(new(model, new EngineOptions { CacheType = type }), tokens, 50);
            double off = rows.Zip(exact, (a, b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Max()).Max();
            off.ShouldBeInRange(1e-9, most * spread, $"{type}");
        }
    }

    [Fact]
    public void Start_SeveralOfOnePrompt_ComputeItOnceAndAreEachThatOfTheirSeed()
    {
        var model = RandomDecoder.Of(Small);
        var (prompt, options) = (RandomDecoder.Tokens(100, vocabulary: 297), new SamplingOptions(1.3, Seed: 40) { MaxTokens = 20 });
        var engine = new Engine(model);
        var texts = engine.Start(prompt, options, 3);
        while (engine.Step()) { }
        engine.Rows.ShouldBe(100 + 2 + 3 * 19); // the prompt, its last token for the two others, and all tokens but the last of each
        for (int i = 0; i < 3; i++) texts[i].Tokens.Skip(100).ShouldBe(new Engine(model).Continue(prompt, options with { Seed = 40 + (ulong)i }));
        texts[1].Tokens.ShouldNotBe(texts[0].Tokens);
        foreach (var t in texts) t.Dispose();
        engine.Cache.PagesInUse.ShouldBe(0);
    }

    [Fact]
    public void Start_SeveralOfOnePrompt_GoOnWithoutTheFirst()
    {
        var model = RandomDecoder.Of(Small);
        var (prompt, options) = (RandomDecoder.Tokens(100, vocabulary: 297), new SamplingOptions(1.3, Seed: 40) { MaxTokens = 5 });
        var engine = new Engine(model, 32);
        var texts = engine.Start(prompt, options, 2);
        engine.Step();
        texts[0].Dispose(); // in the middle of the prompt
        while (engine.Step()) { }
        texts[1].Tokens.Skip(100).ShouldBe(new Engine(model).Continue(prompt, options with { Seed = 41 }));
    }

    /// <summary>The logits after the prompt and after every further token, which are given and not chosen.</summary>
    internal static float[][] LogitsOf(Engine engine, int[] tokens, int promptLength, Action? beforeStep = null)
    {
        List<float[]> rows = [];
        using var s = engine.Start(tokens.AsSpan(0, promptLength), new(Temperature: 0));
        s.Choosing = logits => { rows.Add(logits.ToArray()); return promptLength + rows.Count - 1 < tokens.Length ? tokens[promptLength + rows.Count - 1] : null; };
        while (!s.IsDone)
        {
            beforeStep?.Invoke();
            engine.Step();
        }
        return [.. rows];
    }
}
