using Ingot.Llm.Generation;

namespace Ingot.Llm.Tests.Generation;

public class SamplerTests
{
    /// <summary>The tokens that are drawn at all, of 2,000 draws evenly over [0, 1).</summary>
    static int[] Drawn(float[] logits, SamplingOptions options) =>
        [.. Enumerable.Range(0, 2000).Select(i => Sampler.Choose((float[])logits.Clone(), options, (i + 0.5) / 2000)).Distinct().Order()];

    static float[] Logs(params double[] probabilities) => [.. probabilities.Select(p => (float)Math.Log(p))];

    [Fact]
    public void Choose_TopP_KeepsTheFewestThatReachIt()
    {
        var logits = Logs(0.1, 0.4, 0.2, 0.3);
        Drawn(logits, new(1) { TopP = 0.35 }).ShouldBe([1]);
        Drawn(logits, new(1) { TopP = 0.6 }).ShouldBe([1, 3]);
        Drawn(logits, new(1) { TopP = 0.75 }).ShouldBe([1, 2, 3]);
        Drawn(logits, new(1) { TopP = 0.95 }).ShouldBe([0, 1, 2, 3]);
    }

    [Fact]
    public void Choose_TopP_LooksAtWhatTopKHasLeft() => Drawn(Logs(0.1, 0.4, 0.2, 0.3), new(1, TopK: 2) { TopP = 0.5 }).ShouldBe([1]); // 4 / 7 of what is left

    [Fact]
    public void Choose_MinP_IsRelativeToTheLikeliest()
    {
        Drawn(Logs(0.1, 0.4, 0.19, 0.31), new(1) { MinP = 0.5 }).ShouldBe([1, 3]);
        Drawn(Logs(0.1, 0.4, 0.19, 0.31), new(2) { MinP = 0.49 }).ShouldBe([0, 1, 2, 3]); // sqrt(1 / 4) = 0.5
    }

    [Fact]
    public void Choose_ManyTokensAndTopP_SumsToIt()
    {
        var random = new Random(3);
        float[] logits = [.. Enumerable.Range(0, 5000).Select(_ => (float)(4 * random.NextDouble()))];
        var restricted = (float[])logits.Clone();
        Sampler.Choose(restricted, new(0.7) { TopP = 0.5 }, 0);
        double Weight(float l) => Math.Exp(l / 0.7);
        double all = logits.Sum(Weight), kept = restricted.Where(float.IsFinite).Sum(Weight), least = restricted.Where(float.IsFinite).Min(Weight);
        kept.ShouldBeInRange(0.5 * all, 0.5 * all + least);
        logits.Zip(restricted).Where(p => !float.IsFinite(p.Second)).Max(p => Weight(p.First)).ShouldBeLessThanOrEqualTo(least);
    }

    [Fact]
    public void Next_RepetitionPenalty_CountsThePromptToo()
    {
        var sampler = new Sampler(new(0) { RepetitionPenalty = 2 });
        sampler.Note(1);
        sampler.Next([1f, 1.9f, 0.5f, -3f]).ShouldBe(0);       // 1.9 / 2 < 1
        sampler.Next([1f, 1.9f, 0.5f, -3f]).ShouldBe(1);       // now 0 has 0.5, 1 has 0.95
        sampler.Next([-1f, -1.1f, -1.5f, -3f]).ShouldBe(2);    // negative ones are multiplied
    }

    [Fact]
    public void Next_PresenceAndFrequency_CountWhatWasGenerated()
    {
        var frequency = new Sampler(new(0) { FrequencyPenalty = 1 });
        frequency.Note(1); // the prompt does not count
        Enumerable.Range(0, 6).Select(_ => frequency.Next([0f, 2.5f, 0.9f])).ShouldBe([1, 1, 2, 1, 0, 2]);
        var presence = new Sampler(new(0) { PresencePenalty = 1 });
        Enumerable.Range(0, 4).Select(_ => presence.Next([1f, 2.5f])).ShouldBe([1, 1, 1, 1]);
    }

    [Fact]
    public void Next_LogitBias_IsAdded() => new Sampler(new(0) { LogitBias = new Dictionary<int, double> { [2] = 5, [0] = double.NegativeInfinity } }).Next([9f, 1f, 0f]).ShouldBe(2);

    [Fact]
    public void Draw_AnySeed_IsBelowOne() => Enumerable.Range(0, 10_000).Select(i => Sampler.Draw(7, (ulong)i)).ShouldAllBe(d => d >= 0 && d < 1);

