using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Ingot.Llm.Models;
using Decoder = Ingot.Llm.Models.Decoder;

namespace Ingot.Llm.Generation;

/// <summary>Says which weights a model has, in a text that other weights do not have: SHA-256 of all there is.</summary>
public static class ModelIdentity
{
    const int Part = 1 << 22;

    /// <summary>Of a model whose weights are tensors in memory.</summary>
    public static string Of(Decoder model)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{model.Config with { EndTokens = [] }}\n"));
        foreach (var (name, weight) in DecoderWeights.Of(model).OrderBy(p => p.Key, StringComparer.Ordinal)) // those that stay in their files' precision among them
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{name} {weight.Type}{weight.Shape}\n"));
            long bytes = weight.Bytes;
            for (long at = 0; at < bytes; at += Part) hash.AppendData(weight.Memory.Span<byte>(at, (int)Math.Min(Part, bytes - at)));
            GC.KeepAlive(weight.Memory);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Of the files that a model was loaded from, in an order that does not matter.</summary>
    /// <param name="paths">All files that weights are in, and those that say how they are used.</param>
    /// <exception cref="IngotException">A file cannot be read.</exception>
    public static string OfFiles(IEnumerable<string> paths)
    {
        var hashes = paths.AsParallel().Select(path =>
        {
            try
            {
                using var file = File.OpenRead(path);
                return Convert.ToHexStringLower(SHA256.HashData(file));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw new IngotException($"cannot read {path}: {e.Message}", e); }
        });
        return Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(string.Join('\n', hashes.Order(StringComparer.Ordinal)).AsSpan())));
    }
}
