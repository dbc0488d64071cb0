using Ingot.Cli;
using Ingot.Server.Load;

namespace Ingot.Server.Tests;

public class LoadTests
{
    [Fact]
    public async Task TwoThousandRequests_RudeOnesAmongThem_AreAllAnsweredRight()
    {
        const string Key = "the-right-key";
        await using var server = await TestServer.StartAsync(new() { ApiKey = Key, MostBytes = 100_000 }, serving: new() { Slots = 16, MostWaiting = 32, PrefixBytes = 1 << 20 });
        using (var first = new LoadTest(server.Client.BaseAddress!, Key, 100_000)) await first.RunAsync(500); // everything is compiled and allocated once
        long before = Memory();
        using var test = new LoadTest(server.Client.BaseAddress!, Key, 100_000);
        var result = await test.RunAsync(2000);
        result.Wrong.ShouldBeEmpty();
        result.Statuses.Keys.ShouldBe(Enum.GetValues<LoadKind>(), ignoreOrder: true);
        result.Statuses[LoadKind.Good][200].ShouldBe(700);
        for (int i = 0; i < 100 && server.Model.Loop.Running > 0; i++) await Task.Delay(20);
        server.Model.Loop.Running.ShouldBe(0);
        server.Model.Loop.Waiting.ShouldBe(0);
        Memory().ShouldBeLessThan(before + before / 5 + (20 << 20));
    }

    /// <summary>What is really held, without what waits to be collected.</summary>
    static long Memory()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    /// <summary>A queue of one: most are refused for now, each with a body that LoadTest looks at, and tried again until it is answered.</summary>
    [Fact]
    public async Task FullQueue_ManyClients_AreRefusedAsOpenAiDoes()
    {
        await using var server = await TestServer.StartAsync(serving: new() { Slots = 1, MostWaiting = 1 });
        using var test = new LoadTest(server.Client.BaseAddress!, null, 16L << 20);
        var result = await test.RunAsync(200, clients: 16);
        result.Wrong.ShouldBeEmpty();
        result.Statuses.Values.Sum(s => s.GetValueOrDefault(429)).ShouldBeGreaterThan(0);
    }

    [Fact]
    public void Growth_MoreThanATenth_Fails()
    {
        LoadCommand.Growth(200, 219).ShouldBeNull();
        LoadCommand.Growth(200, 221)!.ShouldContain("from 200 MB after 1,000 requests to 221 MB");
        LoadCommand.Growth(0, 500).ShouldBeNull();
    }

    [Fact]
    public async Task Stop_WhileAnswersAreWritten_LetsThemEnd()
    {
        await using var server = await TestServer.StartAsync(new() { Patience = TimeSpan.FromSeconds(30) });
        var answers = Enumerable.Range(0, 4).Select(_ => server.Post("v1/completions", """{"prompt": "@long", "max_tokens": 300}""")).ToList();
        for (int i = 0; i < 400 && server.Model.Loop.Running < 4; i++) await Task.Delay(5);
        await server.Server.StopAsync();
        foreach (var (status, json) in await Task.WhenAll(answers))
        {
            status.ShouldBe(200);
            json["usage"]!["completion_tokens"]!.GetValue<int>().ShouldBe(300);
        }
        await Should.ThrowAsync<HttpRequestException>(() => server.Client.GetAsync("health"));
    }

    [Fact]
    public async Task Stop_WithoutPatience_EndsStreamsWithAnError()
    {
        await using var server = await TestServer.StartAsync(new() { Patience = TimeSpan.Zero });
        var stream = server.Stream("v1/completions", """{"prompt": "@long", "max_tokens": 400, "stream": true, "n": 8}""");
        for (int i = 0; i < 400 && server.Model.Loop.Running < 8; i++) await Task.Delay(5);
        await Task.Delay(50);
        await server.Server.StopAsync();
        var events = await stream;
        events[^1].ShouldContain("shutting_down");
    }
}
