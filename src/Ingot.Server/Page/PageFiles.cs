using System.IO.Compression;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace Ingot.Server.Page;

/// <summary>The chat page's files, which are in the assembly.</summary>
sealed class PageFiles
{
    /// <summary>Scripts, styles and requests of this server alone: text that the model writes can bring nothing along, whatever becomes of it.</summary>
    const string Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    static readonly Dictionary<string, string> Types = new() { [".html"] = "text/html; charset=utf-8", [".css"] = "text/css; charset=utf-8", [".js"] = "text/javascript; charset=utf-8", [".svg"] = "image/svg+xml" };

    readonly byte[] plain, packed;
    readonly string type, tag;

    PageFiles(string name)
    {
        using var stream = typeof(PageFiles).Assembly.GetManifestResourceStream(name)!;
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        plain = memory.ToArray();
        using var squeezed = new MemoryStream();
        using (var gzip = new GZipStream(squeezed, CompressionLevel.SmallestSize)) gzip.Write(plain);
        packed = squeezed.ToArray();
        type = Types[Path.GetExtension(name)];
        tag = $"\"{Convert.ToHexStringLower(SHA256.HashData(plain).AsSpan(0, 12))}\"";
    }

    /// <summary>By their paths; the page itself is at /.</summary>
    public static IReadOnlyDictionary<string, PageFiles> All { get; } = typeof(PageFiles).Assembly.GetManifestResourceNames().Where(n => n.StartsWith("Ingot.Page.", StringComparison.Ordinal))
        .ToDictionary(n => n == "Ingot.Page.index.html" ? "/" : "/page/" + n["Ingot.Page.".Length..], n => new PageFiles(n));

    public async Task Send(HttpContext context)
    {
        var (request, headers) = (context.Request, context.Response.Headers);
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers.CacheControl = "no-cache";
        headers.ETag = tag;
        if (request.Headers.IfNoneMatch == tag)
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }
        context.Response.ContentType = type;
        bool isPacked = request.Headers.AcceptEncoding.ToString().Contains("gzip", StringComparison.OrdinalIgnoreCase);
        if (isPacked) headers.ContentEncoding = "gzip";
        headers.Vary = "Accept-Encoding";
        var bytes = isPacked ? packed : plain;
        context.Response.ContentLength = bytes.Length;
        if (!HttpMethods.IsHead(request.Method)) await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
    }
}
