using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Llm.Tests.Models;

namespace Ingot.Llm.Tests.Generation;

public class SpeculationTests
{
    static Decoder Model(int vocabulary = 297, int seed = 1, int context = 256) =>
        RandomDecoder.Of(new() { Width = 32, Hidden = 64, Layers = 2, Heads = 4, KeyHeads = 2, HeadWidth = 8, VocabularySize = vocabulary, ContextLength = context }, seed);

    /// <summary>Guesses anything, so that some come true and some do not.</summary>
    sealed class Guessing(int vocabulary, int seed) : IDrafter
    {
        readonly Random random = new(seed);

        public int Most => 5;

        public int Guess(ReadOnlySpan<int> tokens, Span<int> guesses, Sampler sampler)
        {
            int count = random.Next(guesses.Length + 1);
            foreach (ref int g in guesses[..count]) g = random.Next(vocabulary);
            return count;
        }
    }

    static int[] Text(Engine engine, int[] prompt, SamplingOptions options, IDrafter? drafter, out (long Guessed, long True) counts)
    {
        using var s = engine.Start(prompt, options);
        s.Drafter = drafter;
        while (engine.Step()) { }
        counts = s.Speculation;
        return [.. s.Tokens];
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.7)]
    [InlineData(1.5)]
    public void Guesses_OfADraftModel_LeaveTheTextAsItIs(double temperature)
    {
        var options = new SamplingOptions(temperature, Seed: 9) { MaxTokens = 60, RepetitionPenalty = 1.1 };
        var prompt = RandomDecoder.Tokens(40, vocabulary: 297);
        var model = Model();
        var plain = Text(new(model), prompt, options, null, out _);
        // The model itself guesses nearly always right (penalties are those of before its guesses), another one seldom.
        using var itself = new DraftModel(new(model));
        Text(new(model), prompt, options, itself, out var counts).ShouldBe(plain);
        ((double)counts.True / counts.Guessed).ShouldBeGreaterThan(0.4);
        using var other = new DraftModel(new(Model(seed: 2)), most: 3);
        var engine = new Engine(model);
        Text(engine, prompt, options, other, out counts).ShouldBe(plain);
        counts.Guessed.ShouldBeGreaterThan(counts.True);
    }

    [Fact]
    public void Guesses_OfTheModelItself_SaveSteps()
    {
        var model = Model();
        using var itself = new DraftModel(new(model), most: 4);
        var engine = new Engine(model);
        Text(engine, RandomDecoder.Tokens(10, vocabulary: 297), new(1, Seed: 3) { MaxTokens = 50 }, itself, out var counts);
        counts.True.ShouldBe(counts.Guessed);
        engine.Steps.ShouldBe(10); // five tokens a step
    }

    [Fact]
    public void Guesses_OfPromptLookup_SaveStepsWhereATextRepeats()
    {
        var options = new SamplingOptions(0) { MaxTokens = 80 }; // a random model soon goes in circles
        var (model, prompt) = (Model(), RandomDecoder.Tokens(30, vocabulary: 297));
        var plain = Text(new(model), prompt, options, null, out _);
        var engine = new Engine(model);
        Text(engine, prompt, options, new PromptLookup(), out var counts).ShouldBe(plain);
        counts.True.ShouldBeGreaterThan(20);
        engine.Steps.ShouldBeLessThan(60);
    }

    [Fact]
    public void Guesses_RandomOnes_LeaveTextsAsTheyAreInABatchAndAtTheEnds()
    {
        var model = Model(vocabulary: 6, context: 100);
        foreach (int most in new[] { 4, 64 })
        {
            var engine = new Engine(model, new EngineOptions { MostRows = most, CacheType = CacheType.BF16 });
            var texts = new List<(GeneratedSequence Text, SamplingOptions Options, int[] Prompt)>();
            for (int i = 0; i < 6; i++)
            {
                var (options, prompt) = (new SamplingOptions(1, Seed: (ulong)i) { MaxTokens = i % 2 == 0 ? 1 + 7 * i : int.MaxValue, EndTokens = i == 3 ? [5] : [] }, RandomDecoder.Tokens(3 + 10 * i, seed: i, vocabulary: 6));
                var text = engine.Start(prompt, options);
                text.Drafter = new Guessing(6, i);
                texts.Add((text, options, prompt));
                engine.Step();
            }
            while (engine.Step()) { }
            foreach (var (text, options, prompt) in texts)
            {
                var alone = new Engine(model, new EngineOptions { CacheType = CacheType.BF16 });
                using var expected = alone.Start(prompt, options);
                while (alone.Step()) { }
                (string.Join(' ', text.Tokens), text.Finish).ShouldBe((string.Join(' ', expected.Tokens), expected.Finish));
            }
            texts.Sum(t => t.Text.Speculation.True).ShouldBeGreaterThan(5);
        }
    }

    [Fact]
    public void Guesses_OverManySeeds_HaveTheModelsDistribution()
    {
        // Three tokens after a prompt, of a vocabulary of 5: the exact probabilities of the last two by enumeration, against counts.
        const int Vocabulary = 5, Seeds = 4000;
        var (model, prompt) = (Model(Vocabulary, context: 32), new[] { 1, 2, 0, 3 });
        var expected = new double[Vocabulary * Vocabulary];
        double[] Next(int[] tokens)
        {
            var logits = EngineInvarianceTests.LogitsOf(new(model), tokens, tokens.Length)[0];
            double sum = logits.Sum(l => Math.Exp(l / 0.9));
            return [.. logits.Select(l => Math.Exp(l / 0.9) / sum)];
        }
        var first = Next(prompt);
        for (int a = 0; a < Vocabulary; a++)
        {
            var second = Next([.. prompt, a]);
            for (int b = 0; b < Vocabulary; b++) expected[a * Vocabulary + b] = first[a] * second[b];
        }
        var counts = new double[expected.Length];
        var engine = new Engine(model);
        using var draft = new DraftModel(new(Model(Vocabulary, seed: 2, context: 32)), most: 2);
        long came = 0, guessed = 0;
        for (int seed = 0; seed < Seeds; seed++)
        {
            var text = Text(engine, prompt, new(0.9, Seed: (ulong)seed) { MaxTokens = 3 }, draft, out var speculation);
            counts[text[4] * Vocabulary + text[5]]++;
            (came, guessed) = (came + speculation.True, guessed + speculation.Guessed);
        }
        came.ShouldBeInRange(guessed / 10, guessed * 19 / 20); // both ways are taken
        double chi = 0;
        for (int i = 0; i < counts.Length; i++) chi += (counts[i] - Seeds * expected[i]) * (counts[i] - Seeds * expected[i]) / (Seeds * expected[i]);
        chi.ShouldBeLessThan(51.2); // 24 degrees of freedom, one in a thousand
    }
}
