using System.Text;

namespace Ingot.Onnx.Tests.Operators;

/// <summary>Models of one node, written as their files are, and run.</summary>
static class OneNode
{
    /// <summary>Runs an operator of an opset on inputs (null where absent) with attributes (long, float, string, or arrays of the first two).</summary>
    public static OnnxValue[] Run(string op, int opset, OnnxValue?[] inputs, int outputs = 1, string domain = "", params (string Name, object Value)[] attributes)
    {
        var node = new Message();
        for (int i = 0; i < inputs.Length; i++) node.Text(1, inputs[i] is null ? "" : $"x{i}");
        for (int i = 0; i < outputs; i++) node.Text(2, $"y{i}");
        node.Text(4, op).Text(7, domain);
        foreach (var (name, value) in attributes) node.Inner(5, Attribute(name, value));
        var graph = new Message().Inner(1, node).Text(2, "test");
        for (int i = 0; i < inputs.Length; i++)
            if (inputs[i] is { } input)
                graph.Inner(11, new Message().Text(1, $"x{i}").Inner(2, new Message().Inner(1, new Message().Number(1, input is OnnxTensor t ? (long)t.DType : (long)OnnxDType.String))));
        for (int i = 0; i < outputs; i++) graph.Inner(12, new Message().Text(1, $"y{i}"));
        var file = new Message().Number(1, 8).Inner(7, graph).Inner(8, new Message().Text(1, domain).Number(2, opset));
        if (domain.Length > 0) file.Inner(8, new Message().Text(1, "").Number(2, 20));
        var results = OnnxModel.Parse(file.Bytes).Run(Enumerable.Range(0, inputs.Length).Where(i => inputs[i] is not null).ToDictionary(i => $"x{i}", i => inputs[i]!));
        return [.. Enumerable.Range(0, outputs).Select(i => results[$"y{i}"])];
    }

    /// <summary>The first output's numbers.</summary>
    public static double[] Numbers(string op, int opset, OnnxValue?[] inputs, params (string Name, object Value)[] attributes) => Run(op, opset, inputs, 1, "", attributes)[0].Numbers();

    public static double[] Numbers(this OnnxValue value) => ((OnnxTensor)value).Tensor.To(DType.F64).ToArray<double>();

    public static void ShouldBeNear(this double[] actual, params double[] expected)
    {
        actual.Length.ShouldBe(expected.Length);
        for (int i = 0; i < actual.Length; i++) actual[i].ShouldBe(expected[i], 1e-5 * Math.Max(1, Math.Abs(expected[i])), $"element {i}");
    }

    public static OnnxValue F(params float[] values) => Tensor.From(values);

    public static OnnxValue I(params long[] values) => Tensor.From(values);

    /// <summary>0, 1, 2, ... as float32.</summary>
    public static Tensor Ramp(params int[] shape) => Tensor.From(Enumerable.Range(0, shape.Aggregate(1, (a, b) => a * b)).Select(i => (float)i).ToArray(), shape);

    static Message Attribute(string name, object value)
    {
        var a = new Message().Text(1, name);
        return value switch
        {
            float f => a.Single(2, f).Number(20, 1),
            int or long => a.Number(3, Convert.ToInt64(value)).Number(20, 2),
            string s => a.Text(4, s).Number(20, 3),
            float[] floats => floats.Aggregate(a, (m, f) => m.Single(7, f)).Number(20, 6),
            long[] longs => longs.Aggregate(a, (m, l) => m.Number(8, l)).Number(20, 7),
            _ => throw new ArgumentException($"an attribute of {value.GetType()}"),
        };
    }

    /// <summary>A protobuf message in the making.</summary>
    sealed class Message
    {
        readonly List<byte> bytes = [];

        public byte[] Bytes => [.. bytes];

        Message Varint(ulong value)
        {
            for (; value >= 128; value >>= 7) bytes.Add((byte)(value | 128));
            bytes.Add((byte)value);
            return this;
        }

        public Message Number(int field, long value) => Varint((ulong)field << 3).Varint((ulong)value);

        public Message Single(int field, float value)
        {
            Varint(((ulong)field << 3) | 5);
            bytes.AddRange(BitConverter.GetBytes(value));
            return this;
        }

        public Message Text(int field, string text) => Content(field, Encoding.UTF8.GetBytes(text));

        public Message Inner(int field, Message inner) => Content(field, inner.Bytes);

        Message Content(int field, byte[] content)
        {
            Varint(((ulong)field << 3) | 2).Varint((ulong)content.Length);
            bytes.AddRange(content);
            return this;
        }
    }
}
