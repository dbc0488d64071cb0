using Ingot.Llm.Generation;
using Ingot.Llm.Models;

namespace Ingot.Llm.Tests.Generation;

public class AttentionKernelTests
{
    public static TheoryData<CacheType, string> Kernels()
    {
        var data = new TheoryData<CacheType, string>();
        foreach (var type in Enum.GetValues<CacheType>())
            foreach (var width in new[] { "128", "256", "512" }) data.Add(type, width);
        return data;
    }

    /// <summary>Kernels of widths that the machine lacks run in software.</summary>
    static AttentionKernel Kernel(CacheType type, string width) => width switch
    {
        "128" => AttentionKernel.Of<Wide128>(type),
        "256" => AttentionKernel.Of<Wide256>(type),
        _ => AttentionKernel.Of<Wide512>(type),
    };

    [Theory, MemberData(nameof(Kernels))]
    public void Attend_QueriesTogether_AreAPlainSoftmaxEachAndTheBitsOfEachAlone(CacheType type, string width)
    {
        var kernel = Kernel(type, width);
        foreach (int d in new[] { 8, 12, 64, 80 })
        {
            const int Positions = 150;
            var cache = new KvCache(new() { Width = 8, Hidden = 8, Layers = 2, Heads = 2, KeyHeads = 2, HeadWidth = d, VocabularySize = 8, ContextLength = 256 }, type);
            var random = new Random(d);
            float[] Values(int count, double size) => [.. Enumerable.Range(0, count).Select(_ => (float)(size * (2 * random.NextDouble() - 1)))];
            var pages = new CachePages(cache);
            pages.Reserve(0, Positions);
            for (int p = 0; p < pages.Count; p++) pages[p].Span<float>().Fill(float.NaN); // what is not written must not count
            var plane = cache.PlaneOf(1, 1);
            var (keys, values) = (new float[Positions][], new float[Positions][]);
            for (int s = 0; s < Positions; s++)
            {
                (keys[s], values[s]) = (Values(d, 2), Values(d, 3));
                kernel.Keep(keys[s], values[s], pages[s / 64], plane, s % 64);
            }
            var queries = Values(4 * d, 1);
            (int, int)[] seen = [(0, 149), (100, 120), (64, 127), (0, 0)];
            float scale = (float)(1 / Math.Sqrt(d));
            for (int count = 1; count <= 4; count++)
            {
                var results = new float[4 * d];
                kernel.Attend(queries, d, seen.AsSpan(0, count), pages, plane, scale, results, new());
                for (int q = 0; q < count; q++)
                {
                    var alone = new float[d];
                    kernel.Attend(queries.AsSpan(q * d, d), d, seen.AsSpan(q, 1), pages, plane, scale, alone, new());
                    results.AsSpan(q * d, d).ToArray().ShouldBe(alone, $"query {q} of {count}, width {d}");
                    var expected = Plain(queries.AsSpan(q * d, d), keys, values, seen[q]);
                    double off = type switch { CacheType.F32 => 4e-6, CacheType.BF16 => 0.05, _ => 0.1 };
                    for (int i = 0; i < d; i++) Math.Abs(alone[i] - expected[i]).ShouldBeLessThan(off, $"query {q}, component {i} of {d}");
                }
            }
        }
    }

    static double[] Plain(ReadOnlySpan<float> query, float[][] keys, float[][] values, (int First, int Last) seen)
    {
        int d = query.Length;
        var scores = new double[seen.Last + 1 - seen.First];
        for (int s = 0; s < scores.Length; s++)
            for (int i = 0; i < d; i++) scores[s] += query[i] * (double)keys[seen.First + s][i] / Math.Sqrt(d);
        double sum = scores.Sum(Math.Exp);
        return [.. Enumerable.Range(0, d).Select(i => scores.Select((score, s) => Math.Exp(score) / sum * values[seen.First + s][i]).Sum())];
    }

    [Fact]
    public void Kept_BF16_RoundsToNearestEven()
    {
        BF16Pages.Kept(1.00390625f, 1).ShouldBe((ushort)0x3F80); // half way: to even
        BF16Pages.Kept(1.01171875f, 1).ShouldBe((ushort)0x3F82);
        BF16Pages.Kept(1.004f, 1).ShouldBe((ushort)0x3F81);
        float.IsNaN(BF16Pages.Value(BF16Pages.Kept(BitConverter.UInt32BitsToSingle(0x7F800001), 1))).ShouldBeTrue();
    }

    [Fact]
    public void PageBytes_OfTypes_AreFourTwoAndALittleOverOneAnElement()
    {
        DecoderConfig Config() => new() { Width = 2048, Hidden = 5632, Layers = 22, Heads = 32, KeyHeads = 4, HeadWidth = 64, VocabularySize = 32000, ContextLength = 2048 };
        int elements = 2 * 22 * 4 * 64 * 64;
        new KvCache(Config()).PageBytes.ShouldBe(4 * elements);
        new KvCache(Config(), CacheType.BF16).PageBytes.ShouldBe(2 * elements);
        new KvCache(Config(), CacheType.Int8).PageBytes.ShouldBe(elements + elements / 64 * 4);
    }
}
