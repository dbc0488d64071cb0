using Ingot.Llm.Generation;

namespace Ingot.Llm.Tests.Generation;

public class RowBucketsTests
{
    [Fact]
    public void For_FirstCount_IsItsPowerOfTwo() => new RowBuckets(256, 1000).For(100).ShouldBe(128);

    [Fact]
    public void For_FewRows_AreNeverFewerThanFour() => new RowBuckets(256, 1000).For(1).ShouldBe(4);

    [Fact]
    public void For_SmallerCount_RunsInTheLargerPlanUntilThatWastesMoreThanAPlanCosts()
    {
        var buckets = new RowBuckets(256, patience: 500);
        buckets.For(200).ShouldBe(256);
        buckets.For(20).ShouldBe(256); // 224 rows for nothing
        buckets.For(20).ShouldBe(256);
        buckets.For(20).ShouldBe(32);
        buckets.For(20).ShouldBe(32);
        buckets.For(10).ShouldBe(32); // the smallest that there is
        buckets.For(200).ShouldBe(256);
    }

    [Fact]
    public void For_LargerCount_NeedsAPlanOfItsOwn()
    {
        var buckets = new RowBuckets(256, 1e9);
        buckets.For(10).ShouldBe(16);
        buckets.For(17).ShouldBe(32);
    }
}
