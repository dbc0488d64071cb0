using System.Runtime.Intrinsics;

namespace Ingot.Runtime.Weights;

/// <summary>A block whose codes can be multiplied as integers: unsigned bytes of at most five bits with a scale and an offset for 32 values.</summary>
public interface IByteBlock<TSelf> : IWeightBlock<TSelf> where TSelf : struct, IByteBlock<TSelf>
{
    /// <summary>Values 32 * part and those after; one scale and one offset for all.</summary>
    Codes Bytes32(int part);
}

/// <summary>A block whose codes can be multiplied as integers: signed words, of at most 13 bits, with a scale for 32 values and no offset.</summary>
public interface IWordBlock<TSelf> : IWeightBlock<TSelf> where TSelf : struct, IWordBlock<TSelf>
{
    /// <summary>Values 32 * part and those after.</summary>
    Words Words32(int part);
}

/// <summary>32 weights as signed codes times a scale.</summary>
public readonly struct Words(Vector256<short> first, Vector256<short> last, float scale)
{
    public readonly Vector256<short> First = first, Last = last;
    public readonly float Scale = scale;
}
