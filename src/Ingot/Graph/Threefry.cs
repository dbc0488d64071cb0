namespace Ingot.Graph;

/// <summary>Threefry-2x32 with 20 rounds: random bits as a function of (key, counter), so a value depends on its position alone.</summary>
/// <remarks>Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3". The kernel form is in Kernels/Lower; tests hold the two together.</remarks>
public static class Threefry
{
    /// <summary>Rotation distances of the eight-round cycle (table 2 of the paper, Threefry-2x32).</summary>
    internal static readonly int[] Rotations = [13, 15, 26, 6, 17, 29, 16, 24];

    internal const uint Parity = 0x1BD11BDA;

    /// <summary>The first word of the block with this counter.</summary>
    public static uint Bits(ulong key, ulong counter)
    {
        uint k0 = (uint)key, k1 = (uint)(key >> 32), k2 = k0 ^ k1 ^ Parity;
        Span<uint> k = [k0, k1, k2];
        uint x0 = (uint)counter + k0, x1 = (uint)(counter >> 32) + k1;
        for (int round = 0; round < 20; round++)
        {
            x0 += x1;
            x1 = uint.RotateLeft(x1, Rotations[round % 8]) ^ x0;
            if (round % 4 != 3) continue;
            int s = round / 4 + 1;
            x0 += k[s % 3];
            x1 += k[(s + 1) % 3] + (uint)s;
        }
        return x0;
    }
}
