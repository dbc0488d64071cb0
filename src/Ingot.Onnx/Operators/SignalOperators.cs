using System.Numerics;

namespace Ingot.Onnx.Operators;

/// <summary>Fourier transforms and what goes before and after them.</summary>
static class SignalOperators
{
    /// <summary>Rows of complex numbers (rows, n, 2), transformed in float64 to (rows, n, 2).</summary>
    static readonly CustomKernel Forward = Transform("fourier", -1), Backward = Transform("inverse fourier", 1);

    static CustomKernel Transform(string name, int sign) => new(name, a =>
    {
        int n = a.OutputShape[1];
        var fourier = new Fourier(n, sign);
        var row = new Complex[n];
        if (a.OutputDType == DType.F64) Rows(a.Input<double>(0), a.Output<double>());
        else Rows(a.Input<float>(0), a.Output<float>());

        void Rows<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T>
        {
            for (int start = 0; start < y.Length; start += 2 * n)
            {
                for (int i = 0; i < n; i++) row[i] = new(double.CreateSaturating(x[start + 2 * i]), double.CreateSaturating(x[start + 2 * i + 1]));
                fourier.Run(row);
                for (int i = 0; i < n; i++) (y[start + 2 * i], y[start + 2 * i + 1]) = (T.CreateSaturating(row[i].Real), T.CreateSaturating(row[i].Imaginary));
            }
        }
    });

    /// <summary>The transform of a dimension before the last, which is 2 for complex and 1 for real signals; cut or filled with zeros to a length.</summary>
    /// <remarks>A one-sided result is the first half; of the inverse, the input is that half and the result real.</remarks>
    [OnnxOperator("DFT", Since = 17)]
    static Tensor Dft(OperatorCall c)
    {
        var input = c.Tensor(0);
        bool isInverse = c.Flag("inverse"), isOneSided = c.Flag("onesided");
        long named = c.Opset >= 20 ? c.Has(2) ? c.ScalarOf<long>(2) : -2 : c.Int("axis", 1);
        int axis = c.Axis(named, input.Rank);
        if (axis == input.Rank - 1 || input.Shape[^1] is not (1 or 2)) throw c.Bad($"axis {named} of {input.Shape}: the last dimension holds real and imaginary parts");
        int? length = c.Has(1) ? checked((int)c.ScalarOf<long>(1)) : null;
        return input.Widely(signal =>
        {
            var x = signal.MoveDim(axis, -2);
            bool isHalf = isInverse && isOneSided;
            int n = length ?? (isHalf ? 2 * (x.Shape[^2] - 1) : x.Shape[^2]);
            if (isHalf) x = Mirrored(Fitted(Paired(x), n / 2 + 1), n);
            var y = Fourier(Fitted(Paired(x), n), isInverse);
            if (isHalf) y = y.Narrow(-1, 0, 1);
            else if (isOneSided) y = y.Narrow(-2, 0, n / 2 + 1);
            return y.MoveDim(-2, axis);
        });
    }

    static Tensor Paired(Tensor x) => x.Shape[^1] == 2 ? x : x.Pad([0, 1]);

    static Tensor Fitted(Tensor x, int n) => n <= x.Shape[^2] ? x.Narrow(-2, 0, n) : x.Pad([0, 0, 0, n - x.Shape[^2]]);

    /// <summary>The whole spectrum of a real signal from its first half: the second is the first's conjugate, backwards.</summary>
    static Tensor Mirrored(Tensor half, int n)
    {
        int more = n - half.Shape[^2];
        if (more <= 0) return half;
        var back = half.Narrow(-2, 1, more).Flip(-2);
        return Tensor.Cat([half, back * Tensor.From([1f, -1f]).To(half.DType)], half.Rank - 2);
    }

    /// <summary>The transform of (.., n, 2); the inverse divides by n.</summary>
    static Tensor Fourier(Tensor x, bool isInverse)
    {
        if (x.Count == 0) return x;
        int n = x.Shape[^2];
        var rows = x.Reshape(-1, n, 2);
        var y = Tensor.Custom(isInverse ? Backward : Forward, rows.Shape, x.DType, rows).Reshape(x.Shape);
        return isInverse ? y / n : y;
    }

