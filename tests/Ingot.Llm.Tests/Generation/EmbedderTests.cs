using Ingot.Llm.Generation;
using Ingot.Llm.Tests.Models;

namespace Ingot.Llm.Tests.Generation;

public class EmbedderTests
{
    [Theory]
    [InlineData(Pooling.Mean)]
    [InlineData(Pooling.LastToken)]
    public void Embed_TextsOfAnyLength_ArePooledHiddenStatesAndDoNotDependOnTheOthers(Pooling pooling)
    {
        var model = RandomDecoder.Of(PrefixCacheTests.Config);
        var texts = Enumerable.Range(0, 40).Select(i => RandomDecoder.Tokens(1 + i * 37 % 130, seed: i, vocabulary: 297)).ToArray();
        var vectors = new Embedder(model).Embed(texts, pooling, isNormalised: false);
        var unit = new Embedder(model, new() { MostRows = 20 }).Embed(texts, pooling);
        for (int i = 0; i < texts.Length; i++)
        {
            int n = texts[i].Length;
            var hidden = model.Hidden(Tensor.From(texts[i], 1, n));
            var expected = (pooling == Pooling.Mean ? hidden.Mean([1]) : hidden.Narrow(1, n - 1, 1)).ToArray<float>();
            double length = Math.Sqrt(vectors[i].Sum(v => (double)v * v));
            for (int c = 0; c < 32; c++)
            {
                vectors[i][c].ShouldBe(expected[c], 1e-5);
                unit[i][c].ShouldBe((float)(vectors[i][c] / length), 1e-6);
            }
        }
        new Embedder(model).Embed([texts[17]], pooling, isNormalised: false)[0].ShouldBe(vectors[17]);
        Should.Throw<IngotException>(() => new Embedder(model).Embed([[1], []], pooling)).Message.ShouldContain("text 1 is empty");
    }
}
