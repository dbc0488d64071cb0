namespace Ingot.Nn;

/// <summary>A hyper-parameter: a number, or a function of the progress of the training, from 0 at its start to 1 at its end.</summary>
public sealed class Schedule
{
    readonly Func<double, double> at;

    internal Schedule(Func<double, double> at, bool isConstant) => (this.at, IsConstant) = (at, isConstant);

    /// <summary>The same number at every step.</summary>
    public bool IsConstant { get; }

    /// <summary>The value at a progress from 0 to 1.</summary>
    public double At(double progress) => at(progress);

    public static implicit operator Schedule(double value) => Schedules.Constant(value);

    public static implicit operator Schedule(Func<double, double> at) => Schedules.Of(at);
}

/// <summary>Ready-made schedules.</summary>
public static class Schedules
{
    /// <summary>Any function of progress.</summary>
    public static Schedule Of(Func<double, double> at) => new(at, false);

    public static Schedule Constant(double value) => new(_ => value, true);

    /// <summary>A straight line.</summary>
    public static Schedule Linear(double from, double to) => new(t => from + (to - from) * Clamped(t), from == to);

    /// <summary>Rises in a straight line from 0 over the first part, then falls along half a cosine to the floor.</summary>
    /// <param name="peak">The highest value.</param>
    /// <param name="floor">The value at the end.</param>
    /// <param name="warmup">The first part, as a fraction of the training.</param>
    public static Schedule WarmupCosine(double peak, double floor = 0, double warmup = 0.05) => Of(t =>
        t < warmup ? peak * t / warmup : warmup >= 1 ? peak : floor + (peak - floor) * 0.5 * (1 + Math.Cos(Math.PI * Clamped((t - warmup) / (1 - warmup)))));

    /// <summary>One value for the first part, then a straight line to the floor.</summary>
    /// <param name="value">The value before the decay.</param>
    /// <param name="floor">The value at the end.</param>
    /// <param name="decay">The last part, in which it falls, as a fraction of the training.</param>
    public static Schedule ConstantThenDecay(double value, double floor = 0, double decay = 0.2) => Of(t =>
        t <= 1 - decay ? value : floor + (value - floor) * Clamped((1 - t) / decay));

    static double Clamped(double t) => Math.Clamp(t, 0, 1);
}
