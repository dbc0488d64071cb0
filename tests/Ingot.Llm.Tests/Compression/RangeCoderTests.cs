using Ingot.Llm.Compression;

namespace Ingot.Llm.Tests.Compression;

public class RangeCoderTests
{
    [Theory]
    [InlineData(1, 3UL)]
    [InlineData(2, 1UL << 30)]
    [InlineData(3, 1UL << 48)]
    public void Decode_WhatWasEncoded_IsGivenBackAtTheSizeOfItsEntropy(int seed, ulong largest)
    {
        var random = new Random(seed);
        var symbols = new (ulong Below, ulong Frequency, ulong Total)[20_000];
        double bits = 0;
        var encoder = new RangeEncoder();
        foreach (ref var s in symbols.AsSpan())
        {
            ulong total = 2 + (ulong)random.NextInt64((long)largest - 1);
            // Rare ones, certain ones, the first and the last.
            ulong frequency = random.Next(4) switch { 0 => 1, 1 => total, 2 => total - 1, _ => 1 + (ulong)random.NextInt64((long)total) };
            ulong below = random.Next(3) switch { 0 => 0, 1 => total - frequency, _ => (ulong)random.NextInt64((long)(total - frequency) + 1) };
            s = (below, frequency, total);
            bits -= Math.Log2(frequency / (double)total);
            encoder.Encode(below, frequency, total);
        }
        var bytes = encoder.Finish().ToArray();
        (8.0 * bytes.Length).ShouldBeInRange(bits - 8, bits + symbols.Length * Math.Log2(1 / (1 - largest / Math.Pow(2, 56))) + 16);
        var decoder = new RangeDecoder(bytes);
        foreach (var (below, frequency, total) in symbols)
        {
            decoder.Peek(total).ShouldBeInRange(below, below + frequency - 1);
            decoder.Take(below, frequency);
        }
    }

    [Fact]
    public void Encode_NothingOrTheCertain_TakesAByteAtMost()
    {
        new RangeEncoder().Finish().Length.ShouldBe(0);
        var encoder = new RangeEncoder();
        for (int i = 0; i < 1000; i++) encoder.Encode(0, 7, 7);
        encoder.Finish().Length.ShouldBeLessThanOrEqualTo(1);
    }
}
