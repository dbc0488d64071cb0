using Ingot.Llm.Evaluation;

namespace Ingot.Llm.Tests.Evaluation;

public class IntervalTests
{
    [Theory] // from Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3
    [InlineData(81, 263, 0.2553, 0.3662)]
    [InlineData(15, 148, 0.0624, 0.1605)]
    [InlineData(0, 20, 0, 0.1611)]
    [InlineData(1, 29, 0.0061, 0.1718)]
    [InlineData(20, 20, 0.8389, 1)]
    public void Wilson_PublishedShares_HasPublishedIntervals(int right, int n, double low, double high)
    {
        var interval = Interval.Wilson(right, n);
        interval.Low.ShouldBe(low, 0.00005);
        interval.High.ShouldBe(high, 0.00005);
    }

    [Fact]
    public void Normal_KnownValues_IsMeanAndDeviation()
    {
        var (mean, low, high) = Interval.Normal([1, 2, 3, 4]);
        mean.ShouldBe(2.5);
        (high - low).ShouldBe(2 * 1.959964 * Math.Sqrt(5 / 3.0 / 4), 1e-5);
    }

    [Fact]
    public void Estimate_AllChoicesOfK_IsTheirShareWithOneRight()
    {
        // Counting: of the sets of k among n samples, those that hold at least one of the c right ones.
        foreach (var (n, c, k) in new[] { (5, 2, 1), (5, 2, 3), (8, 1, 4), (10, 0, 8), (10, 3, 8), (6, 6, 2) })
        {
            int all = 0, good = 0;
            for (int set = 0; set < 1 << n; set++)
                if (int.PopCount(set) == k)
                {
                    all++;
                    if ((set & ((1 << c) - 1)) != 0) good++;
                }
            PassAtK.Estimate(n, c, k).ShouldBe(good / (double)all, 1e-12);
        }
    }
}
