using Ingot.Llm.Compression;

namespace Ingot.Llm.Tests.Compression;

public class TokenFrequenciesTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(97)]
    [InlineData(128)]
    [InlineData(1031)]
    public void Set_AnyLogits_EveryTokenIsPossibleAndNearItsProbability(int size)
    {
        var random = new Random(size);
        float[] logits = [.. Enumerable.Range(0, size).Select(_ => (float)(20 * random.NextDouble() - 10))];
        var frequencies = new TokenFrequencies(size);
        frequencies.Set(logits);
        double all = logits.Sum(l => Math.Exp(l));
        ulong below = 0;
        for (int t = 0; t < size; t++)
        {
            ulong f = frequencies.Frequencies[t];
            f.ShouldBeGreaterThan(0UL);
            double bits = -Math.Log2(Math.Exp(logits[t]) / all);
            frequencies.Bits(t).ShouldBe(bits, 1e-4);
            if (bits < 15) (-Math.Log2(f / (double)frequencies.Total)).ShouldBe(bits, 1e-3);
            frequencies.Below(t).ShouldBe(below);
            frequencies.Find(below).ShouldBe((t, below));
            frequencies.Find(below + f - 1).ShouldBe((t, below));
            below += f;
        }
        frequencies.Total.ShouldBe(below);
    }

    [Fact]
    public void Set_FarApart_TheUnlikelyStayPossible()
    {
        var frequencies = new TokenFrequencies(5);
        frequencies.Set([1000, -1000, 0, float.NegativeInfinity, 999]);
        frequencies.Frequencies.ToArray().ShouldAllBe(f => f > 0);
        frequencies.Frequencies[3].ShouldBe(1u);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Set_NoNumbers_SaysSo(float bad) =>
        Should.Throw<IngotException>(() => new TokenFrequencies(3).Set([0, bad, 1])).Message.ShouldContain("not finite");
}
