using System.Collections.Concurrent;

namespace Ingot.Onnx.Operators;

/// <summary>Kernels between float32 and 8- and 4-bit floats; one of each, so that plans find them again.</summary>
static class SmallFloatKernels
{
    static readonly ConcurrentDictionary<OnnxDType, CustomKernel> Decoders = new();
    static readonly ConcurrentDictionary<(OnnxDType, bool, string), CustomKernel> Encoders = new();

    public static CustomKernel Decoder(OnnxDType type) => Decoders.GetOrAdd(type, t => new($"From{t}", a =>
    {
        var table = SmallFloats.ValuesOf(t);
        var bits = a.Input<byte>(0);
        var values = a.Output<float>();
        for (int i = 0; i < bits.Length; i++) values[i] = table[bits[i] & (table.Length - 1)];
    }));

    public static CustomKernel Encoder(OnnxDType type, bool saturate, string mode) => Encoders.GetOrAdd((type, saturate, mode), k => new($"To{k.Item1}", a =>
    {
        var values = a.Input<float>(0);
        var bits = a.Output<byte>();
        if (k.Item1 != OnnxDType.Float8E8M0) SmallFloats.Encode(k.Item1, values, k.Item2, bits);
        else
            for (int i = 0; i < bits.Length; i++) bits[i] = SmallFloats.EncodeE8M0(values[i], k.Item2, k.Item3);
    }));
}
