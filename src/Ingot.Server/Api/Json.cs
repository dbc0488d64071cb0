using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Ingot.Server.Api;

/// <summary>JSON as answers are written.</summary>
static class Json
{
    /// <summary>The answers are application/json and never part of a page's markup, so that only what JSON demands is escaped.</summary>
    public static JsonSerializerOptions Compact { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static async Task SendAsync(HttpContext context, JsonNode json, int status = StatusCodes.Status200OK)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json; charset=utf-8";
        await context.Response.WriteAsync(json.ToJsonString(Compact), context.RequestAborted);
    }

    /// <summary>JSON's numbers have no infinities; OpenAI writes -9999 for a probability of nothing.</summary>
    public static JsonNode LogProbability(double value) => double.IsFinite(value) ? Math.Round(value, 6) : -9999.0;
}
