using System.Globalization;

namespace Ingot.Llm.Report;

/// <summary>Numbers as the report prints them: three digits that matter, with a unit, the same in every country.</summary>
static class Figures
{
    static readonly CultureInfo culture = CultureInfo.InvariantCulture;

    /// <summary>Three significant digits, no exponent within reason: 0.0123, 4.57, 61.3, 1,234.</summary>
    public static string Plain(double v)
    {
        if (v == 0) return "0";
        double a = Math.Abs(v);
        if (a >= 1e7 || a < 1e-4) return Power(v);
        int decimals = Math.Clamp(2 - (int)Math.Floor(Math.Log10(a)), 0, 6);
        return v.ToString("N" + decimals, culture);
    }

    /// <summary>A count: 1,234, 12.3 k, 1.24 M.</summary>
    public static string Count(double v) => Math.Abs(v) switch
    {
        >= 1e12 => $"{(v / 1e12).ToString("0.##", culture)} T",
        >= 1e9 => $"{(v / 1e9).ToString("0.##", culture)} B",
        >= 1e6 => $"{(v / 1e6).ToString("0.##", culture)} M",
        >= 1e5 => $"{(v / 1e3).ToString("0", culture)} k",
        _ => v.ToString("N0", culture),
    };

    /// <summary>3.15 × 10²³.</summary>
    public static string Power(double v)
    {
        if (v == 0) return "0";
        int e = (int)Math.Floor(Math.Log10(Math.Abs(v)));
        double m = Math.Round(v / Math.Pow(10, e), 2);
        if (Math.Abs(m) >= 10) (m, e) = (m / 10, e + 1);
        return $"{m.ToString("0.00", culture)} × 10{Raised(e)}";
    }

    static string Raised(int e) => string.Concat(e.ToString(culture).Select(c => c == '-' ? '⁻' : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c - '0']));

    public static string Percent(double part, int decimals = 1) => (part * 100).ToString("F" + decimals, culture) + "%";

    /// <summary>A change with its sign, a real minus.</summary>
    public static string Change(double part) => (part < 0 ? "−" : "+") + Percent(Math.Abs(part));

    public static string Duration(double seconds)
    {
        if (seconds < 10) return seconds.ToString("0.0", culture) + " s";
        if (seconds < 100) return seconds.ToString("0", culture) + " s";
        long s = (long)Math.Round(seconds);
        if (s < 3600) return $"{s / 60} min {s % 60:00} s";
        return s < 2 * 86400 ? $"{s / 3600} h {s % 3600 / 60:00} min" : $"{(seconds / 86400).ToString("0.0", culture)} days";
    }

    public static string Bytes(double b) => b switch
    {
        >= 1e12 => $"{(b / 1e12).ToString("0.##", culture)} TB",
        >= 1e9 => $"{(b / 1e9).ToString("0.##", culture)} GB",
        >= 1e6 => $"{(b / 1e6).ToString("0.#", culture)} MB",
        >= 1e3 => $"{(b / 1e3).ToString("0.#", culture)} kB",
        _ => $"{b.ToString("0", culture)} bytes",
    };

    public static string Date(DateTimeOffset t) => t.UtcDateTime.ToString("d MMM yyyy, HH:mm 'UTC'", culture);

    /// <summary>A number in SVG: short, with a point.</summary>
    public static string Place(double v) => v.ToString("0.##", culture);
}
