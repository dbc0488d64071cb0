using Ingot.Llm.Generation;
using Ingot.Llm.Models;

namespace Ingot.Llm.Tests.Generation;

public class GeneratorTests
{
    /// <summary>A causal model one can follow: after token n it favours n + 1.</summary>
    sealed class Counting : ILanguageModel
    {
        public int ContextLength => 40;
        public int VocabularySize => 10;
        public List<int> Lengths { get; } = [];

        public Tensor Forward(Tensor tokens)
        {
            Lengths.Add(tokens.Size(1));
            var logits = tokens.ToArray<int>().SelectMany(t => Enumerable.Range(0, 10).Select(v => v == (t + 1) % 10 ? 5f : v == t ? 4f : 0f)).ToArray();
            return Tensor.From(logits, 1, tokens.Size(1), 10);
        }
    }

    [Fact]
    public void Continue_Greedy_TakesTheBestEachTime() =>
        new Generator(new Counting()).Continue([7], new(Temperature: 0)).Take(5).ShouldBe([8, 9, 0, 1, 2]);

    [Fact]
    public void Continue_PastTheContext_SeesTheEndOfTheText()
    {
        var model = new Counting();
        new Generator(model).Continue([.. Enumerable.Repeat(3, 38)], new(Temperature: 0)).Take(6).ShouldBe([4, 5, 6, 7, 8, 9]);
        model.Lengths.ShouldAllBe(l => l == 40);
    }

    [Fact]
    public void Continue_GrowingText_UsesFewLengths()
    {
        var model = new Counting();
        _ = new Generator(model).Continue([1], new(Temperature: 0)).Take(60).ToList();
        model.Lengths.Distinct().ShouldBe([32, 40]);
    }

    [Fact]
    public void Continue_SameSeed_SameText()
    {
        int[] Text(ulong seed) => [.. new Generator(new Counting()).Continue([0], new(Temperature: 3, Seed: seed)).Take(30)];
        Text(1).ShouldBe(Text(1));
        Text(1).ShouldNotBe(Text(2));
    }

    [Fact]
    public void Continue_TopK_ChoosesAmongThem()
    {
        var text = new Generator(new Counting()).Continue([0], new(Temperature: 100, TopK: 2)).Take(50).ToList();
        int before = 0, steps = 0;
        foreach (int t in text)
        {
            (t == before || t == (before + 1) % 10).ShouldBeTrue();
            if (t != before) steps++;
            before = t;
        }
        steps.ShouldBeInRange(10, 40); // nearly a coin toss at this temperature
    }

    [Fact]
    public void Continue_EmptyPrompt_Throws() => Should.Throw<IngotException>(() => new Generator(new Counting()).Continue([], new()));

    [Theory]
    [InlineData(-1.0, 0)]
    [InlineData(double.NaN, 0)]
    [InlineData(1.0, -1)]
    public void Continue_ImpossibleOptions_Throws(double temperature, int topK) =>
        Should.Throw<IngotException>(() => new Generator(new Counting()).Continue([1], new(temperature, topK)));

    [Fact]
    public void Choose_ManyDraws_FollowTheSoftmax()
    {
        float[] logits = [0, 1, 2, -1];
        var counts = new int[4];
        const int n = 10_000;
        for (int i = 0; i < n; i++) counts[Sampler.Choose((float[])logits.Clone(), new(Temperature: 0.5), (i + 0.5) / n)]++;
        double sum = logits.Sum(l => Math.Exp(l / 0.5));
        for (int i = 0; i < 4; i++) (counts[i] / (double)n).ShouldBe(Math.Exp(logits[i] / 0.5) / sum, 2e-4);
    }

    [Fact]
    public void Choose_TopKWithTies_KeepsTheFirst()
    {
        for (int i = 0; i < 20; i++) Sampler.Choose(new float[] { 1, 1, 1 }, new(Temperature: 1, TopK: 2), i / 20.0).ShouldBeInRange(0, 1);
    }
}
