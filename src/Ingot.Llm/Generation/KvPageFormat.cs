using System.Runtime.CompilerServices;

namespace Ingot.Llm.Generation;

/// <summary>How a <see cref="KvCache"/> keeps keys and values.</summary>
public enum CacheType
{
    /// <summary>As they were computed.</summary>
    F32,
    /// <summary>Rounded to bf16: half the memory.</summary>
    BF16,
    /// <summary>In steps of 1/127 of the largest of a head's keys, or values, of a position: a quarter of the memory and a little for that scale.</summary>
    Int8,
}

/// <summary>Elements of a page, as a type argument: attention's loops are written once and compiled for each.</summary>
/// <typeparam name="T">What lies in memory.</typeparam>
interface IPageFormat<T> where T : unmanaged
{
    static abstract bool HasScales { get; }

    static abstract TWide Load<TWide>(ref readonly T from, nuint at) where TWide : struct, IWide<TWide>;

    static abstract float Value(T element);

    /// <summary>What is kept for a value.</summary>
    /// <param name="value">The value.</param>
    /// <param name="inverse">1 / the scale, where there are scales.</param>
    static abstract T Kept(float value, float inverse);
}

readonly struct F32Pages : IPageFormat<float>
{
    public static bool HasScales => false;
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static TWide Load<TWide>(ref readonly float from, nuint at) where TWide : struct, IWide<TWide> => TWide.Load(in from, at);
    public static float Value(float element) => element;
    public static float Kept(float value, float inverse) => value;
}

readonly struct BF16Pages : IPageFormat<ushort>
{
    public static bool HasScales => false;
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static TWide Load<TWide>(ref readonly ushort from, nuint at) where TWide : struct, IWide<TWide> => TWide.LoadBFloat16(in from, at);
    public static float Value(ushort element) => BitConverter.Int32BitsToSingle(element << 16);

    /// <summary>Rounds to nearest, ties to even.</summary>
    public static ushort Kept(float value, float inverse)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)(bits >> 16 | 0x40) : (ushort)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
    }
}

readonly struct Int8Pages : IPageFormat<sbyte>
{
    public static bool HasScales => true;
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static TWide Load<TWide>(ref readonly sbyte from, nuint at) where TWide : struct, IWide<TWide> => TWide.LoadInt8(in from, at);
    public static float Value(sbyte element) => element;
    public static sbyte Kept(float value, float inverse) => (sbyte)Math.Clamp(MathF.Round(value * inverse), -127, 127);
}
