using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Ingot.Server.Api;

/// <summary>Server-sent events. The headers go out with the first of them, so that what fails before has a status of its own.</summary>
sealed class EventStream(HttpContext context, bool hasBegun = false)
{
    bool hasBegun = hasBegun;

    public async Task SendAsync(JsonNode json) => await WriteAsync(json.ToJsonString(Json.Compact));

    /// <summary>The last event of OpenAI's streams.</summary>
    public async Task EndAsync() => await WriteAsync("[DONE]");

    async Task WriteAsync(string data)
    {
        var response = context.Response;
        if (!hasBegun)
        {
            response.ContentType = "text/event-stream; charset=utf-8";
            response.Headers.CacheControl = "no-cache";
            response.Headers["X-Accel-Buffering"] = "no"; // proxies must not hold it back
            hasBegun = true;
        }
        await response.WriteAsync($"data: {data}\n\n", context.RequestAborted);
        await response.Body.FlushAsync(context.RequestAborted);
    }
}
