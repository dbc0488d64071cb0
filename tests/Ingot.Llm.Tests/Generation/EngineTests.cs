using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Llm.Tests.Models;

namespace Ingot.Llm.Tests.Generation;

public class EngineTests
{
    static readonly SamplingOptions Greedy = new(Temperature: 0);

    [Theory]
    [InlineData("qwen3")]
    [InlineData("llama3")]
    [InlineData("window")]
    public void Continue_Greedy_IsGenerationWithoutACache(string shape)
    {
        var model = RandomDecoder.Of(DecoderTests.Shape(shape));
        var prompt = RandomDecoder.Tokens(9);
        var options = Greedy with { RepetitionPenalty = 1.3 }; // a random model would say the same all the time
        var expected = new Generator(model).Continue(prompt, options).Take(70).ToArray(); // more than a page
        expected.Distinct().Count().ShouldBeGreaterThan(5);
        new Engine(model).Continue(prompt, options with { MaxTokens = 70 }).ShouldBe(expected);
    }

    [Fact]
    public void Step_TextWithoutAnyTokenLeft_EndsAloneWithItsError()
    {
        var model = RandomDecoder.Of(RandomDecoder.Config);
        var prompt = RandomDecoder.Tokens(5);
        var expected = new Engine(model).Continue(prompt, Greedy with { MaxTokens = 10 }).ToList();
        var engine = new Engine(model);
        using var broken = engine.Start(prompt, Greedy with { LogitBias = Enumerable.Range(0, 97).ToDictionary(t => t, _ => double.NegativeInfinity) });
        using var neighbour = engine.Start(prompt, Greedy with { MaxTokens = 10 });
        Should.Throw<IngotException>(() => engine.Step()).Message.ShouldContain("logit_bias");
        (broken.IsDone, broken.Error is IngotException, neighbour.Error).ShouldBe((true, true, null));
        while (engine.Step()) { }
        neighbour.Tokens.Skip(5).ShouldBe(expected);
    }

    [Fact]
    public void Step_CachedLogits_AreThoseOfAWholeForward()
    {
        var model = RandomDecoder.Of(RandomDecoder.Config);
        var tokens = RandomDecoder.Tokens(100);
        var whole = model.Forward(Tensor.From(tokens, 1, 100)).ToArray<float>();
        var rows = LogitsOf(new Engine(model), tokens, promptLength: 30);
        rows.Length.ShouldBe(71);
        for (int i = 0; i < rows.Length; i++)
            rows[i].Zip(whole.AsSpan((29 + i) * 97, 97).ToArray(), (a, b) => Math.Abs(a - b)).Max().ShouldBeLessThan(2e-5f);
    }

    [Fact]
    public void Step_PromptInChunks_HasTheSameBits()
    {
        var model = RandomDecoder.Of(RandomDecoder.Config);
        var tokens = RandomDecoder.Tokens(120);
        var whole = LogitsOf(new Engine(model), tokens, 100);
        foreach (int chunk in new[] { 1, 7, 16, 64 }) LogitsOf(new Engine(model, mostRows: chunk), tokens, 100).ShouldBe(whole);
    }

    [Fact]
    public void Step_InABatch_HasTheSameBitsAsAlone()
    {
        var model = RandomDecoder.Of(RandomDecoder.Config);
        var sampling = new SamplingOptions(Temperature: 1.5, Seed: 5) { TopP = 0.95, MaxTokens = 30, RepetitionPenalty = 1.1 };
        int[] Alone(int i)
        {
            var engine = new Engine(model);
            using var s = engine.Start(RandomDecoder.Tokens(3 + 11 * i, seed: i), sampling with { Seed = (ulong)i });
            while (engine.Step()) { }
            return [.. s.Tokens];
        }
        var together = new Engine(model, mostRows: 32);
        List<GeneratedSequence> texts = [];
        for (int i = 0; i < 7; i++) // they join while others are being written
        {
            texts.Add(together.Start(RandomDecoder.Tokens(3 + 11 * i, seed: i), sampling with { Seed = (ulong)i }));
            together.Step();
        }
        while (together.Step()) { }
        for (int i = 0; i < 7; i++) texts[i].Tokens.ShouldBe(Alone(i));
    }

    [Fact]
    public void Step_LogitsInABatch_HaveTheSameBitsAsAlone()
    {
        var model = RandomDecoder.Of(RandomDecoder.Config);
        var tokens = RandomDecoder.Tokens(60);
        var alone = LogitsOf(new Engine(model), tokens, 20);
        var crowded = new Engine(model);
        for (int i = 0; i < 5; i++) crowded.Start(RandomDecoder.Tokens(40 + i, seed: i), Greedy);
        LogitsOf(crowded, tokens, 20).ShouldBe(alone);
    }

    [Fact]
    public void Continue_Plans_DoNotGrowWithTheText()
    {
        var engine = new Engine(RandomDecoder.Of(RandomDecoder.Config));
        engine.Continue(RandomDecoder.Tokens(9), Greedy with { MaxTokens = 100 }).Count().ShouldBe(100);
        engine.Traces.ShouldBe(2); // the prompt's 16 rows, which also do for one; and the head's four
        engine.Steps.ShouldBe(100);
    }

