using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ingot.Llm.Training;

/// <summary>A number as a function of progress, straight between given points and level beyond them: <c>0:0,0.1:1,1:0.05</c>.</summary>
[JsonConverter(typeof(AsText))]
public sealed record ProgressCurve
{
    readonly (double At, double Value)[] points;

    ProgressCurve((double, double)[] points) => this.points = points;

    /// <param name="text">Points as <c>progress:value</c>, in rising order of progress, between commas; or one number.</param>
    /// <exception cref="IngotException">It is none; the message says where.</exception>
    public static ProgressCurve Parse(string text)
    {
        static double Number(string part, string whole) => double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out double n) && double.IsFinite(n) ? n
            : throw new IngotException($"'{part}' in '{whole}' is no number; a curve is one number, or points such as 0:0,0.1:1,1:0.05");

        var points = new List<(double At, double Value)>();
        foreach (var part in text.Split(','))
        {
            int colon = part.IndexOf(':', StringComparison.Ordinal);
            var point = colon < 0 ? (At: 0, Value: Number(part, text)) : (At: Number(part[..colon], text), Value: Number(part[(colon + 1)..], text));
            if (colon < 0 && text.Contains(',', StringComparison.Ordinal)) throw new IngotException($"'{part}' in '{text}' has no progress; write it as progress:value");
            if (point.At is < 0 or > 1 || points.Count > 0 && point.At <= points[^1].At) throw new IngotException($"the points of '{text}' must rise from 0 to at most 1; {point.At} does not");
            points.Add(point);
        }
        return new([.. points]);
    }

    /// <summary>The smallest value.</summary>
    public double Least => points.Min(p => p.Value);

    /// <summary>The largest value.</summary>
    public double Most => points.Max(p => p.Value);

    /// <summary>The mean over all progress.</summary>
    public double Mean => points.Zip(points.Skip(1), (a, b) => (b.At - a.At) * (a.Value + b.Value) / 2).Sum() + points[0].At * points[0].Value + (1 - points[^1].At) * points[^1].Value;

    /// <summary>The value at a progress from 0 to 1.</summary>
    public double At(double progress)
    {
        int next = Array.FindIndex(points, p => p.At >= progress);
        if (next < 0) return points[^1].Value;
        if (next == 0) return points[0].Value;
        var ((from, low), (to, high)) = (points[next - 1], points[next]);
        return low + (high - low) * (progress - from) / (to - from);
    }

    public bool Equals(ProgressCurve? other) => other is not null && points.SequenceEqual(other.points);

    public override int GetHashCode() => HashCode.Combine(points.Length, points[0], points[^1]);

    public override string ToString() => string.Join(',', points.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.At:R}:{p.Value:R}")));

    sealed class AsText : JsonConverter<ProgressCurve>
    {
        public override ProgressCurve Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Parse(reader.GetString() ?? "");

        public override void Write(Utf8JsonWriter writer, ProgressCurve value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
    }
}
