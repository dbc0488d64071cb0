using Ingot.Onnx.Execution;

namespace Ingot.Onnx.Tests.Execution;

public sealed class RecentlyUsedTests
{
    [Fact]
    public void GetOrAdd_OneTooMany_DropsTheOneUnusedForLongest()
    {
        var kept = new RecentlyUsed<string>(2);
        int made = 0;
        string Get(string key) => kept.GetOrAdd(key, () => $"{key}{made++}");
        Get("a").ShouldBe("a0");
        Get("b").ShouldBe("b1");
        Get("a").ShouldBe("a0");
        Get("c").ShouldBe("c2");
        Get("a").ShouldBe("a0");
        Get("b").ShouldBe("b3");
        kept.Count.ShouldBe(2);
    }

    [Fact]
    public void TryUpdate_SomebodyElseWasFirst_LeavesTheirs()
    {
        var kept = new RecentlyUsed<string>(2);
        string first = kept.GetOrAdd("a", () => "first");
        kept.TryUpdate("a", "second", first);
        kept.TryUpdate("a", "third", first);
        kept.GetOrAdd("a", () => "none").ShouldBe("second");
    }
}
