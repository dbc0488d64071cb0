using Ingot.Formats;
using Ingot.Formats.Quantization;

namespace Ingot.Llm.Models;

/// <summary>A tensor of a file that was written.</summary>
/// <param name="Name">Its name there.</param>
/// <param name="From">The type that it had.</param>
/// <param name="To">The type that it was written in.</param>
/// <param name="BytesBefore">In the type it had.</param>
/// <param name="BytesAfter">In the file.</param>
/// <param name="SquaredError">Sum of the squared differences between the values before and after.</param>
/// <param name="SquaredSum">Sum of the squared values before.</param>
public sealed record WrittenTensor(string Name, GgmlType From, GgmlType To, long BytesBefore, long BytesAfter, double SquaredError, double SquaredSum)
{
    internal static WrittenTensor Of(string name, Weight before, Weight after)
    {
        double error = 0, sum = 0;
        const int Piece = 1 << 16; // a multiple of every block
        float[] a = new float[Piece], b = new float[Piece];
        long count = before.Type == after.Type ? 0 : before.Shape.Count; // what is copied has no error
        for (long at = 0; at < count; at += Piece)
        {
            int n = (int)Math.Min(Piece, count - at);
            Decode(before, at, a.AsSpan(0, n));
            Decode(after, at, b.AsSpan(0, n));
            for (int i = 0; i < n; i++)
            {
                double d = (double)a[i] - b[i];
                error += d * d;
                sum += (double)a[i] * a[i];
            }
        }
        return new(name, before.Type, after.Type, before.Bytes, after.Bytes, error, sum);
    }

    static void Decode(Weight weight, long at, Span<float> values)
    {
        BlockFormats.Decode(weight.Type, weight.Memory.Span<byte>(weight.Type.BytesOf(at), (int)weight.Type.BytesOf(values.Length)), values);
        GC.KeepAlive(weight.Memory);
    }
}
