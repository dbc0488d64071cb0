using System.Runtime.InteropServices;

namespace Ingot.Runtime;

/// <summary>
/// Native memory with an owner: 64-byte aligned, addressed by <see cref="Address"/>, given back by the finalizer. No user code disposes it.
/// </summary>
public unsafe class Storage
{
    public nint Address { get; protected set; }

    /// <summary>Size in bytes as asked for.</summary>
    public long Bytes { get; protected init; }

    /// <summary>Counts the times an Assign has overwritten this memory; graph nodes remember the version they read.</summary>
    public int Version { get; set; }

    protected Storage() { }

    Storage(long bytes)
    {
        Bytes = bytes;
        Address = MemoryPool.Rent(bytes);
    }

    /// <summary>Uninitialised memory.</summary>
    /// <exception cref="OutOfMemoryException">The system has none left, also after a collection.</exception>
    public static Storage Allocate(long bytes) => new(bytes);

    public static Storage Of<T>(ReadOnlySpan<T> values) where T : unmanaged
    {
        var s = Allocate((long)values.Length * sizeof(T));
        values.CopyTo(s.Span<T>());
        return s;
    }

    /// <summary>The whole memory as elements.</summary>
    /// <exception cref="OverflowException">More than 2^31 - 1 elements; take a part.</exception>
    public Span<T> Span<T>() where T : unmanaged => new((void*)Address, checked((int)(Bytes / sizeof(T))));

    /// <summary>A part, in elements of T.</summary>
    public Span<T> Span<T>(long start, int length) where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Bytes / sizeof(T) - length);
        return new((void*)(Address + (nint)(start * sizeof(T))), length);
    }

    /// <summary>Copies the first bytes, of any number: spans end at 2 GB.</summary>
    public void CopyTo(Storage target, long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, Math.Min(Bytes, target.Bytes));
        Buffer.MemoryCopy((void*)Address, (void*)target.Address, target.Bytes, bytes);
        GC.KeepAlive(this);
        GC.KeepAlive(target);
    }

    /// <summary>Overwrites the memory with zeros, of any size.</summary>
    public void Clear()
    {
        NativeMemory.Clear((void*)Address, (nuint)Bytes);
        GC.KeepAlive(this);
    }

    ~Storage() => Release();

    protected virtual void Release()
    {
        if (Address != 0) MemoryPool.Return(Address, Bytes);
    }
}

/// <summary>A view of memory that somebody else owns and keeps alive.</summary>
public sealed class BorrowedStorage : Storage
{
    public BorrowedStorage(nint address, long bytes)
    {
        (Address, Bytes) = (address, bytes);
        GC.SuppressFinalize(this); // there is nothing to release
    }

    /// <summary>Becomes a view of as many bytes elsewhere.</summary>
    public void Move(nint address) => Address = address;

    protected override void Release() { }
}
