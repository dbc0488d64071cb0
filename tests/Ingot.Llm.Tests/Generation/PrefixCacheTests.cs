using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Llm.Tests.Models;

namespace Ingot.Llm.Tests.Generation;

public class PrefixCacheTests
{
    internal static DecoderConfig Config { get; } = new() { Width = 32, Hidden = 64, Layers = 2, Heads = 4, KeyHeads = 2, HeadWidth = 8, VocabularySize = 297, ContextLength = 512 };

    internal static Engine Engine(Decoder model, CacheType type = CacheType.F32, long bytes = 1 << 24, PrefixStore? store = null) => new(model, new EngineOptions { CacheType = type, PrefixBytes = bytes, Store = store });

    [Theory]
    [InlineData(CacheType.F32)]
    [InlineData(CacheType.BF16)]
    [InlineData(CacheType.Int8)]
    public void Start_TextsThatBeginAlike_TakeTheLongestPrefixAndHaveTheBitsOfAll(CacheType type)
    {
        var model = RandomDecoder.Of(Config);
        var tokens = RandomDecoder.Tokens(300, vocabulary: 297);
        var engine = Engine(model, type);
        foreach (var (same, length, reused) in new[] { (0, 200, 0), (200, 200, 199), (200, 230, 200), (150, 230, 150), (64, 180, 64), (230, 300, 230), (10, 40, 10) })
        {
            int[] text = [.. tokens.Take(same), .. RandomDecoder.Tokens(length - same, seed: 100 + same + length, vocabulary: 297)];
            if (same == 0 || same == 200 && length == 230) text = tokens[..length];
            if (same == 230) text = tokens;
            if (same == 200 && length == 200) text = tokens[..200];
            var fresh = EngineInvarianceTests.LogitsOf(new(model, new EngineOptions { CacheType = type }), text, length - 5);
            using (var probe = engine.Start(text.AsSpan(0, length - 5), new(0) { MaxTokens = 0 }))
            {
                while (engine.Step()) { }
                probe.Reused.ShouldBe(Math.Min(reused, length - 6), $"{same} of {length}");
            }
            EngineInvarianceTests.LogitsOf(engine, text, length - 5).ShouldBe(fresh, $"{same} of {length}");
        }
    }

    [Fact]
    public void Step_AgainWithOtherEnds_DoesNotChangeWhatOthersHold()
    {
        var model = RandomDecoder.Of(Config);
        var prompt = RandomDecoder.Tokens(100, vocabulary: 297);
        var options = new SamplingOptions(1.4) { MaxTokens = 50 };
        int[] Alone(ulong seed) => [.. prompt, .. new Engine(model).Continue(prompt, options with { Seed = seed })];
        var engine = Engine(model);
        for (ulong round = 0; round < 3; round++)
        {
            // All share the page that the prompt ends in, and write on in it.
            var texts = Enumerable.Range(0, 4).Select(i => engine.Start(prompt, options with { Seed = 10 * round + (ulong)i })).ToList();
            while (engine.Step()) { }
            for (int i = 0; i < 4; i++) texts[i].Tokens.ShouldBe(Alone(10 * round + (ulong)i));
            foreach (var t in texts) t.Dispose();
        }
        engine.Cache.PagesInUse.ShouldBe(engine.PrefixPages);
    }

    [Fact]
    public void Keep_OverTheQuota_DropsWhatWasUsedLongestAgo()
    {
        var model = RandomDecoder.Of(Config);
        var engine = Engine(model, bytes: 7L * new KvCache(Config).PageBytes);
        int Run(int seed)
        {
            using var s = engine.Start(RandomDecoder.Tokens(129, seed, 297), new(0) { MaxTokens = 0 });
            while (engine.Step()) { }
            return s.Reused;
        }
        (Run(1), Run(2)).ShouldBe((0, 0)); // three pages each
        Run(1).ShouldBe(128);
        Run(3).ShouldBe(0); // the second text's last two pages go
        engine.PrefixPages.ShouldBe(7);
        (Run(1), Run(3)).ShouldBe((128, 128));
        Run(2).ShouldBe(64);
        engine.ForgetPrefixes();
        (engine.PrefixPages, engine.Cache.PagesInUse).ShouldBe((0, 0));
        Run(1).ShouldBe(0);
    }

    [Fact]
    public void Start_LongestPrefix_IsFoundAmongMany()
    {
        var engine = Engine(RandomDecoder.Of(Config));
        var begin = RandomDecoder.Tokens(70, vocabulary: 297);
        int Run(params int[] text)
        {
            using var s = engine.Start(text, new(0) { MaxTokens = 0 });
            while (engine.Step()) { }
            return s.Reused;
        }
        for (int i = 0; i < 20; i++) Run([.. begin, i, i, i, 7]);
        Run([.. begin, 5, 5, 5, 8, 9]).ShouldBe(73);
        Run([.. begin, 5, 6]).ShouldBe(71);
        Run([.. begin[..40], 200]).ShouldBe(40);
    }
}
