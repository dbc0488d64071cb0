using System.Net;
using System.Security.Cryptography;
using Ingot.Llm.Data;

namespace Ingot.Llm.Tests.Data;

public sealed class DownloadTests : IDisposable
{
    readonly TemporaryFolder folder = new();
    readonly HttpClient client = new();
    readonly byte[] content = new byte[300_000];
    readonly string sum;

    public DownloadTests()
    {
        new Random(1).NextBytes(content);
        sum = Convert.ToHexStringLower(SHA256.HashData(content));
    }

    public void Dispose()
    {
        client.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task Get_WholeFile_HasChecksumProgressAndNoLeftovers()
    {
        using var server = new FileServer(content);
        var seen = new Progress();
        (await new Download(client).GetAsync(server.Url, folder["f"], sum, seen)).ShouldBe(sum);
        File.ReadAllBytes(folder["f"]).ShouldBe(content);
        seen.Last.ShouldBe(new DownloadProgress(content.Length, content.Length, 0));
        Directory.GetFiles(folder.Path).Length.ShouldBe(1);
        // Once it is there, nobody asks for it again.
        await new Download(client).GetAsync(server.Url, folder["f"], sum);
        server.Requests.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Get_AfterAnInterruption_FetchesOnlyTheRest()
    {
        using var server = new FileServer(content) { BreakAfter = 100_000 };
        await Should.ThrowAsync<IngotException>(() => new Download(client).GetAsync(server.Url, folder["f"], sum));
        File.Exists(folder["f"]).ShouldBeFalse();
        long have = new FileInfo(folder["f.part"]).Length;
        have.ShouldBeInRange(1, 100_000);
        server.BreakAfter = null;
        var seen = new Progress();
        await new Download(client).GetAsync(server.Url, folder["f"], sum, seen);
        File.ReadAllBytes(folder["f"]).ShouldBe(content);
        server.Requests[1].ShouldBe($"bytes={have}-");
        seen.Last.ResumedAt.ShouldBe(have);
    }

    [Fact]
    public async Task Get_FileChangedBetweenTries_StartsAgain()
    {
        using var server = new FileServer(content) { BreakAfter = 100_000 };
        await Should.ThrowAsync<IngotException>(() => new Download(client).GetAsync(server.Url, folder["f"]));
        (server.BreakAfter, server.ETag) = (null, "\"two\"");
        await new Download(client).GetAsync(server.Url, folder["f"], sum);
        File.ReadAllBytes(folder["f"]).ShouldBe(content);
    }

    [Fact]
    public async Task Get_WrongChecksum_RemovesWhatCameAndKeepsTheOldFile()
    {
        using var server = new FileServer(content);
        File.WriteAllText(folder["f"], "old");
        (await Should.ThrowAsync<IngotException>(() => new Download(client).GetAsync(server.Url, folder["f"], new string('0', 64)))).Message.ShouldContain(sum);
        File.ReadAllText(folder["f"]).ShouldBe("old");
        Directory.GetFiles(folder.Path).Length.ShouldBe(1);
    }

    [Fact]
    public async Task Get_Absent_NamesTheAnswer()
    {
        using var server = new FileServer(content) { Status = 404 };
        (await Should.ThrowAsync<IngotException>(() => new Download(client).GetAsync(server.Url, folder["f"]))).Message.ShouldContain("404");
        (await Should.ThrowAsync<IngotException>(() => new Download(client).GetAsync(server.Url, folder["f"], "xyz"))).Message.ShouldContain("64 hexadecimal");
    }

    sealed class Progress : IProgress<DownloadProgress>
    {
        public DownloadProgress Last { get; private set; }

        public void Report(DownloadProgress value) => Last = value;
    }

    /// <summary>A server of one file that knows ranges and can hang up in the middle.</summary>
    sealed class FileServer : IDisposable
    {
        readonly HttpListener listener = new();
        readonly byte[] content;

        public FileServer(byte[] content)
        {
            this.content = content;
            var probe = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
            probe.Start();
            Url = $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}/";
            probe.Stop();
            listener.Prefixes.Add(Url);
            listener.Start();
            _ = Task.Run(Serve);
        }

        public string Url { get; }
        public int? BreakAfter { get; set; }
        public int Status { get; set; } = 200;
        public string ETag { get; set; } = "\"one\"";
        public List<string?> Requests { get; } = [];

        public void Dispose() => listener.Close();

        async Task Serve()
        {
            while (listener.IsListening)
            {
                HttpListenerContext context;
                try { context = await listener.GetContextAsync(); }
                catch (Exception e) when (e is HttpListenerException or ObjectDisposedException) { return; }
                var (request, response) = (context.Request, context.Response);
                Requests.Add(request.Headers["Range"]);
                response.StatusCode = Status;
                response.Headers["ETag"] = ETag;
                if (Status != 200) { response.Close(); continue; }
                int from = 0;
                if (request.Headers["Range"] is ['b', 'y', 't', 'e', 's', '=', .. var range] && request.Headers["If-Range"] == ETag)
                {
                    from = int.Parse(range.TrimEnd('-'));
                    response.StatusCode = 206;
                    response.Headers["Content-Range"] = $"bytes {from}-{content.Length - 1}/{content.Length}";
                }
                response.ContentLength64 = content.Length - from;
                try
                {
                    await response.OutputStream.WriteAsync(content.AsMemory(from, Math.Min(BreakAfter ?? int.MaxValue, content.Length - from)));
                    await response.OutputStream.FlushAsync();
                    if (BreakAfter is null) response.Close();
                    else response.Abort();
                }
                catch (Exception e) when (e is HttpListenerException or InvalidOperationException) { response.Abort(); }
            }
        }
    }
}
