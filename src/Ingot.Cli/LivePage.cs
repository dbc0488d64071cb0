using System.Globalization;
using System.Net;
using Ingot.Llm.Report;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Ingot.Cli;

/// <summary>
/// Serves the page of a run that is going on to browsers on this machine. It stands here and not in Ingot.Llm so that a program that trains or runs models needs no ASP.NET Core.
/// </summary>
sealed class LivePage : IAsyncDisposable
{
    /// <summary>What asks for the system's signals in a web application's place: nobody. Ctrl-C is the training's.</summary>
    sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    readonly WebApplication app;
    readonly CancellationTokenSource stop = new();

    LivePage(WebApplication app) => this.app = app;

    /// <summary>Where a browser finds it.</summary>
    public Uri Address { get; private set; } = null!;

    /// <summary>Begins to serve; nothing is read or drawn until a browser asks.</summary>
    /// <param name="run">The run folder; it need not exist yet.</param>
    /// <param name="port">0: any that is free.</param>
    /// <exception cref="IngotException">The port is taken.</exception>
    public static LivePage Start(string run, int port = 0)
    {
        var builder = WebApplication.CreateEmptyBuilder(new() { ApplicationName = "ingot", ContentRootPath = AppContext.BaseDirectory });
        builder.WebHost.UseKestrelCore().ConfigureKestrel(o => o.Listen(IPAddress.Loopback, port));
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(1));
        var page = new LivePage(builder.Build());
        var feed = new LiveFeed(run);
        page.app.Run(context => page.Answer(context, feed));
        try { page.app.StartAsync().GetAwaiter().GetResult(); }
        catch (IOException e)
        {
            page.DisposeAsync().AsTask().GetAwaiter().GetResult();
            throw new IngotException($"port {port} is taken; give another with --port, or 0 for any that is free", e);
        }
        page.Address = new(page.app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        return page;
    }

    async Task Answer(HttpContext context, LiveFeed feed)
    {
        var (request, response) = (context.Request, context.Response);
        // A foreign page whose name was made to lead here does not get to read the run.
        if (request.Host.Host is not ("127.0.0.1" or "localhost")) response.StatusCode = StatusCodes.Status403Forbidden;
        else if (!HttpMethods.IsGet(request.Method)) response.StatusCode = StatusCodes.Status405MethodNotAllowed;
        else if (request.Path == "/")
        {
            response.ContentType = "text/html; charset=utf-8";
            response.Headers.CacheControl = "no-store";
            await response.WriteAsync(feed.Page(), context.RequestAborted);
        }
        else if (request.Path == "/events") await Send(context, feed);
        else response.StatusCode = StatusCodes.Status404NotFound;
    }

    /// <summary>Server-sent events: a look a second, a message where something changed.</summary>
    async Task Send(HttpContext context, LiveFeed feed)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stop.Token);
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-store";
        // A browser that comes back says what it got last.
        string from = context.Request.Headers["Last-Event-ID"].FirstOrDefault() ?? context.Request.Query["after"].FirstOrDefault() ?? "";
        _ = long.TryParse(from, NumberStyles.None, CultureInfo.InvariantCulture, out long after);
        try
        {
            for (int second = 0; ; second++)
            {
                var (version, json) = feed.Changes(after);
                after = version;
                if (json is not null) await context.Response.WriteAsync(string.Create(CultureInfo.InvariantCulture, $"id: {version}\ndata: {json}\n\n"), either.Token);
                else if (second % 15 == 0) await context.Response.WriteAsync(":\n\n", either.Token); // finds out whether anybody still listens
                await Task.Delay(1000, either.Token);
            }
        }
        catch (OperationCanceledException) { } // the browser went away, or the run ended
    }

    /// <summary>Ends it; pages that are open stay as they are.</summary>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await app.StopAsync();
        await app.DisposeAsync();
        stop.Dispose();
    }
}