    [Fact]
    public void Checked_ImpossibleNumbers_Throws()
    {
        foreach (var wrong in new SamplingOptions[] { new() { TopP = 0 }, new() { TopP = 1.1 }, new() { MinP = -0.1 }, new() { RepetitionPenalty = 0 }, new() { Stop = [""] }, new() { MaxTokens = -1 }, new() { PresencePenalty = double.NaN } })
            Should.Throw<IngotException>(wrong.Checked);
    }

    [Fact]
    public void Choose_TypicalP_KeepsWhatIsNearestToTheEntropy()
    {
        // H = 1.28 nats, and the surprises are 0.69, 1.39, 1.90, 2.30: the likeliest token is not the most typical.
        var logits = Logs(0.5, 0.25, 0.15, 0.1);
        Drawn(logits, new(1) { TypicalP = 0.2 }).ShouldBe([1]);
        Drawn(logits, new(1) { TypicalP = 0.3 }).ShouldBe([0, 1]);
        Drawn(logits, new(1) { TypicalP = 0.8 }).ShouldBe([0, 1, 2]);
        Drawn(logits, new(1) { TypicalP = 0.99 }).ShouldBe([0, 1, 2, 3]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(50)]
    [InlineData(4999)]
    public void Choose_TopKOfMany_IsASort(int k)
    {
        var random = new Random(k);
        float[] logits = [.. Enumerable.Range(0, 5000).Select(_ => (float)Math.Round(20 * random.NextDouble() - 10, 2))]; // with ties
        var expected = Enumerable.Range(0, 5000).OrderByDescending(i => logits[i]).ThenBy(i => i).Take(k).Order();
        var restricted = (float[])logits.Clone();
        Sampler.Choose(restricted, new(1, TopK: k), 0.5);
        Enumerable.Range(0, 5000).Where(i => float.IsFinite(restricted[i])).ShouldBe(expected);
        foreach (int i in expected) restricted[i].ShouldBe(logits[i]);
    }

    /// <summary>Even tokens, then one odd one, which ends the form.</summary>
    sealed class EvenThenOdd : ITokenConstraint
    {
        public bool IsComplete { get; private set; }

        public void Mask(Span<float> logits)
        {
            for (int i = 0; i < logits.Length; i++)
                if (IsComplete ? i != 0 : i % 2 == (Accepted < 3 ? 1 : 0)) logits[i] = float.NegativeInfinity;
        }

        public int Accepted { get; private set; }

        public void Accept(int token)
        {
            Accepted++;
            IsComplete = token % 2 == 1;
        }

        public ITokenConstraint Clone() => (ITokenConstraint)MemberwiseClone();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1.2)]
    public void Next_Constraint_IsObeyedAndEachSamplerHasItsOwn(double temperature)
    {
        var given = new EvenThenOdd();
        for (ulong seed = 0; seed < 20; seed++)
        {
            var sampler = new Sampler(new(temperature, Seed: seed) { Constraint = given, LogitBias = new Dictionary<int, double> { [3] = 100 } });
            int[] tokens = [.. Enumerable.Range(0, 5).Select(_ => sampler.Next([1, 5, 2, 0, 1, 3]))];
            tokens.Take(3).ShouldAllBe(t => t % 2 == 0);
            (tokens[3], tokens[4], sampler.IsComplete).ShouldBe((3, 0, false)); // 0 is what may follow the whole form, and is even
        }
        given.Accepted.ShouldBe(0);
    }

    [Fact]
    public void LogProbabilities_OfChosenAndLikeliest_AreTheModels()
    {
        var model = Models.RandomDecoder.Of(Models.RandomDecoder.Config);
        var prompt = Models.RandomDecoder.Tokens(9);
        var engine = new Engine(model);
        using var s = engine.Start(prompt, new(1.5, TopK: 5) { MaxTokens = 6, LogProbabilities = 3 });
        while (engine.Step()) { }
        s.LogProbabilities.Count.ShouldBe(6);
        for (int i = 0; i < 6; i++)
        {
            int n = 9 + i;
            var logits = model.Forward(Tensor.From([.. s.Tokens.Take(n)], 1, n)).Narrow(1, n - 1, 1).ToArray<float>();
            double sum = Math.Log(logits.Sum(l => Math.Exp(l)));
            var noted = s.LogProbabilities[i];
            noted.Token.ShouldBe(s.Tokens[n]);
            ((double)noted.LogProbability).ShouldBe(logits[noted.Token] - sum, 1e-4);
            noted.Likeliest.Select(l => l.Token).ShouldBe(Enumerable.Range(0, 97).OrderByDescending(t => logits[t]).Take(3));
            foreach (var (token, log) in noted.Likeliest) ((double)log).ShouldBe(logits[token] - sum, 1e-4);
        }
    }
}
