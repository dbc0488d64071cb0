using Ingot.Llm.Training;

namespace Ingot.Llm.Tests.Training;

public class TokenBatchesTests
{
    // Every token is its own place, so that a batch shows where it comes from.
    static readonly TokenBatches Places = new([.. Enumerable.Range(0, 1000)], 8);

    [Fact]
    public void Training_SameSeedAndStep_SameBatch()
    {
        Places.Training(3, 17, 4).Tokens.ToArray<int>().ShouldBe(Places.Training(3, 17, 4).Tokens.ToArray<int>());
        Places.Training(3, 17, 4).Tokens.ToArray<int>().ShouldNotBe(Places.Training(3, 18, 4).Tokens.ToArray<int>());
        Places.Training(3, 17, 4).Tokens.ToArray<int>().ShouldNotBe(Places.Training(4, 17, 4).Tokens.ToArray<int>());
    }

    [Fact]
    public void Training_ManySteps_CoverTheTrainingPartAndNothingElse()
    {
        var starts = new HashSet<int>();
        for (int step = 0; step < 500; step++)
        {
            var (tokens, targets) = Places.Training(1, step, 8);
            int[] x = tokens.ToArray<int>(), y = targets.ToArray<int>();
            for (int i = 0; i < x.Length; i++)
            {
                y[i].ShouldBe(x[i] + 1, "the target is the next token");
                y[i].ShouldBeLessThan(900, "the last tenth is for validation");
                if (i % 8 == 0) starts.Add(x[i]); else x[i].ShouldBe(x[i - 1] + 1);
            }
        }
        starts.Min().ShouldBe(0);
        starts.Max().ShouldBe(891);
        starts.Count.ShouldBeGreaterThan(850); // 4000 draws of 892
    }

    [Fact]
    public void Validation_Blocks_TileTheLastTenthWithoutOverlap()
    {
        var blocks = Places.Validation(5).ToList();
        blocks.Select(b => b.Tokens.Size(0)).ShouldBe([5, 5, 2]); // (100 - 1) / 8 = 12 blocks
        blocks.SelectMany(b => b.Tokens.ToArray<int>()).ShouldBe(Enumerable.Range(900, 96));
        blocks.SelectMany(b => b.Targets.ToArray<int>()).ShouldBe(Enumerable.Range(901, 96));
    }

    [Fact]
    public void Constructor_TooShortAText_SaysHowMuchIsNeeded()
    {
        Should.Throw<IngotException>(() => new TokenBatches(new int[80], 8)).Message.ShouldContain("it needs at least 90");
        _ = new TokenBatches(new int[90], 8);
    }
}
