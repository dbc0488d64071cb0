using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.Intrinsics.X86;
using Ingot.Kernels;

namespace Ingot.Codegen.Il;

/// <summary>Squares of float32 vectors turned in registers.</summary>
sealed partial class IlEmitter
{
    /// <summary>By the processor's shuffles; element by element where it has none for this width.</summary>
    void StoreSquare(StoreTransposed s)
    {
        int lanes = s.Values.Length;
        currentLanes = lanes;
        var v = vectors.VectorOf(typeof(float));
        taken = 0;
        var columns = new LocalBuilder[lanes];
        for (int c = 0; c < lanes; c++)
        {
            Value(s.Values[c], true);
            il.Emit(OpCodes.Stloc, columns[c] = Taken(v));
        }
        bool canShuffle = lanes switch { 16 => Avx512F.IsSupported, 8 => Avx.IsSupported, _ => Sse.IsSupported };
        if (!canShuffle)
        {
            for (int j = 0; j < lanes; j++)
                for (int c = 0; c < lanes; c++)
                {
                    Address(s.Slot, IndexMath.Add(s.Index, j * s.Stride + c), DType.F32);
                    il.Emit(OpCodes.Ldloc, columns[c]);
                    il.Emit(OpCodes.Ldc_I4, j);
                    il.Emit(OpCodes.Call, vectors.Method("GetElement", typeof(float), v, typeof(int)));
                    il.Emit(OpCodes.Stind_R4);
                }
            return;
        }
        var turned = lanes switch { 16 => Turn16(columns, v), 8 => Turn8(columns, v), _ => Turn4(columns, v, typeof(Sse)) };
        for (int j = 0; j < lanes; j++)
        {
            il.Emit(OpCodes.Ldloc, turned[j]);
            Address(s.Slot, IndexMath.Add(s.Index, j * s.Stride), DType.F32);
            il.Emit(OpCodes.Call, vectors.Method("Store", typeof(float), v, typeof(float*)));
        }
    }

    LocalBuilder Shuffled(Type v, MethodInfo method, LocalBuilder a, LocalBuilder b, int? control = null)
    {
        il.Emit(OpCodes.Ldloc, a);
        il.Emit(OpCodes.Ldloc, b);
        if (control is { } c) il.Emit(OpCodes.Ldc_I4, c);
        il.Emit(OpCodes.Call, method);
        var local = Taken(v);
        il.Emit(OpCodes.Stloc, local);
        return local;
    }

    /// <summary>Locals of a square, used again by the next: from 512 locals on the JIT inlines nothing, loads of vectors included.</summary>
    readonly List<LocalBuilder> ofSquares = [];
    int taken;

    LocalBuilder Taken(Type v)
    {
        if (taken == ofSquares.Count) ofSquares.Add(il.DeclareLocal(v));
        return ofSquares[taken++];
    }

    /// <summary>4x4 within each 128 bits: row r of the result holds element r (and 4 + r, ... in the further 128 bits) of the four columns.</summary>
    LocalBuilder[] Turn4(ReadOnlySpan<LocalBuilder> c, Type v, Type isa)
    {
        MethodInfo low = isa.GetMethod("UnpackLow", [v, v])!, high = isa.GetMethod("UnpackHigh", [v, v])!, shuffle = isa.GetMethod("Shuffle", [v, v, typeof(byte)])!;
        LocalBuilder ab = Shuffled(v, low, c[0], c[1]), cd = Shuffled(v, low, c[2], c[3]); // a0 b0 a1 b1, c0 d0 c1 d1
        LocalBuilder ab2 = Shuffled(v, high, c[0], c[1]), cd2 = Shuffled(v, high, c[2], c[3]);
        const int lower = 0b01_00_01_00, upper = 0b11_10_11_10;
        return [Shuffled(v, shuffle, ab, cd, lower), Shuffled(v, shuffle, ab, cd, upper), Shuffled(v, shuffle, ab2, cd2, lower), Shuffled(v, shuffle, ab2, cd2, upper)];
    }

    LocalBuilder[] Turn8(LocalBuilder[] c, Type v)
    {
        LocalBuilder[] first = Turn4(c.AsSpan(0, 4), v, typeof(Avx)), second = Turn4(c.AsSpan(4, 4), v, typeof(Avx));
        var halves = typeof(Avx).GetMethod(nameof(Avx.Permute2x128), [v, v, typeof(byte)])!;
        return [.. Enumerable.Range(0, 8).Select(j => Shuffled(v, halves, first[j % 4], second[j % 4], j < 4 ? 0x20 : 0x31))];
    }

    /// <summary>Sixteen 4x4 squares, then a 4x4 square of 128-bit blocks.</summary>
    LocalBuilder[] Turn16(LocalBuilder[] c, Type v)
    {
        var t = Enumerable.Range(0, 4).Select(g => Turn4(c.AsSpan(4 * g, 4), v, typeof(Avx512F))).ToArray();
        var blocks = typeof(Avx512F).GetMethod(nameof(Avx512F.Shuffle4x128), [v, v, typeof(byte)])!;
        var rows = new LocalBuilder[16];
        for (int r = 0; r < 4; r++)
            foreach (var (half, q) in new[] { (0x44, 0), (0xEE, 2) }) // blocks 0 and 1, blocks 2 and 3
            {
                LocalBuilder left = Shuffled(v, blocks, t[0][r], t[1][r], half), right = Shuffled(v, blocks, t[2][r], t[3][r], half);
                rows[4 * q + r] = Shuffled(v, blocks, left, right, 0x88);
                rows[4 * (q + 1) + r] = Shuffled(v, blocks, left, right, 0xDD);
            }
        return rows;
    }
}
