using System.Numerics;

namespace Ingot.Onnx.Operators;

/// <summary>The discrete Fourier transform of one length, in float64: by halving for powers of two, for others as a convolution of such a length.</summary>
/// <remarks>Cooley and Tukey 1965; Bluestein 1970, "A linear filtering approach to the computation of the discrete Fourier transform".</remarks>
sealed class Fourier
{
    readonly int n, sign;
    readonly Complex[] roots;
    readonly Fourier? wide;
    readonly Complex[] chirp = [], filter = [], work = [];

    /// <param name="n">Number of elements.</param>
    /// <param name="sign">Of the exponent: -1 forward, 1 backward. Nothing is divided by n.</param>
    public Fourier(int n, int sign)
    {
        (this.n, this.sign) = (n, sign);
        roots = [.. Enumerable.Range(0, n).Select(i => Root(i, n))];
        if (BitOperations.IsPow2(n)) return;
        int length = (int)BitOperations.RoundUpToPowerOf2((uint)(2 * n - 1));
        wide = new(length, -1);
        chirp = [.. Enumerable.Range(0, n).Select(i => Root((long)i * i % (2L * n), 2L * n))];
        (filter, work) = (new Complex[length], new Complex[length]);
        for (int i = 0; i < n; i++) filter[i] = filter[(length - i) % length] = Complex.Conjugate(chirp[i]);
        wide.Run(filter);
    }

    Complex Root(long i, long of)
    {
        var (sin, cos) = Math.SinCos(2 * Math.PI * i / of);
        return new(cos, sign * sin);
    }

    /// <summary>Transforms in place.</summary>
    public void Run(Span<Complex> x)
    {
        if (wide is null) Halving(x);
        else Convolution(x);
    }

    void Halving(Span<Complex> x)
    {
        for (int i = 1, j = 0; i < n; i++) // the order of reversed bits
        {
            int bit = n >> 1;
            for (; (j & bit) != 0; bit >>= 1) j ^= bit;
            j |= bit;
            if (i < j) (x[i], x[j]) = (x[j], x[i]);
        }
        for (int half = 1; half < n; half *= 2)
            for (int start = 0; start < n; start += 2 * half)
                for (int k = 0; k < half; k++)
                {
                    var odd = x[start + half + k] * roots[k * (n / (2 * half))];
                    x[start + half + k] = x[start + k] - odd;
                    x[start + k] += odd;
                }
    }

    /// <summary>jk = (j^2 + k^2 - (k - j)^2) / 2 turns the sum over j into a convolution with a chirp.</summary>
    void Convolution(Span<Complex> x)
    {
        Array.Clear(work);
        for (int i = 0; i < n; i++) work[i] = x[i] * chirp[i];
        wide!.Run(work);
        for (int i = 0; i < work.Length; i++) work[i] = Complex.Conjugate(work[i] * filter[i]); // the inverse as the conjugate's forward
        wide.Run(work);
        for (int i = 0; i < n; i++) x[i] = Complex.Conjugate(work[i]) / work.Length * chirp[i];
    }
}