    [Fact]
    public void Continue_EndToken_EndsWithoutIt()
    {
        var model = RandomDecoder.Of(RandomDecoder.Config);
        var free = new Engine(model).Continue([5], Greedy with { MaxTokens = 20 }).ToArray();
        int end = free[10];
        var ending = RandomDecoder.Of(RandomDecoder.Config with { EndTokens = [end] });
        new Engine(ending).Continue([5], Greedy with { MaxTokens = 20 }).ShouldBe(free[..Array.IndexOf(free, end)]);
    }

    [Fact]
    public void Continue_FullContext_Ends()
    {
        var engine = new Engine(RandomDecoder.Of(RandomDecoder.Config with { ContextLength = 20 }));
        using var s = engine.Start(RandomDecoder.Tokens(15), Greedy);
        while (engine.Step()) { }
        (s.Tokens.Count, s.Finish).ShouldBe((20, Finish.Context));
        Should.Throw<IngotException>(() => s.Append([1])).Message.ShouldContain("context of 20");
    }

    [Fact]
    public void Append_ForcedTokens_AreAsIfTheyWereInThePrompt()
    {
        var model = RandomDecoder.Of(RandomDecoder.Config);
        var engine = new Engine(model);
        using var s = engine.Start([1, 2, 3], Greedy with { MaxTokens = 4 });
        while (engine.Step()) { }
        s.Append([50, 51, 52]);
        s.Resume(Greedy with { MaxTokens = 6 });
        while (engine.Step()) { }
        var whole = s.Tokens.Take(10).ToArray();
        s.Tokens.Skip(10).ShouldBe(new Engine(model).Continue(whole, Greedy with { MaxTokens = 6 }));
    }

    [Fact]
    public void Fork_Text_HasTheSameBitsAsWholePrompt()
    {
        var model = RandomDecoder.Of(RandomDecoder.Config);
        var sampling = new SamplingOptions(Temperature: 1.5, Seed: 5) { MaxTokens = 30 };
        var (prompt, whole) = (RandomDecoder.Tokens(80), new Engine(model)); // more than a page
        var expected = prompt.Concat(whole.Continue(prompt, sampling)).ToArray();
        var engine = new Engine(model);
        var beginning = engine.Start(prompt.AsSpan(0, 79), Greedy with { MaxTokens = 0 });
        while (engine.Step()) { }
        Should.Throw<IngotException>(() => engine.Fork(beginning, [], sampling)).Message.ShouldContain("at least one token");
        using var first = engine.Fork(beginning, prompt.AsSpan(79), sampling);
        using var other = engine.Fork(beginning, prompt.AsSpan(79), sampling with { Seed = 6 });
        beginning.Dispose();
        while (engine.Step()) { }
        first.Tokens.ShouldBe(expected);
        other.Tokens.ShouldNotBe(expected);
    }

    [Fact]
    public void Dispose_GivesThePagesBack()
    {
        var engine = new Engine(RandomDecoder.Of(RandomDecoder.Config));
        var s = engine.Start(RandomDecoder.Tokens(100), Greedy with { MaxTokens = 1 });
        engine.Step();
        engine.Cache.PagesInUse.ShouldBe(2);
        s.Truncate(64);
        engine.Cache.PagesInUse.ShouldBe(1);
        s.Dispose();
        engine.Cache.PagesInUse.ShouldBe(0);
        engine.Step().ShouldBeFalse();
    }

    [Fact]
    public void Continue_Stories260K_WritesTheGoldenText()
    {
        var golden = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(SharedData.Path("llama2c/stories260K-golden.json"))).RootElement;
        var model = ModelFolder.Load(Path.GetDirectoryName(SharedData.Path("hf-llama-tiny/config.json"))!).Model;
        static int[] Ids(System.Text.Json.JsonElement list) => [.. list.EnumerateArray().Select(i => i.GetInt32())];
        var engine = new Engine(model);
        var texts = golden.GetProperty("prompts").EnumerateArray().Select(p => (Sequence: engine.Start(Ids(p.GetProperty("prompt_ids")), Greedy with { MaxTokens = p.GetProperty("ids").GetArrayLength() - p.GetProperty("prompt_ids").GetArrayLength() }), Expected: Ids(p.GetProperty("ids")))).ToList();
        texts.Count.ShouldBe(6);
        while (engine.Step()) { }
        foreach (var (sequence, expected) in texts) sequence.Tokens.ShouldBe(expected);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(97)]
    public void Start_TokenOutsideTheVocabulary_Throws(int token) =>
        Should.Throw<IngotException>(() => new Engine(RandomDecoder.Of(RandomDecoder.Config)).Start([token], Greedy)).Message.ShouldContain($"token {token} ");

    /// <summary>The logits after the prompt and after every further token, which are given and not chosen.</summary>
    static float[][] LogitsOf(Engine engine, int[] tokens, int promptLength)
    {
        List<float[]> rows = [];
        using var s = engine.Start(tokens.AsSpan(0, promptLength), Greedy);
        s.Choosing = logits => { rows.Add(logits.ToArray()); return promptLength + rows.Count - 1 < tokens.Length ? tokens[promptLength + rows.Count - 1] : null; };
        while (!s.IsDone) engine.Step();
        return [.. rows];
    }
}
