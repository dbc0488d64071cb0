using System.Text;
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
        await Eventually.Holds(() => server.Model.Loop.Running == 0);
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
        await using var server = await TestServer.StartAsync(new() { Patience = TimeSpan.FromSeconds(60) });
        var loop = new HeldLoop(server.Model.Loop, texts: 4);
        var answers = Enumerable.Range(0, 4).Select(_ => server.Post("v1/completions", """{"prompt": "@long", "max_tokens": 300}""")).ToList();
        await loop.Reached;
        var stopping = server.Server.StopAsync();
        loop.Release();
        await stopping;
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
        var loop = new HeldLoop(server.Model.Loop, texts: 8);
        using var request = new HttpRequestMessage(HttpMethod.Post, "v1/completions") { Content = new StringContent("""{"prompt": "@long", "max_tokens": 400, "stream": true, "n": 8}""", Encoding.UTF8, "application/json") };
        using var response = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var events = new StreamReader(await response.Content.ReadAsStreamAsync());
        (await events.ReadLineAsync())!.ShouldStartWith("data: ");
        await loop.Reached;
        var stopping = server.Server.StopAsync();
        loop.Release();
        await stopping;
        (await events.ReadToEndAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries)[^1].ShouldContain("shutting_down");
    }
}
