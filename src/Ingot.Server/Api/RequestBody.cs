using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Ingot.Server.Api;

/// <summary>Reads the JSON object that a request brings, within a limit of size and depth.</summary>
static class RequestBody
{
    const int MostDepth = 64;

    /// <summary>What is read of a body that is too large, so that its sender comes to read the answer.</summary>
    const long MostDiscarded = 64L << 20;

    /// <param name="context">The request.</param>
    /// <param name="limit">Bytes.</param>
    /// <returns>To be disposed.</returns>
    /// <exception cref="ApiException">It is too large, no JSON, or no object.</exception>
    public static async Task<JsonDocument> ReadAsync(HttpContext context, long limit)
    {
        var reader = context.Request.BodyReader;
        long length = context.Request.ContentLength ?? 0;
        while (length <= limit)
        {
            var read = await reader.ReadAsync(context.RequestAborted);
            length = Math.Max(length, read.Buffer.Length);
            if (read.IsCompleted && length <= limit)
            {
                try { return Parse(read.Buffer); }
                finally { reader.AdvanceTo(read.Buffer.End); }
            }
            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
        for (long discarded = 0; discarded < MostDiscarded;)
        {
            var read = await reader.ReadAsync(context.RequestAborted);
            discarded += read.Buffer.Length;
            reader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted) break;
        }
        throw new ApiException(413, $"the request has more than {limit:N0} bytes", "request_too_large");
    }

    static JsonDocument Parse(ReadOnlySequence<byte> bytes)
    {
        JsonDocument json;
        try { json = JsonDocument.Parse(bytes.ToArray(), new() { MaxDepth = MostDepth }); } // a copy: the document outlives the pipe's buffers
        catch (JsonException e) { throw new ApiException(400, $"the request is not valid JSON: {e.Message}", "invalid_json"); }
        if (json.RootElement.ValueKind == JsonValueKind.Object) return json;
        json.Dispose();
        throw new ApiException(400, "the request must be a JSON object", "invalid_json");
    }
}
