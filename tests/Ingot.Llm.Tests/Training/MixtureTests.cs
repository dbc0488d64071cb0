using Ingot.Llm.Tokenizers;
using Ingot.Llm.Training;

namespace Ingot.Llm.Tests.Training;

public class MixtureTests
{
    static readonly CharTokenizer Letters = CharTokenizer.Train("\0abcdefgh");

    static TokenSource Source(string name, string text) => TokenSource.OfDocuments(name, Letters, 0, [text]);

    static Mixture Of(Mix mix) => new([Source("a", new string('a', 50)), Source("b", new string('b', 70))], mix, 8);

    [Fact]
    public void Batch_MixesByProgress()
    {
        int b = Letters.Encode("b")[0];
        var mixture = Of(progress => new Dictionary<string, double> { ["a"] = 1 - progress, ["b"] = progress });
        double PartOfB(int step) => mixture.Batch(1, step, 100, 0, 400).Tokens.ToArray<int>().Chunk(8).Count(row => row.Contains(b)) / 400.0;
        PartOfB(0).ShouldBe(0);
        PartOfB(25).ShouldBe(0.25, 0.08);
        PartOfB(75).ShouldBe(0.75, 0.08);
    }

    [Fact]
    public void Batch_IsAFunctionOfSeedAndStep_RowByRow()
    {
        var mixture = Of(_ => new Dictionary<string, double> { ["a"] = 1, ["b"] = 1 });
        int[] all = mixture.Batch(1, 3, 10, 0, 6).Tokens.ToArray<int>();
        int[] parts = [.. mixture.Batch(1, 3, 10, 0, 2).Tokens.ToArray<int>(), .. mixture.Batch(1, 3, 10, 2, 4).Tokens.ToArray<int>()];
        parts.ShouldBe(all);
        mixture.Batch(1, 4, 10, 0, 6).Tokens.ToArray<int>().ShouldNotBe(all);
        mixture.Batch(2, 3, 10, 0, 6).Tokens.ToArray<int>().ShouldNotBe(all);
    }

    [Fact]
    public void Batch_TargetsAreTheTokensThatFollow()
    {
        var mixture = new Mixture(Source("a", "abcdefgh"), 5);
        var (x, y) = mixture.Batch(1, 0, 1, 0, 50);
        foreach (var (tokens, targets) in x.ToArray<int>().Chunk(5).Zip(y.ToArray<int>().Chunk(5)))
        {
            targets[..4].ShouldBe(tokens[1..]);
            targets[4].ShouldBe((tokens[4] + 1) % 9); // \0abcdefgh goes round
        }
    }

    [Fact]
    public void Mix_ThatCannotBe_SaysWhy()
    {
        Should.Throw<IngotException>(() => Of(_ => new Dictionary<string, double> { ["c"] = 1 })).Message.ShouldContain("'c'");
        Should.Throw<IngotException>(() => Of(_ => new Dictionary<string, double> { ["a"] = 0 })).Message.ShouldContain("one must be positive");
        Should.Throw<IngotException>(() => Of(p => new Dictionary<string, double> { ["a"] = 1, ["b"] = -p })).Message.ShouldContain("not be negative");
        Should.Throw<IngotException>(() => new Mixture([Source("a", "a"), Source("a", "b")], _ => new Dictionary<string, double> { ["a"] = 1 }, 4)).Message.ShouldContain("same name");
    }
}