    /// <summary>Transforms of windows of a signal (batch, time, 1 or 2), a step apart: (batch, windows, frequencies, 2).</summary>
    [OnnxOperator("STFT", Since = 17)]
    static Tensor Stft(OperatorCall c)
    {
        var input = c.Tensor(0);
        int step = checked((int)c.ScalarOf<long>(1));
        int length = c.Has(3) ? checked((int)c.ScalarOf<long>(3)) : c.Has(2) ? c.Shape(2)[0] : throw c.Bad("needs a window or the length of one");
        bool isOneSided = c.Flag("onesided", true);
        return input.Widely(x =>
        {
            var signal = x.Rank == 2 ? x.Unsqueeze(2) : x;
            if (step < 1 || length < 1 || length > signal.Shape[1]) throw c.Bad($"windows of {length}, {step} apart, of a signal of {signal.Shape}");
            var frames = signal.Unfold(1, length, step).Transpose(-2, -1); // (batch, windows, length, 1 or 2)
            if (c.Has(2)) frames *= c.Tensor(2).To(x.DType).Reshape(length, 1);
            var y = Fourier(Paired(frames), isInverse: false);
            return isOneSided ? y.Narrow(-2, 0, length / 2 + 1) : y;
        });
    }

    // ---- windows ----

    [OnnxOperator("HannWindow", Since = 17)]
    static Tensor HannWindow(OperatorCall c) => Window(c, 0.5, 0.5, 0);

    [OnnxOperator("HammingWindow", Since = 17)]
    static Tensor HammingWindow(OperatorCall c) => Window(c, 25.0 / 46, 21.0 / 46, 0);

    [OnnxOperator("BlackmanWindow", Since = 17)]
    static Tensor BlackmanWindow(OperatorCall c) => Window(c, 0.42, 0.5, 0.08);

    /// <summary>constant - once cos(2 pi i / N) + twice cos(4 pi i / N), where N is the size, or of a symmetric window one less.</summary>
    static Tensor Window(OperatorCall c, double constant, double once, double twice)
    {
        int size = checked((int)c.ScalarOf<long>(0));
        c.Afford(size, sizeof(double));
        double period = c.Flag("periodic", true) ? size : size - 1;
        double[] values = [.. Enumerable.Range(0, size).Select(i => 2 * Math.PI * i / period).Select(t => constant - once * Math.Cos(t) + twice * Math.Cos(2 * t))];
        return Tensor.From(values, [size]).To(c.DType("output_datatype", OnnxDType.Float).Storage);
    }

    /// <summary>(frequencies, bands): triangles over the frequencies of a transform, evenly spaced in mel, each from its neighbours' peaks.</summary>
    [OnnxOperator("MelWeightMatrix", Since = 17)]
    static Tensor MelWeightMatrix(OperatorCall c)
    {
        int bands = checked((int)c.ScalarOf<long>(0)), length = checked((int)c.ScalarOf<long>(1));
        double rate = c.ScalarOf<double>(2), low = Mel(c.ScalarOf<double>(3)), high = Mel(c.ScalarOf<double>(4));
        int frequencies = length / 2 + 1;
        c.Afford((Int128)frequencies * bands + bands, sizeof(double));
        double step = (high - low) / (bands + 2); // ONNX's own: the last band ends a step below the upper limit
        int[] bins = [.. Enumerable.Range(0, checked(bands + 2)).Select(i => (int)Math.Floor((length + 1) * Hertz(low + i * step) / rate))];
        var weights = new double[checked(frequencies * bands)];
        for (int b = 0; b < bands; b++)
        {
            var (left, centre, right) = (bins[b], bins[b + 1], bins[b + 2]);
            if (centre == left && centre < frequencies) weights[centre * bands + b] = 1;
            for (int f = left; f <= centre && f < frequencies && centre > left; f++) weights[f * bands + b] = (double)(f - left) / (centre - left);
            for (int f = centre; f < right && f < frequencies; f++) weights[f * bands + b] = (double)(right - f) / (right - centre);
        }
        return Tensor.From(weights, [frequencies, bands]).To(c.DType("output_datatype", OnnxDType.Float).Storage);

        static double Mel(double hertz) => 2595 * Math.Log10(1 + hertz / 700);
        static double Hertz(double mel) => 700 * (Math.Pow(10, mel / 2595) - 1);
    }
}
