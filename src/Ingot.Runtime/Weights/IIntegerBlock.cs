using System.Runtime.Intrinsics;

namespace Ingot.Runtime.Weights;

/// <summary>A block whose codes can be multiplied as integers: unsigned bytes of at most five bits with a scale and an offset for 32 values.</summary>
public unsafe interface IByteBlock<TSelf> : IWeightBlock<TSelf> where TSelf : struct, IByteBlock<TSelf>
{
    /// <summary>Where in the block its only scale is, a half; -1 for blocks with several.</summary>
    static abstract int ScaleAt { get; }

    /// <summary>Where a half offset is; -1 where the offset is a multiple of the scale.</summary>
    static abstract int OffsetAt { get; }

    /// <summary>The offset is -Zero times the scale.</summary>
    static abstract int Zero { get; }

    /// <summary>The codes of values 32 * part and those after, of the block at this address; one scale and one offset for all.</summary>
    static abstract Vector256<byte> CodesOf(byte* block, int part);

    /// <summary>The scales and the offsets of a block with eight of each.</summary>
    void Scales(out Vector256<float> scales, out Vector256<float> offsets);
}

/// <summary>A block whose codes can be multiplied as integers: signed words, of at most 13 bits, with a scale for 32 values and no offset.</summary>
public interface IWordBlock<TSelf> : IWeightBlock<TSelf> where TSelf : struct, IWordBlock<TSelf>
{
    /// <summary>Where in the block its only scale is, if it is a half and the block has 32 values; -1 otherwise.</summary>
    static abstract int ScaleAt { get; }

    /// <summary>Values 32 * part and those after.</summary>
    Words Words32(int part);
}

/// <summary>32 weights as signed codes times a scale.</summary>
public readonly struct Words(Vector256<short> first, Vector256<short> last, float scale)
{
    public readonly Vector256<short> First = first, Last = last;
    public readonly float Scale = scale;
}
