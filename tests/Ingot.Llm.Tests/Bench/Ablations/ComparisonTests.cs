using Ingot.Bench.Ablations;

namespace Ingot.Llm.Tests.Bench.Ablations;

public class ComparisonTests
{
    static Dictionary<ulong, double> Seeds(params double[] values) => values.Select((v, i) => (Seed: (ulong)i + 1, Value: v)).ToDictionary(p => p.Seed, p => p.Value);

    static Comparison One(Dictionary<ulong, double> @base, Dictionary<ulong, double> other) => Comparison.Of(@base, [other])[0]!;

    [Fact]
    public void Variance_OfAKnownSample_IsUnbiased() => Comparison.Variance([2, 4, 4, 4, 5, 5, 7, 9]).ShouldBe(32 / 7.0, 1e-12);

    [Fact]
    public void Difference_IsTakenSeedBySeed_AsAPartOfTheBase()
    {
        // Seeds differ by far more than the two: 0.98 and 2.97 and 4.99 beside 1, 3 and 5.
        var c = One(Seeds(1, 3, 5), Seeds(0.98, 2.97, 4.99));
        c.Mean.ShouldBe(-0.02 / 3, 1e-12);
        // Alone in the list it is the typical one itself, at two degrees of freedom: s^2 / (1 - 1/9)^3.
        c.Error.ShouldBe(0.01 / Math.Sqrt(3 * Math.Pow(8 / 9.0, 3)) / 3, 1e-12);
        c.Verdict.ShouldBe(Verdict.Better);
    }

    [Theory]
    [InlineData(1.0, Verdict.Worse)]
    [InlineData(-1.0, Verdict.Better)]
    [InlineData(0.02, Verdict.NoDifference)]
    public void Verdict_NeedsTwoSigma(double shift, Verdict verdict) => One(Seeds(5, 5, 5), Seeds(5 + shift - 0.1, 5 + shift, 5 + shift + 0.1)).Verdict.ShouldBe(verdict);

    [Fact]
    public void ThreeRunsThatAgreeByLuck_AreAsUncertainAsTheOthers()
    {
        var @base = Seeds(5, 5, 5);
        var lucky = Seeds(5.0499, 5.05, 5.0501);
        One(@base, lucky).Verdict.ShouldBe(Verdict.Worse);
        Comparison.Of(@base, [lucky, Seeds(4.9, 5, 5.1), Seeds(4.9, 5, 5.1)])[0]!.Verdict.ShouldBe(Verdict.NoDifference);
    }

    [Fact]
    public void OneThatDiverged_DoesNotHideTheOthers()
    {
        var clear = Seeds(4.79, 4.8, 4.81);
        Comparison.Of(Seeds(5, 5, 5), [clear, Seeds(4.99, 5, 5.01), Seeds(6, 50, 500)])[0]!.Verdict.ShouldBe(Verdict.Better);
    }

    /// <summary>Where nothing differs, chance is taken for a difference in about one case of twenty.</summary>
    [Fact]
    public void WithoutAnyDifference_FewAreSeen()
    {
        var random = new Random(1);
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        int seen = 0, all = 0;
        for (int table = 0; table < 400; table++)
        {
            var comparisons = Comparison.Of(Seeds(5, 5, 5), [.. Enumerable.Range(0, 12).Select(_ => Seeds(5 + Normal(), 5 + Normal(), 5 + Normal()))]);
            seen += comparisons.Count(c => c!.Verdict != Verdict.NoDifference);
            all += comparisons.Count;
        }
        ((double)seen / all).ShouldBeInRange(0.005, 0.06);
    }

    [Fact]
    public void OnlyCommonSeedsCount()
    {
        var @base = Seeds(5, 6, 7);
        One(@base, new() { [2] = 6.5 }).ShouldBe(new(1, 0.5 / 6, double.NaN, Verdict.NoDifference));
        Comparison.Of(@base, [new Dictionary<ulong, double> { [9] = 1 }]).ShouldBe([null]);
    }
}
