using Microsoft.Playwright;

namespace Ingot.Server.Tests.Page;

/// <summary>What a script of a page does, counted by the browser (V8's precise coverage): how often its functions and their blocks were entered. Unlike a time it does not depend on the machine.</summary>
sealed class CountedScript : IAsyncDisposable
{
    readonly IPage page;
    readonly ICDPSession session;
    readonly string script;

    CountedScript(IPage page, ICDPSession session, string script) => (this.page, this.session, this.script) = (page, session, script);

    /// <param name="page">Where it runs.</param>
    /// <param name="script">What its address ends with.</param>
    public static async Task<CountedScript> Of(IPage page, string script)
    {
        var session = await page.Context.NewCDPSessionAsync(page);
        await session.SendAsync("Profiler.enable");
        await session.SendAsync("Profiler.startPreciseCoverage", new() { ["callCount"] = true, ["detailed"] = true });
        return new(page, session, script);
    }

    /// <summary>What a piece of program makes it do.</summary>
    public async Task<long> Of(string program, object argument)
    {
        await session.SendAsync("Profiler.takePreciseCoverage"); // which begins at 0 again
        await page.EvaluateAsync(program, argument);
        var coverage = await session.SendAsync("Profiler.takePreciseCoverage");
        return coverage!.Value.GetProperty("result").EnumerateArray().Where(s => s.GetProperty("url").GetString()!.EndsWith(script, StringComparison.Ordinal))
            .SelectMany(s => s.GetProperty("functions").EnumerateArray()).SelectMany(f => f.GetProperty("ranges").EnumerateArray()).Sum(r => r.GetProperty("count").GetInt64());
    }

    public async ValueTask DisposeAsync() => await session.DetachAsync();
}
