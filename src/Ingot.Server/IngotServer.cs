using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Ingot.Llm.Serving;
using Ingot.Server.Api;
using Ingot.Server.Page;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Ingot.Server;

/// <summary>Models behind OpenAI's API and a chat page.</summary>
public sealed class IngotServer : IAsyncDisposable
{
    /// <summary>What asks for the system's signals in a web application's place: nobody. Ctrl-C is the command's.</summary>
    sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    delegate Task Handler(HttpContext context);

    readonly WebApplication app;
    readonly ServerOptions options;
    readonly Models models;
    readonly ServerMetrics metrics;
    readonly PrometheusText prometheus;
    readonly Dictionary<(string Path, string Method), Handler> routes;
    readonly byte[]? key;
    readonly bool isLoopback;
    bool isStopped;

    IngotServer(ServerOptions options, IReadOnlyList<ServedModel> served)
    {
        (this.options, models) = (options.Checked(), new(served));
        metrics = new(models);
        prometheus = new(metrics.Meter);
        key = options.ApiKey is { } text ? Hash(text) : null;
        isLoopback = IPAddress.IsLoopback(options.Address);
        routes = Routes();
        app = Build();
    }

    /// <summary>Where it is reached.</summary>
    public Uri Address { get; private set; } = null!;

    /// <summary>Begins to serve.</summary>
    /// <param name="options">How it is reached, and what it allows.</param>
    /// <param name="models">At least one; the first answers where a request names none. They stay the caller's to dispose, after the server.</param>
    /// <exception cref="IngotException">The port is taken, or another address than loopback has no key.</exception>
    public static async Task<IngotServer> StartAsync(ServerOptions options, params IReadOnlyList<ServedModel> models)
    {
        if (models.Count == 0) throw new IngotException("there is no model to serve");
        if (models.GroupBy(m => m.Name).FirstOrDefault(g => g.Count() > 1) is { } twice) throw new IngotException($"two models are named {twice.Key}");
        var server = new IngotServer(options, models);
        try { await server.app.StartAsync(); }
        catch (Exception e) when (e is IOException or SocketException) // taken; not ours to take (a low port), not of this machine
        {
            await server.DisposeAsync();
            throw new IngotException($"cannot listen on {options.Host} port {options.Port}: {e.Message.TrimEnd('.')}. Give another port with --port, 0 for any that is free, or an address of this machine with --host", e);
        }
        server.Address = new(server.app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First().Replace("0.0.0.0", "127.0.0.1", StringComparison.Ordinal).Replace("[::]", options.IsAny ? "127.0.0.1" : "[::1]", StringComparison.Ordinal));
        return server;
    }

