namespace Ingot.Runtime;

/// <summary>A part of another memory, which it keeps alive: tensors of a file that was read as a whole.</summary>
public sealed class StoragePart : Storage
{
    /// <summary>The memory that this is a part of.</summary>
    public Storage Whole { get; }

    /// <exception cref="ArgumentOutOfRangeException">The part does not lie inside the whole.</exception>
    public StoragePart(Storage whole, long offset, long bytes)
    {
        ArgumentNullException.ThrowIfNull(whole);
        if (offset < 0 || bytes < 0 || offset > whole.Bytes - bytes)
            throw new ArgumentOutOfRangeException(nameof(offset), $"bytes {offset} to {offset + bytes} are not in a memory of {whole.Bytes}");
        Whole = whole;
        Bytes = bytes;
        Address = whole.Address + (nint)offset;
        GC.SuppressFinalize(this); // the whole has its own
    }

    protected override void Release() { }
}
