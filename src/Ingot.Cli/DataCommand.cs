using System.CommandLine;
using System.Globalization;
using Ingot.Llm.Data;

namespace Ingot.Cli;

/// <summary><c>ingot data get</c>: downloads a set of text, with progress, resuming and a checksum.</summary>
static class DataCommand
{
    public static Command Create()
    {
        var what = new Argument<string>("name|url") { Description = $"One of {string.Join(", ", Download.Known.Select(k => k.Name))}, or an address that begins with http." };
        var output = new Option<string?>("--out", "-o") { Description = "Where to write it; default: the file name of the address, in this folder." };
        var sum = new Option<string?>("--sha256") { Description = "The checksum that the file must have, in hex." };
        var get = new Command("get", "Download a set of text; run it again to go on after an interruption.") { what, output, sum };
        get.SetAction(args => Get(args.GetValue(what)!, args.GetValue(output), args.GetValue(sum)));
        var list = new Command("list", "Show the sets that have a name.");
        list.SetAction(_ =>
        {
            foreach (var set in Download.Known) Console.WriteLine($"{set.Name,-20}{set.About}\n{"",-20}{set.Url}");
            return 0;
        });
        return new Command("data", "Download training data.") { get, list };
    }

    static int Get(string what, string? output, string? sum)
    {
        string url = Download.Known.FirstOrDefault(k => k.Name == what)?.Url ?? what;
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
            throw new IngotException($"'{what}' is neither an address that begins with http nor one of {string.Join(", ", Download.Known.Select(k => k.Name))}");
        string path = output ?? Path.GetFileName(address.LocalPath);
        if (path.Length == 0) throw new IngotException($"{url} has no file name; give one with --out");
        using var client = new HttpClient { Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.UserAgent.ParseAdd("ingot/0.1");
        var result = new Download(client).GetAsync(url, path, sum, new Display(), StopSignal.Token).GetAwaiter().GetResult();
        if (!Console.IsErrorRedirected) Console.Error.WriteLine();
        Console.WriteLine($"{path}  {new FileInfo(path).Length.ToString("N0", CultureInfo.InvariantCulture)} bytes  sha256 {result}");
        return 0;
    }

    /// <summary>One line on stderr that is written over, where someone looks at it; at once, unlike Progress, so that lines come in order.</summary>
    sealed class Display : IProgress<DownloadProgress>
    {
        readonly System.Diagnostics.Stopwatch clock = System.Diagnostics.Stopwatch.StartNew();

        public void Report(DownloadProgress value)
        {
            if (Console.IsErrorRedirected) return;
            double rate = (value.Bytes - value.ResumedAt) / 1e6 / Math.Max(clock.Elapsed.TotalSeconds, 0.001);
            string share = value.Total is { } total and > 0 ? $" of {total / 1e6:0.0} MB, {100.0 * value.Bytes / total:0}%" : " MB";
            Console.Error.Write(string.Create(CultureInfo.InvariantCulture, $"\r{value.Bytes / 1e6:0.0}{share}, {rate:0.0} MB/s   "));
        }
    }
}
