using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Ingot.Formats;
using Ingot.Runtime;

namespace Ingot.Llm.Generation;

/// <summary>
/// Pages of keys and values in a folder, so that prompts need not be computed again after a restart. One file a page, named by a hash of the model and of all tokens up to
/// the page's end. Several processes may use a folder at once.
/// </summary>
/// <remarks>
/// A file is taken only if its length, its name, its tokens and its SHA-256 are right; any other is deleted, and computed and written anew. Files appear whole
/// (<see cref="AtomicFile"/>), are written by a thread of their own and never waited for: what cannot be written is not kept. Layout, little endian: "INGOTKV1", 32 bytes of
/// key, 4 of the number of tokens, the tokens as int32, 8 of the page's length, the page, 32 bytes of SHA-256 over all before.
/// </remarks>
public sealed class PrefixStore : IDisposable
{
    /// <summary>Pages that wait to be written, at most: more are not kept.</summary>
    const int Waiting = 64;

    static ReadOnlySpan<byte> Magic => "INGOTKV1"u8;

    sealed record Entry(byte[] Key, int[] Tokens, Storage Memory, Action Done);

    readonly string folder;
    readonly long quota;
    readonly BlockingCollection<Entry> waiting = new(Waiting);
    readonly Thread writer;
    long known = -1; // bytes in the folder, as far as this process knows
    int unwritten;

    /// <param name="folder">Created if it is not there. Files in it that end in .kv are the store's.</param>
    /// <param name="quota">Most bytes in the folder; the files used longest ago are deleted.</param>
    /// <param name="model">What the weights are, as <see cref="ModelIdentity"/> says: of other weights nothing is taken.</param>
    /// <exception cref="IngotException">The folder cannot be made, or the quota is not positive.</exception>
    public PrefixStore(string folder, long quota, string model)
    {
        if (quota <= 0) throw new IngotException($"the quota of {folder} must be positive, not {quota} bytes");
        try { Directory.CreateDirectory(folder); }
        catch (Exception e) when (AtomicFile.IsOfTheSystem(e)) { throw new IngotException($"cannot keep prefixes in {folder}: {AtomicFile.Reason(e)}", e); }
        (this.folder, this.quota, Model) = (folder, quota, model);
        writer = new(Write) { IsBackground = true, Name = "ingot prefix store", Priority = ThreadPriority.BelowNormal };
        writer.Start();
    }

    /// <summary>What the weights are.</summary>
    public string Model { get; }

    /// <summary>Pages taken from the folder.</summary>
    public long Loaded { get; private set; }

    /// <summary>Files that were damaged or not what their names said, and were deleted.</summary>
    public long Refused { get; private set; }

    string PathOf(byte[] key) => Path.Combine(folder, $"{Convert.ToHexStringLower(key)}.kv");

    internal bool Contains(byte[] key) => File.Exists(PathOf(key));

    /// <summary>Reads a page.</summary>
    /// <returns>False if it is not there or was refused; the memory then holds anything.</returns>
    internal bool TryLoad(byte[] key, ReadOnlySpan<int> tokens, Storage into)
    {
        string path = PathOf(key);
        try
        {
            using (var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1))
                if (Read(file, key, tokens, into))
                {
                    Loaded++;
                    Touch(path);
                    return true;
                }
            Refused++;
            Delete(path);
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { return false; } // gone meanwhile, or not ours to read: it is computed
    }

    static bool Read(FileStream file, byte[] key, ReadOnlySpan<int> tokens, Storage into)
    {
        var head = Head(key, tokens, into.Bytes);
        if (file.Length != head.Length + into.Bytes + SHA256.HashSizeInBytes) return false;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var found = new byte[head.Length];
        file.ReadExactly(found);
        if (!found.AsSpan().SequenceEqual(head)) return false;
        hash.AppendData(found);
        var page = into.Span<byte>();
        file.ReadExactly(page);
        hash.AppendData(page);
        Span<byte> expected = stackalloc byte[SHA256.HashSizeInBytes];
        file.ReadExactly(expected);
        GC.KeepAlive(into);
        return hash.GetHashAndReset().AsSpan().SequenceEqual(expected);
    }

