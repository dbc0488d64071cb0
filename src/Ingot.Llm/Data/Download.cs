using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;

namespace Ingot.Llm.Data;

/// <summary>How far a download is.</summary>
/// <param name="Bytes">On disk.</param>
/// <param name="Total">Of the whole file; null where the server does not say.</param>
/// <param name="ResumedAt">Bytes that an earlier try had left.</param>
public readonly record struct DownloadProgress(long Bytes, long? Total, long ResumedAt);

/// <summary>A set that can be named instead of its address.</summary>
public sealed record KnownDataSet(string Name, string Url, string About);

/// <summary>Fetches a file over HTTP: resumes where an earlier try stopped, checks its SHA-256, and shows it under its name only when it is whole.</summary>
public sealed class Download(HttpClient client)
{
    /// <summary>Public sets of text whose addresses are stable. The licence is the publisher's; read it there.</summary>
    public static IReadOnlyList<KnownDataSet> Known { get; } =
    [
        new("tinystories", "https://huggingface.co/datasets/roneneldan/TinyStories/resolve/main/TinyStories-train.txt", "Short stories by language models, 1.9 GB (Eldan and Li 2023)"),
        new("tinystories-valid", "https://huggingface.co/datasets/roneneldan/TinyStories/resolve/main/TinyStories-valid.txt", "The validation part of TinyStories, 19 MB"),
        new("tinyshakespeare", "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt", "Shakespeare's plays in part, 1.1 MB"),
        new("gsm8k", "https://raw.githubusercontent.com/openai/grade-school-math/master/grade_school_math/data/train.jsonl", "Grade-school word problems, 4 MB (Cobbe et al. 2021)"),
    ];

    /// <summary>Fetches to <paramref name="path"/>; what has come so far stands beside it as "path.part".</summary>
    /// <param name="url">http or https.</param>
    /// <param name="path">The file; an existing one with the right checksum is left alone.</param>
    /// <param name="sha256">Expected checksum in hex, or null.</param>
    /// <param name="progress">Told at most ten times a second.</param>
    /// <param name="cancel">Stops and keeps what has come.</param>
    /// <returns>The checksum in hex.</returns>
    /// <exception cref="IngotException">The server refuses, the connection ends early, or the checksum is another one (the file is then removed).</exception>
    public async Task<string> GetAsync(string url, string path, string? sha256 = null, IProgress<DownloadProgress>? progress = null, CancellationToken cancel = default)
    {
        if (sha256 is not null && (sha256.Length != 64 || !sha256.All(char.IsAsciiHexDigit))) throw new IngotException($"'{sha256}' is no SHA-256 checksum: it has 64 hexadecimal digits");
        if (File.Exists(path) && sha256 is not null && await Checksum(path, cancel) is var have && have.Equals(sha256, StringComparison.OrdinalIgnoreCase)) return have;
        string part = path + ".part", mark = path + ".part.etag";
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder) Directory.CreateDirectory(folder);
        try
        {
            await Transfer(url, part, mark, progress, cancel);
        }
        catch (HttpRequestException e)
        {
            throw new IngotException($"cannot fetch {url}: {e.Message}", e);
        }
        catch (HttpIOException e)
        {
            throw new IngotException($"the connection to {url} ended early ({e.Message}); run the same command again to go on from there", e);
        }
        string sum = await Checksum(part, cancel);
        if (sha256 is not null && !sum.Equals(sha256, StringComparison.OrdinalIgnoreCase))
        {
            File.Delete(part);
            File.Delete(mark);
            throw new IngotException($"{url} has the checksum {sum}, not {sha256.ToLowerInvariant()}; what was fetched is removed");
        }
        File.Move(part, path, overwrite: true);
        File.Delete(mark);
        return sum;
    }

    async Task Transfer(string url, string part, string mark, IProgress<DownloadProgress>? progress, CancellationToken cancel)
    {
        long had = File.Exists(part) ? new FileInfo(part).Length : 0;
        string etag = File.Exists(mark) ? await File.ReadAllTextAsync(mark, cancel) : "";
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        // Without a mark of the version nobody can say whether the rest belongs to what is there.
        if (had > 0 && etag.Length > 0)
        {
            request.Headers.Range = new RangeHeaderValue(had, null);
            request.Headers.TryAddWithoutValidation("If-Range", etag);
        }
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable && response.Content.Headers.ContentRange?.Length == had) return; // all of it was there already
        if (!response.IsSuccessStatusCode) throw new IngotException($"{url} answers {(int)response.StatusCode} {response.ReasonPhrase}");
        bool isRest = response.StatusCode == HttpStatusCode.PartialContent && response.Content.Headers.ContentRange?.From == had;
        if (!isRest) had = 0;
        long? total = response.Content.Headers.ContentLength is { } length ? had + length : null;
        if ((response.Headers.ETag is { IsWeak: false } tag ? tag.ToString() : response.Content.Headers.LastModified?.ToString("R", CultureInfo.InvariantCulture)) is { } version)
            await File.WriteAllTextAsync(mark, version, cancel);
        else File.Delete(mark);
        long at = had, told = 0;
        await using (var file = new FileStream(part, isRest ? FileMode.Append : FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16))
        {
            await using var body = await response.Content.ReadAsStreamAsync(cancel);
            var buffer = new byte[1 << 16];
            for (int n; (n = await body.ReadAsync(buffer, cancel)) > 0;)
            {
                await file.WriteAsync(buffer.AsMemory(0, n), cancel);
                at += n;
                if (Environment.TickCount64 - told < 100) continue;
                told = Environment.TickCount64;
                progress?.Report(new(at, total, had));
            }
        }
        progress?.Report(new(at, total, had));
        if (total is { } expected && at != expected) throw new IngotException($"{url} sent {at:N0} of {expected:N0} bytes; run the same command again to go on from there");
    }

    static async Task<string> Checksum(string path, CancellationToken cancel)
    {
        await using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancel));
    }
}
