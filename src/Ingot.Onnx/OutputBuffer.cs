using System.Runtime.InteropServices;

namespace Ingot.Onnx;

/// <summary>Memory of the caller's that a run writes an output to.</summary>
public static class OutputBuffer
{
    /// <summary>An array as the bytes that <see cref="OnnxModel.Run(IReadOnlyDictionary{string, OnnxValue}, IReadOnlyDictionary{string, Memory{byte}}, CancellationToken)"/> fills.</summary>
    public static Memory<byte> Of<T>(T[] array) where T : unmanaged => new ArrayBytes<T>(array).Memory;

    /// <summary>An array of any element type seen as bytes.</summary>
    sealed class ArrayBytes<T>(T[] array) : System.Buffers.MemoryManager<byte> where T : unmanaged
    {
        public override Span<byte> GetSpan() => MemoryMarshal.AsBytes(array.AsSpan());

        public override System.Buffers.MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException("an array of a run's outputs is filled, not pinned");

        public override void Unpin() { }

        protected override void Dispose(bool disposing) { }
    }
}
