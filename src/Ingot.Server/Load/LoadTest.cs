using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Ingot.Server.Load;

/// <summary>What a request of a load test is, and what it is to get.</summary>
public enum LoadKind
{
    /// <summary>A short chat: 200.</summary>
    Good,
    /// <summary>The same, streamed: 200.</summary>
    Streamed,
    /// <summary>No JSON, or a field of the wrong type: 400.</summary>
    Malformed,
    /// <summary>A body over the server's limit: 413.</summary>
    Huge,
    /// <summary>A client that goes while the answer is written.</summary>
    Aborted,
    /// <summary>A client that reads a few bytes at a time: 200.</summary>
    Slow,
    /// <summary>A model that there is not: 404.</summary>
    UnknownModel,
    /// <summary>A wrong key: 401.</summary>
    WrongKey,
}

/// <summary>What came of a load test.</summary>
/// <param name="Requests">All of them.</param>
/// <param name="Statuses">Of each kind, how often each status; 0 where the client went.</param>
/// <param name="Wrong">Responses that were not as they ought to be, the first few of them.</param>
/// <param name="WrongCount">All of those.</param>
/// <param name="Seconds">From the first to the last.</param>
public sealed record LoadResult(int Requests, IReadOnlyDictionary<LoadKind, IReadOnlyDictionary<int, int>> Statuses, IReadOnlyList<string> Wrong, int WrongCount, double Seconds);

/// <summary>Many clients with a mix of good, wrong and rude requests against a server on this machine. A refusal for a full queue (429 with Retry-After) is a right answer, after which the client waits and tries again.</summary>
/// <param name="address">Of the server.</param>
/// <param name="key">The server's key, if it has one; without one there are no requests with a wrong key.</param>
/// <param name="bodyLimit">The server's limit of a request.</param>
public sealed class LoadTest(Uri address, string? key, long bodyLimit) : IDisposable
{
    // Of twenty requests in turn.
    static readonly LoadKind[] Mix =
    [
        LoadKind.Good, LoadKind.Streamed, LoadKind.Malformed, LoadKind.Good, LoadKind.UnknownModel, LoadKind.Streamed, LoadKind.WrongKey, LoadKind.Good, LoadKind.Aborted, LoadKind.Good,
        LoadKind.Streamed, LoadKind.Malformed, LoadKind.Good, LoadKind.WrongKey, LoadKind.Good, LoadKind.Streamed, LoadKind.UnknownModel, LoadKind.Good, LoadKind.Aborted, LoadKind.Slow,
    ];

    /// <summary>Of how many requests one is huge: each is more than the limit, and they would be all that the test does.</summary>
    const int HugeEvery = 200;

    static readonly string[] MalformedBodies = ["{\"messages\": [", "not json", "{\"messages\": \"hi\"}", "{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}], \"temperature\": \"hot\"}", "[]", "{\"messages\": [{\"role\": 5}]}", ""];

    readonly HttpClient http = new(new SocketsHttpHandler { MaxConnectionsPerServer = 512 }) { BaseAddress = address, Timeout = TimeSpan.FromSeconds(120) };
    readonly ConcurrentDictionary<(LoadKind, int), int> statuses = [];
    readonly ConcurrentQueue<string> wrong = [];
    readonly Lazy<string> huge = new(() => $"{{\"messages\": [{{\"role\": \"user\", \"content\": \"{new string('x', (int)Math.Min(bodyLimit + 1000, 1 << 28))}\"}}]}}");
    int next, wrongCount;