    static byte[] Head(byte[] key, ReadOnlySpan<int> tokens, long bytes)
    {
        using var head = new MemoryStream();
        using (var w = new BinaryWriter(head))
        {
            w.Write(Magic);
            w.Write(key);
            w.Write(tokens.Length);
            w.Write(MemoryMarshal.AsBytes(tokens));
            w.Write(bytes);
        }
        return head.ToArray();
    }

    /// <summary>Writes a page some time soon.</summary>
    /// <param name="key">Of the page.</param>
    /// <param name="tokens">Of the page.</param>
    /// <param name="memory">The page, which must stay as it is until it is written.</param>
    /// <param name="done">Called on another thread when the page is not needed any more.</param>
    /// <returns>False if it will not be written: too many are waiting, or it is there.</returns>
    internal bool Save(byte[] key, int[] tokens, Storage memory, Action done)
    {
        if (waiting.IsAddingCompleted || Contains(key)) return false;
        Interlocked.Increment(ref unwritten);
        if (waiting.TryAdd(new(key, tokens, memory, done))) return true;
        Interlocked.Decrement(ref unwritten);
        return false;
    }

    /// <summary>Waits until everything is written.</summary>
    public void Flush()
    {
        while (Volatile.Read(ref unwritten) > 0) Thread.Sleep(1);
    }

    void Write()
    {
        foreach (var entry in waiting.GetConsumingEnumerable())
        {
            try
            {
                if (!Contains(entry.Key)) Write(entry);
            }
            catch (Exception e) when (e is IngotException or IOException or UnauthorizedAccessException) { } // a full disk, or another process: it is only not kept
            finally
            {
                entry.Done();
                Interlocked.Decrement(ref unwritten);
            }
        }
    }

    void Write(Entry entry)
    {
        long bytes = 0;
        AtomicFile.Write(PathOf(entry.Key), stream =>
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            void Put(ReadOnlySpan<byte> part)
            {
                hash.AppendData(part);
                stream.Write(part);
            }
            Put(Head(entry.Key, entry.Tokens, entry.Memory.Bytes));
            Put(entry.Memory.Span<byte>());
            stream.Write(hash.GetHashAndReset());
            bytes = stream.Position;
        });
        GC.KeepAlive(entry.Memory);
        if (known >= 0) known += bytes;
        if (known < 0 || known > quota) Evict();
    }

    /// <summary>Deletes the files used longest ago until a tenth of the quota is free, and what a process that died has left half-written.</summary>
    void Evict()
    {
        var files = new DirectoryInfo(folder).GetFiles("*.kv").OrderBy(f => f.LastWriteTimeUtc).ToList();
        known = files.Sum(f => f.Length);
        if (known > quota)
            foreach (var f in files)
            {
                if (known <= quota - quota / 10) break;
                known -= f.Length;
                Delete(f.FullName);
            }
        foreach (var f in new DirectoryInfo(folder).GetFiles("*.kv.*.tmp"))
            if (f.LastWriteTimeUtc < DateTime.UtcNow.AddHours(-1)) Delete(f.FullName);
    }

    /// <summary>The time of last use is the file's: it outlives the process.</summary>
    static void Touch(string path)
    {
        try { File.SetLastWriteTimeUtc(path, DateTime.UtcNow); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { } // deleted meanwhile
    }

    static void Delete(string path)
    {
        try { File.Delete(path); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { } // another process was first, or it cannot be: it is refused again
    }

    /// <summary>Writes what waits and ends.</summary>
    public void Dispose()
    {
        if (waiting.IsAddingCompleted) return;
        waiting.CompleteAdding();
        writer.Join();
    }
}
