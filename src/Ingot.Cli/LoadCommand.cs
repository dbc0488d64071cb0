using System.CommandLine;
using System.Text.RegularExpressions;
using Ingot.Server.Load;

namespace Ingot.Cli;

/// <summary><c>ingot load</c>: whether a server stands many clients, the rude ones among them.</summary>
static class LoadCommand
{
    /// <summary>How much larger than after its first 1,000 requests a server may be at the end.</summary>
    const double MostGrowth = 1.1;

    public static Command Create()
    {
        var url = new Argument<string>("URL") { Description = "A server of ingot serve on this machine, such as http://localhost:8080." };
        var key = new Option<string?>("--api-key") { Description = "Its key; without one there are no requests with a wrong key." };
        var requests = Options.Number("--requests", "-n", "All of them.", 100_000);
        var clients = Options.Number("--clients", "-c", "Side by side.", 64);
        var limit = Options.Number("--max-body", null, "The server's --max-body, which some requests exceed.", 16L << 20);
        var command = new Command("load", "Test a server with a mix of good, malformed, huge, aborted and slow requests, unknown models and wrong keys. Fails at a wrong answer, or if the server has grown by more than a tenth since the first 1,000.") { url, key, requests, clients, limit };
        command.SetAction((args, _) => Run(args.GetValue(url)!, args.GetValue(key), args.GetValue(limit), args.GetValue(requests), args.GetValue(clients)));
        return command;
    }

    static async Task<int> Run(string url, string? key, long limit, int requests, int clients)
    {
        if (!Uri.TryCreate(url.TrimEnd('/') + "/", UriKind.Absolute, out var address) || !address.IsLoopback) throw new IngotException($"{url} is no address of this machine; a load test is for a server of one's own");
        if (requests < 1 || clients < 1) throw new IngotException("a load test needs at least one request and one client");
        using var test = new LoadTest(address, key, limit);
        double early = 0;
        var result = await test.RunAsync(requests, clients, done =>
        {
            double megabytes = WorkingSet(address, key);
            if (done == 1000) early = megabytes;
            if (done == 1000 || done % 10_000 == 0) Console.WriteLine($"{done,9:N0} requests, working set {megabytes:N0} MB");
        }, StopSignal.Token);
        foreach (var (kind, counts) in result.Statuses.OrderBy(s => s.Key))
            Console.WriteLine($"{kind,-14}{string.Join(", ", counts.OrderBy(c => c.Key).Select(c => $"{(c.Key == 0 ? "gone" : c.Key)}: {c.Value:N0}"))}");
        foreach (var line in result.Wrong) Console.Error.WriteLine($"ingot: {line}");
        double last = WorkingSet(address, key);
        Console.WriteLine($"{result.Requests:N0} requests in {result.Seconds:N0} s, {result.Requests / result.Seconds:N0} a second; {result.WrongCount} wrong; working set {last:N0} MB{(early > 0 ? $", {last / early:0.00} times that after 1,000" : "")}");
        var leak = Growth(early, last);
        if (leak is not null) Console.Error.WriteLine($"ingot: {leak}");
        return result.WrongCount == 0 && leak is null ? 0 : 1;
    }

    /// <summary>What is wrong with how the server has grown; null if nothing is, or if the test was too short to tell.</summary>
    /// <param name="early">MB after 1,000 requests; 0: there were not as many.</param>
    /// <param name="last">MB at the end.</param>
    internal static string? Growth(double early, double last) =>
        early > 0 && last > MostGrowth * early ? $"the server's working set has grown from {early:N0} MB after 1,000 requests to {last:N0} MB, by more than {MostGrowth:0.0} times" : null;

    /// <summary>What the server says of itself, in MB.</summary>
    static double WorkingSet(Uri address, string? key)
    {
        using var http = new HttpClient();
        if (key is not null) http.DefaultRequestHeaders.Authorization = new("Bearer", key);
        var text = http.GetStringAsync(new Uri(address, "metrics")).GetAwaiter().GetResult();
        return double.Parse(Regex.Match(text, @"^process_memory_usage_bytes (\S+)", RegexOptions.Multiline).Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture) / 1e6;
    }
}
