using Ingot.Nn;

namespace Ingot.Tests.Nn;

public class DataLoaderTests
{
    [Fact]
    public void Batches_InOrder_WithAShortLastOne()
    {
        var loader = new DataLoader<int[]>(5, 2, ids => ids);
        loader.Select(b => string.Join(' ', b)).ShouldBe(["0 1", "2 3", "4"]);
        loader.Batches.ShouldBe(3);
        new DataLoader<int[]>(5, 2, ids => ids, dropLast: true).Count().ShouldBe(2);
        new DataLoader<int[]>(0, 2, ids => ids).ShouldBeEmpty();
    }

    [Fact]
    public void Shuffled_EachEpochHasItsOwnOrder_AndTheSeedRepeatsIt()
    {
        int[][] Epochs(DataLoader<int[]> loader) => [[.. loader.SelectMany(b => b)], [.. loader.SelectMany(b => b)]];
        var first = Epochs(new(100, 7, ids => ids, shuffleSeed: 5));
        first[0].Order().ShouldBe(Enumerable.Range(0, 100));
        first[0].ShouldNotBe(first[1]);
        Epochs(new(100, 7, ids => ids, shuffleSeed: 5)).ShouldBe(first);
        Epochs(new(100, 7, ids => ids, shuffleSeed: 6))[0].ShouldNotBe(first[0]);
        new DataLoader<int[]>(100, 7, ids => ids, shuffleSeed: 5) { Epoch = 1 }.SelectMany(b => b).ShouldBe(first[1]);
    }

    [Fact]
    public void Batches_AreMadeAhead_ButNotFurtherThanAsked()
    {
        int made = 0;
        using var batches = new DataLoader<int>(100, 1, ids => { Interlocked.Increment(ref made); return ids[0]; }, prefetch: 3).GetEnumerator();
        batches.MoveNext().ShouldBeTrue();
        SpinWait.SpinUntil(() => Volatile.Read(ref made) >= 4, 60_000).ShouldBeTrue();
        Thread.Sleep(50);
        made.ShouldBeInRange(4, 5); // one taken, three waiting, one made that does not fit
    }

    [Fact]
    public void Failure_OfTheMaker_ArrivesInTheLoop()
    {
        var loader = new DataLoader<int>(4, 1, ids => ids[0] == 2 ? throw new InvalidOperationException("broken example") : ids[0]);
        var seen = new List<int>();
        Should.Throw<InvalidOperationException>(() => { foreach (var b in loader) seen.Add(b); }).Message.ShouldBe("broken example");
        seen.ShouldBe([0, 1]);
    }

    [Fact]
    public void LeavingEarly_StopsTheMaker()
    {
        int made = 0;
        foreach (var _ in new DataLoader<int>(1_000_000, 1, ids => { Interlocked.Increment(ref made); return 0; })) break;
        int after = made;
        Thread.Sleep(50);
        made.ShouldBe(after);
    }
}
