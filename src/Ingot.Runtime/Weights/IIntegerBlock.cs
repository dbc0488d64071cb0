using System.Runtime.Intrinsics;

namespace Ingot.Runtime.Weights;

/// <summary>A block whose codes can be multiplied as integers: unsigned bytes of at most five bits with a scale and an offset for 32 values.</summary>
public unsafe interface IUnsignedBlock<TSelf> : IWeightBlock<TSelf> where TSelf : struct, IUnsignedBlock<TSelf>
{
    /// <summary>Where in the block its only scale is, a half; -1 for blocks with several.</summary>
    static abstract int ScaleAt { get; }

    /// <summary>Where a half offset is; -1 where the offset is a multiple of the scale.</summary>
    static abstract int OffsetAt { get; }

    /// <summary>The offset is -Zero times the scale.</summary>
    static abstract int Zero { get; }

    /// <summary>The codes of values 32 * part and those after, of the block at this address; one scale and one offset for all.</summary>
    static abstract Vector256<byte> CodesOf(byte* block, int part);

    /// <summary>Where blocks have 32 values: of this one and the next the codes of each one's first sixteen, and of its last. Where they have 256: the codes of part 2 * pair, and of the next.</summary>
    static abstract void CodesOfTwo(byte* block, int pair, out Vector256<byte> first, out Vector256<byte> last);

    /// <summary>The scales and the offsets of a block with eight of each.</summary>
    void Scales(out Vector256<float> scales, out Vector256<float> offsets);
}

/// <summary>A block whose codes can be multiplied as integers: signed bytes with a scale, and in some formats a factor of at most 8 bits for 16 of them.</summary>
public unsafe interface ISignedBlock<TSelf> : IWeightBlock<TSelf> where TSelf : struct, ISignedBlock<TSelf>
{
    /// <summary>Where in the block its scale is, a half; -1 where it is none.</summary>
    static abstract int ScaleAt { get; }

    /// <summary>The scale.</summary>
    float Scale { get; }

    /// <summary>The codes of values 32 * part and those after, of the block at this address.</summary>
    static abstract Vector256<sbyte> CodesOf(byte* block, int part);

    /// <summary>16 values have a factor of their own.</summary>
    static virtual bool HasFactors => false;

    /// <summary>The factors of a block of 256.</summary>
    static virtual Vector256<short> FactorsOf(byte* block) => Vector256<short>.One;
}
