using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Ingot.Runtime;

/// <summary>
/// Elements that are narrower in memory than in registers, four (of T's size) or two at a time. Bounds are the caller's: an address must have as many
/// elements behind it as the vector has lanes.
/// </summary>
/// <remarks>Implemented by types of the size of the element in memory.</remarks>
/// <typeparam name="T">The element in a register.</typeparam>
public interface INarrow<T>
{
    static abstract Vector128<T> Load(nint p);

    /// <summary>Stores values that are already rounded; of integers the low bits.</summary>
    static abstract void Store(Vector128<T> v, nint p);

    /// <summary>The nearest values that memory can hold.</summary>
    static virtual Vector128<T> Round(Vector128<T> v) => throw new NotSupportedException("integers are not rounded");
}

/// <summary>The narrow dtypes, by their names: half precisions are float32 in registers, small integers int32, booleans masks of all ones or zeros.</summary>
public static unsafe class Narrow
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<ushort> Four16(nint p) => Vector128.CreateScalar(Unsafe.ReadUnaligned<ulong>((void*)p)).AsUInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<byte> Four8(nint p) => Vector128.CreateScalar(Unsafe.ReadUnaligned<uint>((void*)p)).AsByte();

    [StructLayout(LayoutKind.Sequential, Size = 2)]
    public readonly struct BF16 : INarrow<float>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<float> Load(nint p) => (Vector128.WidenLower(Four16(p)) << 16).AsSingle();

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(Vector128<float> v, nint p) => I16.Store((v.AsUInt32() >> 16).AsInt32(), p);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<float> Round(Vector128<float> v) =>
            (Vector128.ConditionalSelect(Vector128.Equals(v, v).AsUInt32(),
                v.AsUInt32() + Vector128.Create(0x7FFFu) + ((v.AsUInt32() >> 16) & Vector128<uint>.One), v.AsUInt32() | Vector128.Create(0x400000u)) & Vector128.Create(0xFFFF0000u)).AsSingle();
    }

    [StructLayout(LayoutKind.Sequential, Size = 2)]
    public readonly struct F16 : INarrow<float>
    {
        public static Vector128<float> Load(nint p)
        {
            var h = (Half*)p;
            return Vector128.Create((float)h[0], (float)h[1], (float)h[2], (float)h[3]);
        }

        public static void Store(Vector128<float> v, nint p)
        {
            var h = (Half*)p;
            for (int i = 0; i < 4; i++) h[i] = (Half)v[i];
        }

        public static Vector128<float> Round(Vector128<float> v) => Vector128.Create((float)(Half)v[0], (float)(Half)v[1], (float)(Half)v[2], (float)(Half)v[3]);
    }

    [StructLayout(LayoutKind.Sequential, Size = 2)]
    public readonly struct I16 : INarrow<int>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<int> Load(nint p) => Vector128.WidenLower(Four16(p).AsInt16());

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(Vector128<int> v, nint p)
        {
            var low = v & Vector128.Create(0xFFFF); // narrowing saturates on some machines, so nothing may be left to saturate
            Unsafe.WriteUnaligned((void*)p, Vector128.Narrow(low.AsUInt32(), low.AsUInt32()).AsUInt64().ToScalar());
        }
    }

    [StructLayout(LayoutKind.Sequential, Size = 2)]
    public readonly struct U16 : INarrow<int>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<int> Load(nint p) => Vector128.WidenLower(Four16(p)).AsInt32();

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(Vector128<int> v, nint p) => I16.Store(v, p);
    }

    [StructLayout(LayoutKind.Sequential, Size = 1)]
    public readonly struct I8 : INarrow<int>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<int> Load(nint p) => Vector128.WidenLower(Vector128.WidenLower(Four8(p).AsSByte()));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(Vector128<int> v, nint p) => U8.Store(v, p);
    }

    [StructLayout(LayoutKind.Sequential, Size = 1)]
    public readonly struct U8 : INarrow<int>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<int> Load(nint p) => Vector128.WidenLower(Vector128.WidenLower(Four8(p))).AsInt32();

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(Vector128<int> v, nint p)
        {
            var low = (v & Vector128.Create(0xFF)).AsUInt32();
            var words = Vector128.Narrow(low, low);
            Unsafe.WriteUnaligned((void*)p, Vector128.Narrow(words, words).AsUInt32().ToScalar());
        }
    }

    /// <summary>Beside 32-bit and beside 64-bit elements.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 1)]
    public readonly struct Bool : INarrow<int>, INarrow<long>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static Vector128<int> INarrow<int>.Load(nint p) => ~Vector128.Equals(U8.Load(p), Vector128<int>.Zero);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void INarrow<int>.Store(Vector128<int> v, nint p) => U8.Store(v & Vector128<int>.One, p);

        static Vector128<long> INarrow<long>.Load(nint p) => Vector128.Create(((byte*)p)[0] != 0 ? -1L : 0, ((byte*)p)[1] != 0 ? -1L : 0);

        static void INarrow<long>.Store(Vector128<long> v, nint p) { ((byte*)p)[0] = (byte)(v[0] & 1); ((byte*)p)[1] = (byte)(v[1] & 1); }
    }
}
