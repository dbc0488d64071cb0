using System.Diagnostics;
using Ingot.Llm.Serving;

namespace Ingot.Server.Tests;

/// <summary>Waits for what another thread is about to do. The time is only how long a broken program is given: machines that build and test at once are slow.</summary>
static class Eventually
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task Holds(Func<bool> condition, string? what = null)
    {
        for (var clock = Stopwatch.StartNew(); !condition(); await Task.Delay(5))
            if (clock.Elapsed > Patience) throw new TimeoutException(what ?? "what the test waits for did not come");
    }
}

/// <summary>Holds a loop still once some texts are being written and have a few tokens each, so that none ends before the test has come to its point.</summary>
sealed class HeldLoop
{
    readonly TaskCompletionSource held = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly TaskCompletionSource released = new();

    public HeldLoop(ServingLoop loop, int texts)
    {
        _ = loop.RunInPartsAsync(_ => Parts(loop, texts), CancellationToken.None);
    }

    /// <summary>The loop stands still.</summary>
    public Task Reached => held.Task.WaitAsync(TimeSpan.FromSeconds(60));

    public void Release() => released.SetResult();

    IEnumerable<string?> Parts(ServingLoop loop, int texts)
    {
        while (loop.Running < texts) yield return null;
        for (int steps = 0; steps < 5; steps++) yield return null; // a part stands between two steps
        held.SetResult();
        released.Task.Wait(TimeSpan.FromSeconds(60));
        yield return "";
    }
}
