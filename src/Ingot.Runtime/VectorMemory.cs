using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Ingot.Runtime;

/// <summary>
/// Loads and stores of vectors whose elements are narrower in memory than in registers: half precisions are float32 in registers, small integers
/// int32, booleans masks of all ones or zeros. Generated code calls these by name and vector type; wider vectors are made of 128-bit parts.
/// Bounds are the caller's: an address must have as many elements behind it as the vector has lanes.
/// </summary>
public static unsafe class VectorMemory
{
    // ---- 128 bits ----

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<ushort> Four16(nint p) => Vector128.CreateScalar(Unsafe.ReadUnaligned<ulong>((void*)p)).AsUInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<byte> Four8(nint p) => Vector128.CreateScalar(Unsafe.ReadUnaligned<uint>((void*)p)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadBF16(nint p, Vector128<float> _) => (Vector128.WidenLower(Four16(p)) << 16).AsSingle();

    public static Vector128<float> LoadF16(nint p, Vector128<float> _)
    {
        var h = (Half*)p;
        return Vector128.Create((float)h[0], (float)h[1], (float)h[2], (float)h[3]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> LoadU16(nint p, Vector128<int> _) => Vector128.WidenLower(Four16(p)).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> LoadI16(nint p, Vector128<int> _) => Vector128.WidenLower(Four16(p).AsInt16());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> LoadU8(nint p, Vector128<int> _) => Vector128.WidenLower(Vector128.WidenLower(Four8(p))).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> LoadI8(nint p, Vector128<int> _) => Vector128.WidenLower(Vector128.WidenLower(Four8(p).AsSByte()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> LoadBool(nint p, Vector128<int> v) => ~Vector128.Equals(LoadU8(p, v), Vector128<int>.Zero);

    /// <summary>The value is already rounded (its low half is zero).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBF16(Vector128<float> v, nint p) => StoreI16((v.AsUInt32() >> 16).AsInt32(), p);

    public static void StoreF16(Vector128<float> v, nint p)
    {
        var h = (Half*)p;
        for (int i = 0; i < 4; i++) h[i] = (Half)v[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreI16(Vector128<int> v, nint p)
    {
        var low = v & Vector128.Create(0xFFFF); // narrowing saturates on some machines, so nothing may be left to saturate
        Unsafe.WriteUnaligned((void*)p, Vector128.Narrow(low.AsUInt32(), low.AsUInt32()).AsUInt64().ToScalar());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreU16(Vector128<int> v, nint p) => StoreI16(v, p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreU8(Vector128<int> v, nint p)
    {
        var low = (v & Vector128.Create(0xFF)).AsUInt32();
        var words = Vector128.Narrow(low, low);
        Unsafe.WriteUnaligned((void*)p, Vector128.Narrow(words, words).AsUInt32().ToScalar());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreI8(Vector128<int> v, nint p) => StoreU8(v, p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBool(Vector128<int> v, nint p) => StoreU8(v & Vector128<int>.One, p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> RoundBF16(Vector128<float> v)
    {
        var u = v.AsUInt32();
        var rounded = (u + Vector128.Create(0x7FFFu) + ((u >> 16) & Vector128<uint>.One)) & Vector128.Create(0xFFFF0000u);
        var nan = (u | Vector128.Create(0x400000u)) & Vector128.Create(0xFFFF0000u);
        return Vector128.ConditionalSelect(Vector128.Equals(v, v).AsUInt32(), rounded, nan).AsSingle();
    }

    public static Vector128<float> RoundF16(Vector128<float> v) => Vector128.Create((float)(Half)v[0], (float)(Half)v[1], (float)(Half)v[2], (float)(Half)v[3]);

    // ---- 256 bits, from halves ----

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadBF16(nint p, Vector256<float> _) => Vector256.Create(LoadBF16(p, default(Vector128<float>)), LoadBF16(p + 8, default(Vector128<float>)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBF16(Vector256<float> v, nint p)
    {
        StoreBF16(v.GetLower(), p);
        StoreBF16(v.GetUpper(), p + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadF16(nint p, Vector256<float> _) => Vector256.Create(LoadF16(p, default(Vector128<float>)), LoadF16(p + 8, default(Vector128<float>)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreF16(Vector256<float> v, nint p)
    {
        StoreF16(v.GetLower(), p);
        StoreF16(v.GetUpper(), p + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> LoadU16(nint p, Vector256<int> _) => Vector256.Create(LoadU16(p, default(Vector128<int>)), LoadU16(p + 8, default(Vector128<int>)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreU16(Vector256<int> v, nint p)
    {
        StoreU16(v.GetLower(), p);
        StoreU16(v.GetUpper(), p + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> LoadI16(nint p, Vector256<int> _) => Vector256.Create(LoadI16(p, default(Vector128<int>)), LoadI16(p + 8, default(Vector128<int>)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreI16(Vector256<int> v, nint p)
    {
        StoreI16(v.GetLower(), p);
        StoreI16(v.GetUpper(), p + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> LoadU8(nint p, Vector256<int> _) => Vector256.Create(LoadU8(p, default(Vector128<int>)), LoadU8(p + 4, default(Vector128<int>)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreU8(Vector256<int> v, nint p)
    {
        StoreU8(v.GetLower(), p);
        StoreU8(v.GetUpper(), p + 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> LoadI8(nint p, Vector256<int> _) => Vector256.Create(LoadI8(p, default(Vector128<int>)), LoadI8(p + 4, default(Vector128<int>)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreI8(Vector256<int> v, nint p)
    {
        StoreI8(v.GetLower(), p);
        StoreI8(v.GetUpper(), p + 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> LoadBool(nint p, Vector256<int> _) => Vector256.Create(LoadBool(p, default(Vector128<int>)), LoadBool(p + 4, default(Vector128<int>)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBool(Vector256<int> v, nint p)
    {
        StoreBool(v.GetLower(), p);
        StoreBool(v.GetUpper(), p + 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> RoundBF16(Vector256<float> v) => Vector256.Create(RoundBF16(v.GetLower()), RoundBF16(v.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> RoundF16(Vector256<float> v) => Vector256.Create(RoundF16(v.GetLower()), RoundF16(v.GetUpper()));

    // ---- 512 bits, from halves ----

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadBF16(nint p, Vector512<float> _) => Vector512.Create(LoadBF16(p, default(Vector256<float>)), LoadBF16(p + 16, default(Vector256<float>)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBF16(Vector512<float> v, nint p)
    {
        StoreBF16(v.GetLower(), p);
        StoreBF16(v.GetUpper(), p + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadF16(nint p, Vector512<float> _) => Vector512.Create(LoadF16(p, default(Vector256<float>)), LoadF16(p + 16, default(Vector256<float>)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreF16(Vector512<float> v, nint p)
    {
        StoreF16(v.GetLower(), p);
        StoreF16(v.GetUpper(), p + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> LoadU16(nint p, Vector512<int> _) => Vector512.Create(LoadU16(p, default(Vector256<int>)), LoadU16(p + 16, default(Vector256<int>)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreU16(Vector512<int> v, nint p)
    {
        StoreU16(v.GetLower(), p);
        StoreU16(v.GetUpper(), p + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> LoadI16(nint p, Vector512<int> _) => Vector512.Create(LoadI16(p, default(Vector256<int>)), LoadI16(p + 16, default(Vector256<int>)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreI16(Vector512<int> v, nint p)
    {
        StoreI16(v.GetLower(), p);
        StoreI16(v.GetUpper(), p + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> LoadU8(nint p, Vector512<int> _) => Vector512.Create(LoadU8(p, default(Vector256<int>)), LoadU8(p + 8, default(Vector256<int>)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreU8(Vector512<int> v, nint p)
    {
        StoreU8(v.GetLower(), p);
        StoreU8(v.GetUpper(), p + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> LoadI8(nint p, Vector512<int> _) => Vector512.Create(LoadI8(p, default(Vector256<int>)), LoadI8(p + 8, default(Vector256<int>)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreI8(Vector512<int> v, nint p)
    {
        StoreI8(v.GetLower(), p);
        StoreI8(v.GetUpper(), p + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> LoadBool(nint p, Vector512<int> _) => Vector512.Create(LoadBool(p, default(Vector256<int>)), LoadBool(p + 8, default(Vector256<int>)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBool(Vector512<int> v, nint p)
    {
        StoreBool(v.GetLower(), p);
        StoreBool(v.GetUpper(), p + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> RoundBF16(Vector512<float> v) => Vector512.Create(RoundBF16(v.GetLower()), RoundBF16(v.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> RoundF16(Vector512<float> v) => Vector512.Create(RoundF16(v.GetLower()), RoundF16(v.GetUpper()));

    // ---- 64-bit lanes: booleans ----

    public static Vector128<long> LoadBool(nint p, Vector128<long> _) => Vector128.Create(((byte*)p)[0] != 0 ? -1L : 0, ((byte*)p)[1] != 0 ? -1L : 0);

    public static void StoreBool(Vector128<long> v, nint p) { ((byte*)p)[0] = (byte)(v[0] & 1); ((byte*)p)[1] = (byte)(v[1] & 1); }

    public static Vector256<long> LoadBool(nint p, Vector256<long> _) => Vector256.Create(LoadBool(p, default(Vector128<long>)), LoadBool(p + 2, default(Vector128<long>)));

    public static void StoreBool(Vector256<long> v, nint p) { StoreBool(v.GetLower(), p); StoreBool(v.GetUpper(), p + 2); }

    public static Vector512<long> LoadBool(nint p, Vector512<long> _) => Vector512.Create(LoadBool(p, default(Vector256<long>)), LoadBool(p + 4, default(Vector256<long>)));

    public static void StoreBool(Vector512<long> v, nint p) { StoreBool(v.GetLower(), p); StoreBool(v.GetUpper(), p + 4); }

    // ---- across lanes: halves first, always in the same order ----

    public static float Sum(Vector512<float> v)
    {
        Vector256<float> a = v.GetLower(), b = v.GetUpper();
        return Sum(a + b);
    }

    public static float Sum(Vector256<float> v)
    {
        Vector128<float> a = v.GetLower(), b = v.GetUpper();
        return Sum(a + b);
    }

    public static float Sum(Vector128<float> v) => (v[0] + v[2]) + (v[1] + v[3]);

    public static float Product(Vector512<float> v)
    {
        Vector256<float> a = v.GetLower(), b = v.GetUpper();
        return Product(a * b);
    }

    public static float Product(Vector256<float> v)
    {
        Vector128<float> a = v.GetLower(), b = v.GetUpper();
        return Product(a * b);
    }

    public static float Product(Vector128<float> v) => (v[0] * v[2]) * (v[1] * v[3]);

    public static float Max(Vector512<float> v)
    {
        Vector256<float> a = v.GetLower(), b = v.GetUpper();
        return Max(Vector256.Max(a, b));
    }

    public static float Max(Vector256<float> v)
    {
        Vector128<float> a = v.GetLower(), b = v.GetUpper();
        return Max(Vector128.Max(a, b));
    }

    public static float Max(Vector128<float> v) => MathF.Max(MathF.Max(v[0], v[2]), MathF.Max(v[1], v[3]));

    public static double Sum(Vector512<double> v)
    {
        Vector256<double> a = v.GetLower(), b = v.GetUpper();
        return Sum(a + b);
    }

    public static double Sum(Vector256<double> v)
    {
        Vector128<double> a = v.GetLower(), b = v.GetUpper();
        return Sum(a + b);
    }

    public static double Sum(Vector128<double> v) => v[0] + v[1];

    public static double Product(Vector512<double> v)
    {
        Vector256<double> a = v.GetLower(), b = v.GetUpper();
        return Product(a * b);
    }

    public static double Product(Vector256<double> v)
    {
        Vector128<double> a = v.GetLower(), b = v.GetUpper();
        return Product(a * b);
    }

    public static double Product(Vector128<double> v) => v[0] * v[1];

    public static double Max(Vector512<double> v)
    {
        Vector256<double> a = v.GetLower(), b = v.GetUpper();
        return Max(Vector256.Max(a, b));
    }

    public static double Max(Vector256<double> v)
    {
        Vector128<double> a = v.GetLower(), b = v.GetUpper();
        return Max(Vector128.Max(a, b));
    }

    public static double Max(Vector128<double> v) => Math.Max(v[0], v[1]);

    public static int Sum(Vector512<int> v)
    {
        Vector256<int> a = v.GetLower(), b = v.GetUpper();
        return Sum(a + b);
    }

    public static int Sum(Vector256<int> v)
    {
        Vector128<int> a = v.GetLower(), b = v.GetUpper();
        return Sum(a + b);
    }

    public static int Sum(Vector128<int> v) => (v[0] + v[2]) + (v[1] + v[3]);

    public static int Product(Vector512<int> v)
    {
        Vector256<int> a = v.GetLower(), b = v.GetUpper();
        return Product(a * b);
    }

    public static int Product(Vector256<int> v)
    {
        Vector128<int> a = v.GetLower(), b = v.GetUpper();
        return Product(a * b);
    }

    public static int Product(Vector128<int> v) => (v[0] * v[2]) * (v[1] * v[3]);

    public static int Max(Vector512<int> v)
    {
        Vector256<int> a = v.GetLower(), b = v.GetUpper();
        return Max(Vector256.Max(a, b));
    }

    public static int Max(Vector256<int> v)
    {
        Vector128<int> a = v.GetLower(), b = v.GetUpper();
        return Max(Vector128.Max(a, b));
    }

    public static int Max(Vector128<int> v) => Math.Max(Math.Max(v[0], v[2]), Math.Max(v[1], v[3]));

    public static long Sum(Vector512<long> v)
    {
        Vector256<long> a = v.GetLower(), b = v.GetUpper();
        return Sum(a + b);
    }

    public static long Sum(Vector256<long> v)
    {
        Vector128<long> a = v.GetLower(), b = v.GetUpper();
        return Sum(a + b);
    }

    public static long Sum(Vector128<long> v) => v[0] + v[1];

    public static long Product(Vector512<long> v)
    {
        Vector256<long> a = v.GetLower(), b = v.GetUpper();
        return Product(a * b);
    }

    public static long Product(Vector256<long> v)
    {
        Vector128<long> a = v.GetLower(), b = v.GetUpper();
        return Product(a * b);
    }

    public static long Product(Vector128<long> v) => v[0] * v[1];

    public static long Max(Vector512<long> v)
    {
        Vector256<long> a = v.GetLower(), b = v.GetUpper();
        return Max(Vector256.Max(a, b));
    }

    public static long Max(Vector256<long> v)
    {
        Vector128<long> a = v.GetLower(), b = v.GetUpper();
        return Max(Vector128.Max(a, b));
    }

    public static long Max(Vector128<long> v) => Math.Max(v[0], v[1]);

    public static uint Sum(Vector512<uint> v)
    {
        Vector256<uint> a = v.GetLower(), b = v.GetUpper();
        return Sum(a + b);
    }

    public static uint Sum(Vector256<uint> v)
    {
        Vector128<uint> a = v.GetLower(), b = v.GetUpper();
        return Sum(a + b);
    }

    public static uint Sum(Vector128<uint> v) => (v[0] + v[2]) + (v[1] + v[3]);

    public static uint Product(Vector512<uint> v)
    {
        Vector256<uint> a = v.GetLower(), b = v.GetUpper();
        return Product(a * b);
    }

    public static uint Product(Vector256<uint> v)
    {
        Vector128<uint> a = v.GetLower(), b = v.GetUpper();
        return Product(a * b);
    }

    public static uint Product(Vector128<uint> v) => (v[0] * v[2]) * (v[1] * v[3]);

    public static uint Max(Vector512<uint> v)
    {
        Vector256<uint> a = v.GetLower(), b = v.GetUpper();
        return Max(Vector256.Max(a, b));
    }

    public static uint Max(Vector256<uint> v)
    {
        Vector128<uint> a = v.GetLower(), b = v.GetUpper();
        return Max(Vector128.Max(a, b));
    }

    public static uint Max(Vector128<uint> v) => Math.Max(Math.Max(v[0], v[2]), Math.Max(v[1], v[3]));

    // ---- scalars ----

    public static float RoundBF16(float x) => (BFloat16)x;

    public static float RoundF16(float x) => (float)(Half)x;

    public static float LoadF16(nint p) => (float)*(Half*)p;

    public static float LoadBF16(nint p) => *(BFloat16*)p;

    public static void StoreF16(nint p, float x) => *(Half*)p = (Half)x;

    public static void StoreBF16(nint p, float x) => *(BFloat16*)p = (BFloat16)x;

    /// <summary>The index, or 0 with a note in the launch's error record where it is not in [0, extent).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long CheckIndex(long index, long extent, nint error, long site)
    {
        if ((ulong)index < (ulong)extent) return index;
        Report(index, extent, error, site);
        return 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Report(long index, long extent, nint error, long site)
    {
        var record = (long*)error;
        if (Interlocked.CompareExchange(ref record[0], 1, 0) != 0) return;
        (record[1], record[2], record[3]) = (index, extent, site);
    }
}
