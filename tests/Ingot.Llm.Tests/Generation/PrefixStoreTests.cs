using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Llm.Tests.Models;

namespace Ingot.Llm.Tests.Generation;

public sealed class PrefixStoreTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("ingot-prefix").FullName;
    readonly Decoder model = RandomDecoder.Of(PrefixCacheTests.Config);
    readonly int[] tokens = RandomDecoder.Tokens(280, vocabulary: 297);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    string[] Files => Directory.GetFiles(folder, "*.kv");

    /// <summary>One life of a program: how many tokens it took from the folder, and the logits.</summary>
    (int Reused, long Refused, float[][] Logits) Life(CacheType type = CacheType.F32, Decoder? with = null, long quota = 1 << 28)
    {
        using var store = new PrefixStore(folder, quota, ModelIdentity.Of(with ?? model));
        var engine = PrefixCacheTests.Engine(with ?? model, type, store: store);
        int reused;
        using (var s = engine.Start(tokens.AsSpan(0, 270), new(0) { MaxTokens = 0 }))
        {
            while (engine.Step()) { }
            reused = s.Reused;
        }
        var logits = EngineInvarianceTests.LogitsOf(engine, tokens, 270);
        store.Flush();
        return (reused, store.Refused, logits);
    }

    [Theory]
    [InlineData(CacheType.F32)]
    [InlineData(CacheType.BF16)]
    [InlineData(CacheType.Int8)]
    public void Start_AfterARestart_TakesPagesWithTheSameBits(CacheType type)
    {
        var fresh = EngineInvarianceTests.LogitsOf(new(model, new EngineOptions { CacheType = type }), tokens, 270);
        var first = Life(type);
        (first.Reused, Files.Length).ShouldBe((0, 4));
        var second = Life(type);
        (second.Reused, second.Refused).ShouldBe((256, 0));
        first.Logits.ShouldBe(fresh);
        second.Logits.ShouldBe(fresh);
    }

    [Fact]
    public void Start_DamagedEntry_IsComputedRemovedAndWrittenAnew()
    {
        var fresh = Life().Logits;
        var whole = Files.ToDictionary(f => f, File.ReadAllBytes);
        var random = new Random(1);
        for (int round = 0; round < 3; round++)
        {
            foreach (var (path, bytes) in whole)
            {
                var damaged = (byte[])bytes.Clone();
                if (round % 3 == 0) damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
                else if (round % 3 == 1) damaged = damaged[..random.Next(damaged.Length)];
                else damaged = [.. damaged, 0];
                File.WriteAllBytes(path, damaged);
            }
            // A page is looked for if those before it are there: so each life finds one more that is damaged, and the fifth finds all.
            for (int life = 0; life < 5; life++)
            {
                var (reused, refused, logits) = Life();
                (reused, refused).ShouldBe((64 * life, life < 4 ? 1 : 0), $"round {round}, life {life}");
                logits.ShouldBe(fresh);
            }
            foreach (var (path, bytes) in whole) File.ReadAllBytes(path).ShouldBe(bytes);
        }
    }

    [Fact]
    public void Start_AnEntryUnderAnothersName_IsRefused()
    {
        var fresh = Life().Logits;
        var files = Files.Order().ToArray();
        var first = File.ReadAllBytes(files[0]);
        for (int i = 0; i + 1 < files.Length; i++) File.Copy(files[i + 1], files[i], overwrite: true);
        File.WriteAllBytes(files[^1], first);
        var (reused, refused, logits) = Life();
        (reused, refused).ShouldBe((0, 1));
        logits.ShouldBe(fresh);
    }

    [Fact]
    public void Start_OtherWeightsOrPages_TakeNothing()
    {
        Life();
        Life(CacheType.BF16).Reused.ShouldBe(0);
        var other = RandomDecoder.Of(PrefixCacheTests.Config, seed: 2);
        Life(with: other).Reused.ShouldBe(0);
        Life(with: RandomDecoder.Of(PrefixCacheTests.Config with { RopeTheta = 5000 })).Reused.ShouldBe(0);
        Life().Reused.ShouldBe(256);
    }

    [Fact]
    public void Save_OverTheQuota_DeletesWhatWasUsedLongestAgo()
    {
        using var store = new PrefixStore(folder, 6L * (new KvCache(PrefixCacheTests.Config).PageBytes + 1000), "m");
        var engine = PrefixCacheTests.Engine(model, store: store);
        for (int seed = 0; seed < 5; seed++)
        {
            using (engine.Start(RandomDecoder.Tokens(200, seed, 297), new(0) { MaxTokens = 0 })) while (engine.Step()) { }
            store.Flush();
        }
        Files.Length.ShouldBeInRange(3, 6);
        engine.ForgetPrefixes();
        using var s = engine.Start(RandomDecoder.Tokens(200, 4, 297), new(0) { MaxTokens = 0 });
        while (engine.Step()) { }
        s.Reused.ShouldBe(192);
    }

    [Fact]
    public async Task Start_TwoProgramsAtOnce_ShareAFolder()
    {
        var fresh = EngineInvarianceTests.LogitsOf(new(model), tokens, 270);
        for (int round = 0; round < 3; round++)
        {
            var lives = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() => Life(quota: round == 1 ? 100_000 : 1 << 28))));
            foreach (var life in lives) life.Logits.ShouldBe(fresh);
            lives.Sum(l => l.Refused).ShouldBe(0);
        }
    }

    [Fact]
    public void New_FolderThatCannotBe_SaysSo()
    {
        string file = Path.Combine(folder, "file");
        File.WriteAllText(file, "");
        Should.Throw<IngotException>(() => new PrefixStore(Path.Combine(file, "below"), 1000, "m")).Message.ShouldContain("below");
    }
}
