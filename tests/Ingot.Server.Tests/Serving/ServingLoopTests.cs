using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Llm.Serving;
using Ingot.Llm.Tests;

namespace Ingot.Server.Tests.Serving;

public class ServingLoopTests
{
    static int[] Prompt(string text) => ScriptedModel.Tokenizer.Encode(text, addSpecial: false);

    static async Task<int> Count(ServedSequence sequence)
    {
        int count = 0;
        await foreach (var _ in sequence.Tokens.ReadAllAsync()) count++;
        return count;
    }

    [Fact]
    public async Task Loop_TextThatCannotGoOn_EndsAloneWithItsError()
    {
        await using var model = ScriptedModel.New();
        var nothing = new SamplingOptions(0) { LogitBias = Enumerable.Range(0, model.Tokenizer.VocabularySize).ToDictionary(t => t, _ => double.NegativeInfinity) };
        var texts = model.Loop.Submit(new TextRequest(Prompt("@long"), new(0) { MaxTokens = 300 }), new TextRequest(Prompt("ab"), nothing), new TextRequest(Prompt("@no"), new(0) { MaxTokens = 300 }));
        (await Should.ThrowAsync<IngotException>(() => Count(texts[1]))).Message.ShouldContain("logit_bias");
        (await Count(texts[0]), await Count(texts[2])).ShouldBe((300, 3));
        texts[0].Finish.ShouldBe(Finish.MaxTokens);
    }

    static Task<object> Of(ServedModel model, Func<Engine, object> errand) => model.Loop.RunInPartsAsync<object>(e => [errand(e)]);

    [Fact]
    public async Task Loop_Drafting_WritesTheSameInFewerSteps()
    {
        foreach (var options in new[] { new ServingOptions { Drafting = () => new PromptLookup() }, new ServingOptions { Draft = Draft() } })
        {
            await using var model = ScriptedModel.New(options: options);
            var texts = model.Loop.Submit(new TextRequest(Prompt("@long"), new(0) { MaxTokens = 200 }, Count: 2));
            foreach (var text in texts)
            {
                var tokens = await text.Tokens.ReadAllAsync().Select(t => t.Id).ToListAsync();
                ScriptedModel.Tokenizer.Decode([.. tokens]).ShouldBe(string.Concat(Enumerable.Repeat("tick tock ", 100)));
            }
            ((long)await Of(model, e => e.Steps)).ShouldBeLessThan(150);
        }
    }

    static LoadedModel Draft()
    {
        using var folder = new TemporaryFolder();
        ScriptedModel.Save(folder.Path);
        return LoadedModel.Load(folder.Path);
    }

    [Fact]
    public void Model_DraftWithOtherTokens_IsRefused()
    {
        using var folder = new TemporaryFolder();
        ScriptedModel.Save(folder.Path);
        File.WriteAllText(folder["tokenizer.json"], File.ReadAllText(folder["tokenizer.json"]).Replace("forty-two", "fifty-two", StringComparison.Ordinal));
        Should.Throw<IngotException>(() => ScriptedModel.New(options: new() { Draft = LoadedModel.Load(folder.Path) })).Message.ShouldContain("same tokens");
    }

    [Fact]
    public async Task Loop_KvBytes_LetTextsWaitAndLimitTheirLength()
    {
        int page = new KvCache((await Config())).PageBytes;
        await using var model = ScriptedModel.New(options: new() { KvBytes = 3 * page, PrefixBytes = 0, IdleTime = TimeSpan.FromMilliseconds(50) });
        // Two pages each: never two of them at once, and all are written.
        var most = 0L;
        var texts = model.Loop.Submit([.. Enumerable.Range(0, 4).Select(_ => new TextRequest(Prompt("@long"), new(0) { MaxTokens = 100 }))]);
        foreach (var text in texts)
        {
            (await Count(text)).ShouldBe(100);
            most = Math.Max(most, (long)await Of(model, e => e.Cache.BytesInUse));
        }
        most.ShouldBeLessThanOrEqualTo(3 * page);
        // Three pages are 192 positions.
        var endless = model.Loop.Submit(new TextRequest(Prompt("@long"), new(0)))[0];
        (await Count(endless)).ShouldBe(191);
        endless.Finish.ShouldBe(Finish.MaxTokens);
        Should.Throw<IngotException>(() => model.Loop.Submit(new TextRequest(new int[192], new(0)))).Message.ShouldContain("192");
        await Eventually.Holds(() => model.Loop.FreePages == 0);
    }

    static async Task<DecoderConfig> Config()
    {
        await using var model = ScriptedModel.New();
        return model.Model.Config;
    }

    [Fact]
    public async Task Loop_Errands_TakeTurnsAndEndWhenNobodyWaits()
    {
        await using var model = ScriptedModel.New();
        using var enough = new CancellationTokenSource();
        int parts = 0;
        bool isDisposed = false;
        IEnumerable<object?> Endless()
        {
            try
            {
                while (true)
                {
                    Interlocked.Increment(ref parts);
                    yield return null;
                }
            }
            finally { Volatile.Write(ref isDisposed, true); }
        }
        var endless = model.Loop.RunInPartsAsync(_ => Endless(), enough.Token);
        (await Count(model.Loop.Submit(new TextRequest(Prompt("@long"), new(0) { MaxTokens = 50 }))[0])).ShouldBe(50); // beside it
        (await model.ScoreAsync(Prompt("@long@no"), 0, TestContext.Current.CancellationToken)).Count.ShouldBe(2);
        (await model.EmbedAsync([Prompt("a"), Prompt("b")], Pooling.Mean, TestContext.Current.CancellationToken)).Count.ShouldBe(2);
        parts.ShouldBeGreaterThan(50);
        await enough.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => endless);
        isDisposed.ShouldBeTrue();
        var dropped = model.Loop.RunInPartsAsync(_ => Endless());
        await model.Loop.StopAsync(TimeSpan.Zero);
        await Should.ThrowAsync<LoopStoppedException>(() => dropped);
    }
}
