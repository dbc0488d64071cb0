namespace Ingot.Onnx.Tests.Operators;

public sealed class BitCastTests
{
    static Tensor Cast(Tensor x, OnnxDType to) => ((OnnxTensor)OneNode.Run("BitCast", 26, [x], 1, "", ("to", (long)to))[0]).Storage;

    [Theory]
    [InlineData(3)]
    [InlineData(64)]
    public void BitCast_TruthValues_AreTheBytes0And1(int count)
    {
        var bools = Enumerable.Range(0, count).Select(i => i % 3 == 0).ToArray();
        var bytes = Array.ConvertAll(bools, b => b ? (byte)1 : (byte)0);
        Cast(Tensor.From(bools, [count]), OnnxDType.UInt8).ToArray<byte>().ShouldBe(bytes);
        Cast(Tensor.From(bools, [count]).LogicalNot(), OnnxDType.Int8).ToArray<sbyte>().ShouldBe(Array.ConvertAll(bools, b => b ? (sbyte)0 : (sbyte)1));
        Cast(Tensor.From(bytes, [count]), OnnxDType.Bool).ToArray<bool>().ShouldBe(bools);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(64)]
    public void BitCast_16BitFloatsAndIntegers_ThereAndBack(int count)
    {
        var bits = Enumerable.Range(0, count).Select(i => (short)(i * 977 % 31000 - (i % 2 == 0 ? 0 : 32768))).ToArray();
        var patterns = Tensor.From(bits, [count]);
        foreach (var type in new[] { OnnxDType.Float16, OnnxDType.BFloat16 })
        {
            var floats = Cast(patterns, type);
            var expected = Array.ConvertAll(bits, b => type == OnnxDType.Float16 ? (float)BitConverter.Int16BitsToHalf(b) : BitConverter.Int32BitsToSingle(b << 16));
            floats.To(DType.F32).ToArray<float>().ShouldBe(expected);
            Cast(floats, OnnxDType.Int16).ToArray<short>().ShouldBe(bits);
            Cast(floats, OnnxDType.UInt16).ToArray<ushort>().ShouldBe(Array.ConvertAll(bits, b => (ushort)b));
        }
    }
}