    WebApplication Build()
    {
        var builder = WebApplication.CreateEmptyBuilder(new() { ApplicationName = "ingot", ContentRootPath = AppContext.BaseDirectory });
        builder.WebHost.UseKestrelCore().ConfigureKestrel(o =>
        {
            if (options.IsAny) o.ListenAnyIP(options.Port); // IPv4 and, where there is IPv6, that too
            else o.Listen(options.Address, options.Port);
            o.AddServerHeader = false;
            o.Limits.MaxConcurrentConnections = options.MostConnections;
            o.Limits.MaxRequestBodySize = null; // RequestBody has the limit, and lets the sender come to read the answer
        });
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(2));
        var built = builder.Build();
        built.Run(Answer);
        return built;
    }

    Dictionary<(string, string), Handler> Routes()
    {
        var chat = new ChatEndpoint(models, metrics, options.MostBytes);
        var completions = new CompletionEndpoint(models, metrics, options.MostBytes);
        var embeddings = new EmbeddingEndpoint(models, metrics, options.MostBytes);
        var feedback = new FeedbackEndpoint(options.FeedbackFile, options.MostBytes);
        var tools = new ToolsEndpoint(options.Tools, options.MostBytes);
        var all = new Dictionary<(string, string), Handler>
        {
            [("/v1/chat/completions", "POST")] = chat.Answer,
            [("/v1/completions", "POST")] = completions.Answer,
            [("/v1/embeddings", "POST")] = embeddings.Answer,
            [("/v1/models", "GET")] = models.List,
            [("/health", "GET")] = c => Json.SendAsync(c, new JsonObject { ["status"] = "ok" }),
            [("/metrics", "GET")] = Metrics,
            [("/api/settings", "GET")] = c => Json.SendAsync(c, new JsonObject { ["feedback"] = options.FeedbackFile is not null, ["tools"] = options.Tools is not null }),
            [("/api/feedback", "POST")] = feedback.Answer,
            [("/api/tools", "GET")] = tools.List,
            [("/api/tools/call", "POST")] = tools.Call,
        };
        foreach (var (path, file) in PageFiles.All) all[(path, "GET")] = file.Send;
        return all;
    }

    async Task Metrics(HttpContext context)
    {
        context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        await context.Response.WriteAsync(prometheus.Write(), context.RequestAborted);
    }

    async Task Answer(HttpContext context)
    {
        string path = context.Request.Path.Value ?? "/", route = routes.Keys.Any(r => r.Path == path) ? path : path.StartsWith("/v1/models/", StringComparison.Ordinal) ? "/v1/models/{model}" : "other";
        // Other sites' pages may not have answers even as scripts or pictures, for which browsers send no Origin.
        context.Response.Headers.XContentTypeOptions = "nosniff";
        context.Response.Headers["Cross-Origin-Resource-Policy"] = "same-origin";
        try
        {
            RequireSameSite(context.Request);
            var handler = Find(context, path);
            RequireKey(context.Request, path);
            await handler(context);
        }
        catch (Exception e) when (context.RequestAborted.IsCancellationRequested || e is OperationCanceledException)
        {
            context.Abort(); // nobody listens any more
            return;
        }
        catch (Exception e)
        {
            await Fail(context, e);
        }
        metrics.Count(route, context.Response.StatusCode);
    }

    internal static async Task Fail(HttpContext context, Exception e)
    {
        var error = ApiException.Of(e);
        if (error is null)
        {
            await Console.Error.WriteLineAsync($"ingot: {context.Request.Method} {context.Request.Path.ToUriComponent()}: {e}"); // escaped: a path must not write on the terminal
            error = new(500, "the server failed at this request; its log says more", "internal_error");
        }
        if (context.Response.HasStarted)
        {
            // Too late for a status. A stream's reader is told in the stream; from any other the connection is taken, so that what was sent is not taken for all.
            try
            {
                if (context.Response.ContentType?.StartsWith("text/event-stream", StringComparison.Ordinal) == true) await new EventStream(context, hasBegun: true).SendAsync(error.Json);
                else context.Abort();
            }
            catch (Exception broken) when (broken is IOException or OperationCanceledException) { context.Abort(); }
            return;
        }
        if (error.RetryAfter is { } seconds) context.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        if (error.Status == 401) context.Response.Headers.WWWAuthenticate = "Bearer";
        if (error.Status == 413) context.Response.Headers.Connection = "close";
        try { await Json.SendAsync(context, error.Json, error.Status); }
        catch (OperationCanceledException) { context.Abort(); }
    }

    Handler Find(HttpContext context, string path)
    {
        string method = HttpMethods.IsHead(context.Request.Method) ? "GET" : context.Request.Method;
        if (routes.TryGetValue((path, method), out var handler)) return handler;
        bool isOneModel = path.StartsWith("/v1/models/", StringComparison.Ordinal) && path.Length > "/v1/models/".Length;
        if (isOneModel && method == "GET") return c => models.One(c, path["/v1/models/".Length..]);
        var allowed = routes.Keys.Where(r => r.Path == path).Select(r => r.Method).ToList();
        if (isOneModel) allowed = ["GET"];
        if (allowed.Count == 0) throw new ApiException(404, $"there is nothing at {context.Request.Method} {(path.Length > 200 ? path[..200] + "..." : path)}", "unknown_url");
        context.Response.Headers.Allow = string.Join(", ", allowed);
        throw new ApiException(405, $"{path} takes {string.Join(" and ", allowed)}, not {context.Request.Method}", "method_not_allowed");
    }

    /// <summary>A foreign page must not use a visitor's browser to reach this server: neither by a name that was made to lead here, nor by posting from its own place.</summary>
    void RequireSameSite(HttpRequest request)
    {
        if (isLoopback && key is null && request.Host.Host != "localhost" && !(IPAddress.TryParse(request.Host.Host.Trim('[', ']'), out var host) && IPAddress.IsLoopback(host)))
            throw new ApiException(403, "this server answers to localhost only", "forbidden_host");
        if (request.Headers.Origin.Count > 1) throw new ApiException(403, "a request comes from one place", "forbidden_origin");
        if (request.Headers.Origin is [{ } origin] && (!Uri.TryCreate(origin, UriKind.Absolute, out var from) || from.Authority != request.Host.Value))
            throw new ApiException(403, "requests from other sites' pages are not allowed", "forbidden_origin");
    }

    void RequireKey(HttpRequest request, string path)
    {
        if (key is null || path == "/health" || PageFiles.All.ContainsKey(path)) return;
        var given = request.Headers.Authorization.ToString();
        if (given.Length == 0) throw new ApiException(401, "this server needs a key: Authorization: Bearer KEY", "missing_api_key");
        const string Scheme = "Bearer ";
        bool isRight = given.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) && CryptographicOperations.FixedTimeEquals(Hash(given[Scheme.Length..].Trim()), key);
        if (!isRight) throw new ApiException(401, "the key is wrong", "invalid_api_key");
    }

    /// <summary>Hashes are of one length, so that comparing them takes the same time whatever the key is and however long.</summary>
    static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    /// <summary>Takes no more requests and lets those that are there end, as long as the options' patience lasts.</summary>
    public async Task StopAsync()
    {
        if (isStopped) return;
        isStopped = true;
        await Task.WhenAll(models.All.Select(m => m.Loop.StopAsync(options.Patience)));
        await app.StopAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await app.DisposeAsync();
        metrics.Dispose();
        prometheus.Dispose();
    }
}
