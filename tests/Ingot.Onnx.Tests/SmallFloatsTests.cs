using Ingot.Onnx.Operators;

namespace Ingot.Onnx.Tests;

public sealed class SmallFloatsTests
{
    [Theory]
    [InlineData(OnnxDType.Float8E4M3FN, 448f)]
    [InlineData(OnnxDType.Float8E4M3FNUZ, 240f)]
    [InlineData(OnnxDType.Float8E5M2, 57344f)]
    [InlineData(OnnxDType.Float8E5M2FNUZ, 57344f)]
    [InlineData(OnnxDType.Float4E2M1, 6f)]
    public void Encode_EveryValueOfTheType_IsItsOwnPattern(OnnxDType type, float largest)
    {
        var table = SmallFloats.ValuesOf(type);
        table.Where(float.IsFinite).Max().ShouldBe(largest);
        var bits = new byte[table.Length];
        SmallFloats.Encode(type, table, saturate: false, bits);
        for (int b = 0; b < table.Length; b++)
            if (float.IsNaN(table[b])) float.IsNaN(table[bits[b]]).ShouldBeTrue();
            else ((int)bits[b]).ShouldBe(b);
    }

    [Theory]
    [InlineData(OnnxDType.Float8E4M3FN)]
    [InlineData(OnnxDType.Float8E5M2FNUZ)]
    [InlineData(OnnxDType.Float4E2M1)]
    public void Encode_BetweenTwoValues_TakesTheNearerAndOfTwoTheEvenOne(OnnxDType type)
    {
        var table = SmallFloats.ValuesOf(type);
        for (int b = 0; b + 1 < table.Length / 2; b++)
        {
            float low = table[b], high = table[b + 1];
            if (!float.IsFinite(low) || !float.IsFinite(high)) continue;
            var bits = new byte[3];
            SmallFloats.Encode(type, [low + ((high - low) * 0.49f), low + ((high - low) * 0.5f), low + ((high - low) * 0.51f)], true, bits);
            bits.ShouldBe([(byte)b, (byte)(b % 2 == 0 ? b : b + 1), (byte)(b + 1)]);
        }
    }

    [Fact]
    public void Encode_TooLarge_SaturatesOrOverflowsAsAsked()
    {
        float[] values = [1e6f, -1e6f, float.PositiveInfinity, BitConverter.UInt32BitsToSingle(0x7FC00000)]; // C#'s own NaN is negative
        var bits = new byte[4];
        SmallFloats.Encode(OnnxDType.Float8E4M3FN, values, true, bits);
        bits.ShouldBe([0x7E, 0xFE, 0x7E, 0x7F]);
        SmallFloats.Encode(OnnxDType.Float8E4M3FN, values, false, bits);
        bits.ShouldBe([0x7F, 0xFF, 0x7F, 0x7F]);
        SmallFloats.Encode(OnnxDType.Float8E5M2, values, false, bits);
        bits.ShouldBe([0x7C, 0xFC, 0x7C, 0x7F]);
        SmallFloats.Encode(OnnxDType.Float8E5M2FNUZ, values, false, bits);
        bits.ShouldBe([0x80, 0x80, 0x80, 0x80]);
    }
}
