using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Ingot.Nn;
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
        foreach (var (name, tensor) in Module.StateDict(model).OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{name} {tensor.DType.Name}{tensor.Shape}\n"));
            tensor.Realize();
            var memory = tensor.Memory!;
            long bytes = tensor.Count * tensor.DType.Size;
            for (long at = 0; at < bytes; at += Part) hash.AppendData(memory.Span<byte>(at, (int)Math.Min(Part, bytes - at)));
            GC.KeepAlive(memory);
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