    /// <summary>Runs it.</summary>
    /// <param name="requests">All of them.</param>
    /// <param name="clients">Side by side.</param>
    /// <param name="progress">Told of each thousandth.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task<LoadResult> RunAsync(int requests, int clients = 64, Action<int>? progress = null, CancellationToken cancellation = default)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(async () =>
        {
            for (int i; (i = Interlocked.Increment(ref next) - 1) < requests;)
            {
                await One(i, cancellation);
                if ((i + 1) % 1000 == 0) progress?.Invoke(i + 1);
            }
        }, cancellation)));
        var table = statuses.GroupBy(s => s.Key.Item1).ToDictionary(g => g.Key, IReadOnlyDictionary<int, int> (g) => g.ToDictionary(s => s.Key.Item2, s => s.Value));
        return new(requests, table, [.. wrong], wrongCount, clock.Elapsed.TotalSeconds);
    }

    async Task One(int i, CancellationToken cancellation)
    {
        var kind = i % HugeEvery == HugeEvery - 1 ? LoadKind.Huge : Mix[i % Mix.Length];
        if (kind == LoadKind.WrongKey && key is null) kind = LoadKind.Good;
        try
        {
            switch (kind)
            {
                case LoadKind.Good or LoadKind.Streamed: await Answered(kind, i, cancellation); break;
                case LoadKind.Malformed: await Refused(kind, 400, MalformedBodies[i % MalformedBodies.Length], key, cancellation); break;
                case LoadKind.Huge: await Refused(kind, 413, huge.Value, key, cancellation); break;
                case LoadKind.UnknownModel: await Refused(kind, 404, Chat(i, "no-such-model"), key, cancellation); break;
                case LoadKind.WrongKey: await Refused(kind, 401, Chat(i), "wrong-" + key, cancellation); break;
                case LoadKind.Aborted: await Aborted(i, cancellation); break;
                default: await Slow(i, cancellation); break;
            }
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested) { Wrong($"{kind}: {e.GetType().Name}: {e.Message}"); }
    }

    static string Chat(int i, string? model = null, int tokens = 8, bool isStream = false) =>
        $"{{{(model is null ? "" : $"\"model\": \"{model}\", ")}\"messages\": [{{\"role\": \"user\", \"content\": \"question {i % 997}\"}}], \"max_tokens\": {tokens}, \"stream\": {(isStream ? "true" : "false")}}}";

    static HttpRequestMessage Request(string body, string? withKey)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "v1/chat/completions") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        if (withKey is not null) request.Headers.Authorization = new("Bearer", withKey);
        return request;
    }

    async Task Answered(LoadKind kind, int i, CancellationToken cancellation)
    {
        while (true)
        {
            using var response = await http.SendAsync(Request(Chat(i, isStream: kind == LoadKind.Streamed), key), cancellation);
            string text = await response.Content.ReadAsStringAsync(cancellation);
            Count(kind, (int)response.StatusCode);
            if (response.StatusCode == HttpStatusCode.TooManyRequests)
            {
                if (response.Headers.RetryAfter is null || !IsError(text)) Wrong($"{kind}: 429 without Retry-After or without an error's body: {Start(text)}");
                await Task.Delay(200, cancellation);
                continue;
            }
            bool isWhole = kind == LoadKind.Streamed ? text.EndsWith("data: [DONE]\n\n", StringComparison.Ordinal) : text.EndsWith('}');
            if (response.StatusCode != HttpStatusCode.OK || !isWhole) Wrong($"{kind}: {(int)response.StatusCode} {Start(text)}");
            return;
        }
    }

    async Task Refused(LoadKind kind, int status, string body, string? withKey, CancellationToken cancellation)
    {
        using var response = await http.SendAsync(Request(body, withKey), cancellation);
        string text = await response.Content.ReadAsStringAsync(cancellation);
        Count(kind, (int)response.StatusCode);
        if ((int)response.StatusCode != status || !IsError(text)) Wrong($"{kind}: {(int)response.StatusCode} instead of {status}: {Start(text)}");
    }

    static bool IsError(string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            var error = json.RootElement.GetProperty("error");
            return error.GetProperty("message").GetString() is { Length: > 0 } && error.GetProperty("type").ValueKind == JsonValueKind.String && error.TryGetProperty("param", out _) && error.TryGetProperty("code", out _);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException) { return false; }
    }

    async Task Aborted(int i, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(5 + i % 50);
        try
        {
            using var response = await http.SendAsync(Request(Chat(i, tokens: 64, isStream: true), key), HttpCompletionOption.ResponseHeadersRead, limit.Token);
            int status = (int)response.StatusCode;
            Count(LoadKind.Aborted, status);
            if (status is not (200 or 429)) Wrong($"Aborted: {status}");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested) { Count(LoadKind.Aborted, 0); }
    }

    /// <summary>On a socket of its own with a small window, a few bytes at a time.</summary>
    async Task Slow(int i, CancellationToken cancellation)
    {
        using var socket = new TcpClient { ReceiveBufferSize = 1024 };
        await socket.ConnectAsync(address.Host, address.Port, cancellation);
        string body = Chat(i, tokens: 16, isStream: true), authorization = key is null ? "" : $"Authorization: Bearer {key}\r\n";
        var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.UTF8.GetBytes($"POST /v1/chat/completions HTTP/1.1\r\nHost: {address.Authority}\r\nConnection: close\r\n{authorization}Content-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}"), cancellation);
        var (text, part) = (new StringBuilder(), new byte[128]);
        for (int n, reads = 0; (n = await stream.ReadAsync(part, cancellation)) > 0; reads++)
        {
            text.Append(Encoding.UTF8.GetString(part, 0, n));
            if (reads < 20) await Task.Delay(3, cancellation);
        }
        string all = text.ToString();
        int status = all.Length > 12 && int.TryParse(all.AsSpan(9, 3), out int s) ? s : 0;
        Count(LoadKind.Slow, status);
        if (status != 429 && (status != 200 || !all.Contains("[DONE]", StringComparison.Ordinal))) Wrong($"Slow: {Start(all)}");
    }

    void Count(LoadKind kind, int status) => statuses.AddOrUpdate((kind, status), 1, (_, n) => n + 1);

    void Wrong(string what)
    {
        Interlocked.Increment(ref wrongCount);
        if (wrong.Count < 20) wrong.Enqueue(what);
    }

    public void Dispose() => http.Dispose();

    static string Start(string text) => text.Length <= 300 ? text : text[..300];
}
