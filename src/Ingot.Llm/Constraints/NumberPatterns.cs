using System.Globalization;
using System.Text;

namespace Ingot.Llm.Constraints;

/// <summary>Patterns for numbers between bounds, digit by digit.</summary>
static class NumberPatterns
{
    /// <summary>JSON's numbers, of so many digits and so small exponents that every reader takes them.</summary>
    public const string AnyNumber = "-?(0|[1-9][0-9]{0,15})(\\.[0-9]{1,16})?([eE][-+]?[0-9]{1,2})?";

    /// <summary>Numbers without an exponent.</summary>
    public const string AnyDecimal = "-?(0|[1-9][0-9]{0,15})(\\.[0-9]{1,8})?";

    /// <summary>Integers that fit into 64 bits.</summary>
    public const string AnyInteger = "-?(0|[1-9][0-9]{0,17})";

    const decimal Largest = 1e15m;

    /// <summary>Numbers from a least to a greatest; those without a bound end at 10^15.</summary>
    /// <param name="least">The least value; null: none.</param>
    /// <param name="greatest">The greatest value; null: none.</param>
    /// <param name="excludesLeast">The least value itself is too small.</param>
    /// <param name="excludesGreatest">The greatest value itself is too large.</param>
    /// <param name="isInteger">Without a fraction.</param>
    /// <param name="mostDigits">The most digits behind the point; bounds must not have more.</param>
    /// <returns>A pattern of plain decimals; null if there are none.</returns>
    public static string? Between(decimal? least, decimal? greatest, bool excludesLeast, bool excludesGreatest, bool isInteger, int? mostDigits = null)
    {
        decimal low = least ?? -Largest, high = greatest ?? Largest;
        List<string> parts = [];
        int digits = isInteger ? 0 : mostDigits ?? Math.Max(Scale(low), Scale(high)) + (excludesLeast || excludesGreatest ? 4 : 0);
        // Zero and above, then below zero mirrored.
        if (high >= 0) Add(parts, "", low < 0 ? 0 : low, high, low >= 0 && excludesLeast, excludesGreatest, digits, isInteger || mostDigits is not null);
        if (low < 0) Add(parts, "-", high >= 0 ? 0 : -high, -low, high >= 0 && isInteger || high <= 0 && excludesGreatest, excludesLeast, digits, isInteger || mostDigits is not null);
        return parts.Count == 0 ? null : string.Join('|', parts);
    }

    /// <summary>All the ways in which these patterns write a number.</summary>
    public static IEnumerable<string> Writings(decimal value)
    {
        const int MostZeros = 32; // more than any pattern here has digits
        string text = value.ToString("0.############################", CultureInfo.InvariantCulture);
        foreach (string sign in value == 0 ? (string[])["", "-"] : [""])
        {
            yield return sign + text;
            for (int zeros = 1; zeros <= MostZeros; zeros++) yield return sign + text + (text.Contains('.', StringComparison.Ordinal) ? "" : ".") + new string('0', zeros);
        }
    }

    /// <summary>Digits behind the point of 0.1, 0.01 and so on; null for another number.</summary>
    public static int? DigitsOfStep(decimal step)
    {
        for (int digits = 1; digits <= 8; digits++)
            if ((step *= 10) == 1) return digits;
        return null;
    }

    static int Scale(decimal d)
    {
        int scale = 0;
        for (; d != decimal.Truncate(d); d *= 10) scale++;
        return scale;
    }

    /// <summary>With 0, 1, ... digits behind the point as far as the bounds have them, then with more, which change a number by less than one of those.</summary>
    static void Add(List<string> parts, string sign, decimal low, decimal high, bool excludesLow, bool excludesHigh, int digits, bool isInteger)
    {
        decimal unit = 1;
        for (int d = 0; d <= digits; d++, unit *= 10)
        {
            decimal first = decimal.Ceiling(low * unit), last = decimal.Floor(high * unit);
            if (excludesLow && first == low * unit) first++;
            if (excludesHigh && last == high * unit) last--;
            Fixed(parts, sign, first, last, d, "");
            if (d < digits || isInteger) continue;
            decimal lastWhole = high * unit == decimal.Floor(high * unit) ? high * unit - 1 : last;
            Fixed(parts, sign, first, lastWhole, d, d == 0 ? "\\.[0-9]{1,12}" : "[0-9]{1,8}");
        }
    }

    /// <summary>first to last, as numbers with so many digits behind the point, without zeros before them.</summary>
    static void Fixed(List<string> parts, string sign, decimal first, decimal last, int digits, string more)
    {
        if (first > last) return;
        decimal power = 1;
        for (int i = 0; i < digits; i++) power *= 10;
        for (int width = digits + 1; ; width++, power *= 10)
        {
            decimal low = width == digits + 1 ? 0 : power, high = power * 10 - 1;
            if (low > last) return;
            if (digits == 0 && low > 0 && first <= low && high <= last)
            {
                // All numbers of this many digits, and of more as far as that goes: one part, which keeps the automaton small.
                int fewest = width;
                for (; power * 100 - 1 <= last; power *= 10) width++;
                parts.Add($"{sign}[1-9][0-9]{{{fewest - 1},{width - 1}}}{more}");
            }
            else if (high >= first) parts.Add(sign + Same(Text(Math.Max(low, first), width), Text(Math.Min(high, last), width), digits) + more);
        }
    }

    static string Text(decimal value, int width) => value.ToString("F0", CultureInfo.InvariantCulture).PadLeft(width, '0');

    /// <summary>Digit strings of one length from one to another; a point stands before the last few digits.</summary>
    static string Same(string low, string high, int fraction)
    {
        if (low.AsSpan().IndexOfAnyExcept('0') < 0 && high.AsSpan().IndexOfAnyExcept('9') < 0) return AnyDigits(low.Length, fraction);
        var to = new StringBuilder();
        int at = 0;
        string Point(int left) => left == fraction && fraction > 0 ? "\\." : "";
        for (; at < low.Length && low[at] == high[at]; at++) to.Append(Point(low.Length - at)).Append(low[at]);
        if (at == low.Length) return to.ToString();
        int rest = low.Length - at - 1;
        to.Append(Point(low.Length - at));
        if (rest == 0) return to.Append(CultureInfo.InvariantCulture, $"[{low[at]}-{high[at]}]").ToString();
        List<string> ways = [low[at] + Same(low[(at + 1)..], new('9', rest), fraction)];
        if (high[at] - low[at] > 1) ways.Add($"[{(char)(low[at] + 1)}-{(char)(high[at] - 1)}]{AnyDigits(rest, fraction)}");
        ways.Add(high[at] + Same(new('0', rest), high[(at + 1)..], fraction));
        return to.Append('(').AppendJoin('|', ways).Append(')').ToString();
    }

    static string AnyDigits(int count, int fraction) => count == 0 ? "" : fraction == 0 || count < fraction ? $"[0-9]{{{count}}}"
        : count == fraction ? $"\\.[0-9]{{{count}}}" : $"[0-9]{{{count - fraction}}}\\.[0-9]{{{fraction}}}";
}
