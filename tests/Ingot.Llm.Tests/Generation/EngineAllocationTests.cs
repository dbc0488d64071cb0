using Ingot.Llm.Generation;
using Ingot.Llm.Tests.Models;

namespace Ingot.Llm.Tests.Generation;

public class EngineAllocationTests
{
    [Theory]
    [InlineData(CacheType.F32, false)]
    [InlineData(CacheType.Int8, true)]
    public void Step_TwoHundredTokensOfThreeTexts_AllocateNothing(CacheType type, bool isSampled)
    {
        var engine = new Engine(RandomDecoder.Of(PrefixCacheTests.Config), new EngineOptions { CacheType = type });
        var options = isSampled ? new SamplingOptions(0.9) { TopK = 40, TopP = 0.9, MinP = 0.01, MaxTokens = 300 } : new SamplingOptions(0) { MaxTokens = 300 };
        long Allocated()
        {
            var texts = Enumerable.Range(0, 3).Select(i => engine.Start(RandomDecoder.Tokens(20, i, 297), options with { Seed = (ulong)i })).ToList();
            for (int i = 0; i < 60; i++) engine.Step(); // plans, packed weights, tables of positions, memory of samplers
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 200; i++) engine.Step();
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            foreach (var t in texts)
            {
                t.Tokens.Count.ShouldBe(280);
                t.Dispose();
            }
            return allocated;
        }
        Allocated(); // pages, which are objects of their own: they stay with the engine
        Allocated().ShouldBe(0);
    }
}
