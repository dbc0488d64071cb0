namespace Ingot.Llm.Models;

/// <summary>How the frequencies of rotary positions are changed for contexts longer than the first training's.</summary>
public abstract record RopeScaling
{
    /// <summary>Every position is divided by a factor.</summary>
    public sealed record Linear(double Factor) : RopeScaling;

    /// <summary>Llama 3.1's: long wavelengths are divided, short ones stay, and those between are blended.</summary>
    /// <param name="Factor">What long wavelengths are divided by.</param>
    /// <param name="LowFrequencyFactor">Wavelengths above OriginalContext / this are long.</param>
    /// <param name="HighFrequencyFactor">Wavelengths below OriginalContext / this are short.</param>
    /// <param name="OriginalContext">The context of the first training.</param>
    public sealed record Llama3(double Factor, double LowFrequencyFactor, double HighFrequencyFactor, int OriginalContext) : RopeScaling;

    /// <summary>YaRN: wavelengths that turn often in the original context stay, those that turn seldom are divided, and those between are blended along a ramp.</summary>
    /// <param name="Factor">What long wavelengths are divided by.</param>
    /// <param name="OriginalContext">The context of the first training.</param>
    /// <param name="Amplitude">Cosines and sines are multiplied by it; <see cref="YarnAmplitude"/> if the file does not say.</param>
    /// <param name="BetaFast">Turns in the original context from which a wavelength stays.</param>
    /// <param name="BetaSlow">Turns up to which it is divided.</param>
    /// <remarks>Peng et al. 2023, "YaRN: efficient context window extension of large language models".</remarks>
    public sealed record Yarn(double Factor, int OriginalContext, double Amplitude, double BetaFast = 32, double BetaSlow = 1) : RopeScaling;

    /// <summary>Each frequency is divided by a factor of its own, as GGUF files give it for Llama 3.</summary>
    /// <param name="Divisors">One a frequency.</param>
    public sealed record Divided(IReadOnlyList<double> Divisors) : RopeScaling;

    /// <summary>LongRoPE, Phi-3's: each frequency is divided by a factor of its own, other ones for texts longer than the original context.</summary>
    /// <param name="Short">One a frequency, for texts up to the original context.</param>
    /// <param name="Long">One a frequency, for longer texts.</param>
    /// <param name="OriginalContext">The context of the first training.</param>
    /// <param name="Amplitude">Cosines and sines are multiplied by it.</param>
    /// <remarks>Ding et al. 2024, "LongRoPE".</remarks>
    public sealed record LongRope(IReadOnlyList<double> Short, IReadOnlyList<double> Long, int OriginalContext, double Amplitude) : RopeScaling;

    /// <summary>0.1 ln(factor) + 1: what YaRN's attention is sharpened by.</summary>
    public static double YarnAmplitude(double factor) => factor <= 1 ? 1 : 0.1 * Math.Log(factor) + 1;

    /// <summary>sqrt(1 + ln(factor) / ln(original)): the same of LongRoPE, for a context extended by a factor.</summary>
    public static double LongRopeAmplitude(double factor, int originalContext) => factor <= 1 ? 1 : Math.Sqrt(1 + Math.Log(factor) / Math.Log(originalContext));
}
