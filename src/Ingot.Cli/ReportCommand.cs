using System.CommandLine;
using Ingot.Llm.Report;

namespace Ingot.Cli;

/// <summary><c>ingot report</c>: report.html, report.md and report.json of a run, or a page that follows it.</summary>
static class ReportCommand
{
    public static Command Create()
    {
        var run = new Argument<string>("run") { Description = "Folder of the run: what --out of ingot speedrun named." };
        var live = new Option<bool>("--live") { Description = "Serve a page that follows the run, of this or another process, until Ctrl-C." };
        var port = Options.Number("--port", null, "Of the live page, on this machine only; 0: any that is free.", 0);
        var command = new Command("report", "Write report.html, report.md and report.json of a run, also of one that is going on.") { run, live, port };
        command.SetAction(async (args, _) =>
        {
            string folder = args.GetValue(run)!;
            if (string.IsNullOrWhiteSpace(folder)) throw new IngotException("report takes the folder of a run, not an empty text");
            if (args.GetValue(live)) return await Follow(folder, args.GetValue(port));
            RunReport.Read(folder).Write();
            foreach (var name in new[] { "report.html", "report.md", "report.json" }) Console.WriteLine(Path.Combine(folder, name));
            return 0;
        });
        return command;
    }

    static async Task<int> Follow(string folder, int port)
    {
        if (port is < 0 or > 65535) throw new IngotException($"--port takes a number from 0 to 65535, not {port}");
        await using var page = LivePage.Start(folder, port);
        Console.WriteLine(Directory.Exists(folder) ? $"{folder} at {page.Address}" : $"{folder} at {page.Address} (the folder is not there yet; the page waits for it)");
        try { await Task.Delay(Timeout.Infinite, StopSignal.Token); }
        catch (OperationCanceledException) { } // Ctrl-C is how this ends
        return 0;
    }
}
