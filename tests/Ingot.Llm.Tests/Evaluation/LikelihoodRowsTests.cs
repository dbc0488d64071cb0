using Ingot.Llm.Corpus.World;
using Ingot.Llm.Evaluation;
using Ingot.Llm.Training;

namespace Ingot.Llm.Tests.Evaluation;

public class LikelihoodRowsTests
{
    [Fact]
    public void NatsOf_TextsOfManyLengths_IsTheSumOfTheirLosses()
    {
        var model = EvaluatorTests.Untrained();
        var random = new Random(3);
        (int[] Tokens, int From)[] rows = [.. new[] { 5, 17, 18, 40, 6 }.Select(n => (Enumerable.Range(0, n).Select(_ => random.Next(400)).ToArray(), n / 2))];
        var nats = new LikelihoodRows(model).NatsOf(rows, TestContext.Current.CancellationToken);
        for (int i = 0; i < rows.Length; i++)
        {
            var (tokens, from) = rows[i];
            int n = tokens.Length - 1;
            var mask = Tensor.From([.. Enumerable.Range(1, n).Select(t => t >= from)], 1, n);
            double expected = model.Loss(Tensor.From(tokens.AsSpan(0, n).ToArray(), 1, n), Tensor.From(tokens.AsSpan(1).ToArray(), 1, n), mask).Item<float>() * (tokens.Length - from);
            nats[i].ShouldBe(expected, 1e-3);
        }
    }

    [Fact]
    public void NatsOf_LongerThanTheContext_IsTheSumOfItsStretches()
    {
        var model = EvaluatorTests.Untrained(context: 16);
        var random = new Random(3);
        int[] tokens = [.. Enumerable.Range(0, 30).Select(_ => random.Next(400))];
        var rows = new LikelihoodRows(model);
        // Targets 4 to 16 after all before them, 17 to 25 after at least eight, 26 to 29 likewise.
        var parts = rows.NatsOf([(tokens[..17], 4), (tokens[9..26], 8), (tokens[18..], 8)], TestContext.Current.CancellationToken);
        rows.NatsOf([(tokens, 4)], TestContext.Current.CancellationToken)[0].ShouldBe(parts.Sum(), 1e-3);
    }

    [Fact]
    public void BitsPerByte_Domain_IsTheLossOfItsTokens()
    {
        var (model, tokens) = (EvaluatorTests.Untrained(), EvaluatorTests.Tokens.Value);
        var source = TokenSource.OfDocuments("stories", tokens, tokens.TokenId("<|bos|>")!.Value, new WorldCorpus(WorldDefinition.BuiltIn).Documents(9).Take(20));
        var metric = new LikelihoodRows(model).BitsPerByte(source, 64, "base", cancellation: TestContext.Current.CancellationToken);
        // A row at a time through the loss that training takes.
        double nats = 0;
        long counted = 0;
        foreach (var (x, y, n) in source.InOrder(64, 1)) (nats, counted) = (nats + model.Loss(x, y).Item<float>() * (double)n, counted + n);
        metric.Value.ShouldBe(nats / counted / Math.Log(2) * source.Count / source.Bytes, 1e-4);
        (metric.Low < metric.Value && metric.Value < metric.High).ShouldBeTrue();
        metric.Name.ShouldBe("bits per byte, stories");
    }
}
