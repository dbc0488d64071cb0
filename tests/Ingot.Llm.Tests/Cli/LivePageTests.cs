using System.Net;
using Ingot.Cli;
using Ingot.Llm.Tests.Report;

namespace Ingot.Llm.Tests.Cli;

public class LivePageTests
{
    [Fact]
    public async Task Events_LineIsLogged_ArriveWithIt()
    {
        using var folder = new TemporaryFolder();
        await using var page = LivePage.Start(folder["later"]);
        page.Address.Host.ShouldBe("127.0.0.1");
        using var client = new HttpClient { BaseAddress = page.Address, Timeout = TimeSpan.FromSeconds(30) };
        var html = await client.GetStringAsync("/");
        html.ShouldContain("Waiting for the first step");
        var after = html.Split("data-live=")[1].Split('>')[0];

        using var stream = new StreamReader(await client.GetStreamAsync($"/events?after={after}"));
        MadeUpRun.Append(folder["later"], "base", MadeUpRun.Line(1, 4) + MadeUpRun.Line(2, 3.625));
        string? data = null;
        while (data is null && await stream.ReadLineAsync() is { } line)
            if (line.StartsWith("data: ", StringComparison.Ordinal)) data = line;
        data.ShouldNotBeNull().ShouldContain("3.625");
        data.ShouldContain("\"id\":\"chart-loss\"");
        data.ShouldNotContain("\"id\":\"facts\"");
    }

    [Fact]
    public async Task Request_OfAForeignName_IsRefused()
    {
        using var folder = new TemporaryFolder();
        await using var page = LivePage.Start(folder.Path);
        using var client = new HttpClient { BaseAddress = page.Address };
        using var foreign = new HttpRequestMessage(HttpMethod.Get, "/") { Headers = { Host = "example.com" } };
        (await client.SendAsync(foreign)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await client.GetAsync(new Uri("/../plan.json", UriKind.Relative))).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Start_PortTaken_SaysSo()
    {
        using var folder = new TemporaryFolder();
        await using var page = LivePage.Start(folder.Path);
        Should.Throw<IngotException>(() => LivePage.Start(folder.Path, page.Address.Port)).Message.ShouldContain($"port {page.Address.Port} is taken");
    }

    [Fact]
    public void Report_OfNoRun_IsAnErrorInOneLine()
    {
        using var folder = new TemporaryFolder();
        var (code, _, error) = IngotProcess.Run("report", folder["none"]);
        code.ShouldBe(1);
        error.ShouldStartWith("ingot: there is no run folder");
    }
}
