using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Ingot.Onnx.Operators;

/// <summary>Operators on tensors of strings. They run in C#: strings are known when the graph is built.</summary>
static class StringOperators
{
    /// <summary>Time for all strings of a tensor: patterns come from files.</summary>
    static readonly TimeSpan MostTime = TimeSpan.FromSeconds(5);

    [OnnxOperator("StringConcat", Since = 20)]
    static OnnxValue Concat(OperatorCall c)
    {
        StringTensor a = c.Strings(0), b = c.Strings(1);
        var shape = Shape.Broadcast(a.Shape, b.Shape);
        string[] left = Expanded(a, shape), right = Expanded(b, shape);
        return new StringTensor([.. left.Zip(right, (x, y) => x + y)], shape);
    }

    static string[] Expanded(StringTensor s, Shape shape) => [.. ((StringTensor)OnnxValue.Move([s], t => t[0].Expand(shape))).Values];

    [OnnxOperator("RegexFullMatch", Since = 20)]
    static Tensor RegexFullMatch(OperatorCall c)
    {
        var s = c.Strings(0);
        string pattern = c.OptionalText("pattern") ?? throw c.Bad("has no pattern");
        Regex regex;
        try { regex = Re2Pattern.Whole(pattern, MostTime); }
        catch (Exception e) when (e is ArgumentException or NotSupportedException) { throw c.Bad($"its pattern '{pattern}' is no regular expression of RE2: {e.Message}"); }
        var matches = new bool[s.Values.Count];
        var watch = Stopwatch.StartNew();
        for (int i = 0; i < matches.Length; i++)
        {
            c.Cancellation.ThrowIfCancellationRequested();
            try { matches[i] = regex.IsMatch(s.Values[i]); }
            catch (RegexMatchTimeoutException) { throw TooSlow(); }
            if (watch.Elapsed > MostTime) throw TooSlow();
        }
        return Tensor.From(matches, [matches.Length]).Reshape(s.Shape);

        IngotException TooSlow() => c.Bad($"its pattern '{pattern}' takes longer than {MostTime.TotalSeconds} s for {s.Values.Count} strings");
    }

    [OnnxOperator("StringSplit", Since = 20)]
    static OnnxValue[] Split(OperatorCall c)
    {
        var s = c.Strings(0);
        string delimiter = c.Text("delimiter", "");
        int most = c.OptionalInt("maxsplit") is { } m ? (int)Math.Clamp(m, 0, int.MaxValue - 1) : int.MaxValue - 1;
        var parts = s.Values.Select(v => delimiter.Length == 0 ? Words(v, most) : v.Length == 0 ? [] : v.Split(delimiter, most + 1)).ToArray();
        // An empty string has no parts between blanks, and one, empty, between other delimiters.
        if (delimiter.Length > 0) parts = [.. parts.Select((p, i) => s.Values[i].Length == 0 ? [""] : p)];
        int longest = parts.Length == 0 ? 0 : parts.Max(p => p.Length);
        var all = parts.SelectMany(p => p.Concat(Enumerable.Repeat("", longest - p.Length))).ToArray();
        return [new StringTensor(all, new([.. s.Shape.Span, longest])), Tensor.From(parts.Select(p => (long)p.Length).ToArray(), [parts.Length]).Reshape(s.Shape)];
    }

    /// <summary>As Python splits at runs of blanks: once there are as many words as asked for, the rest stays as it is, blanks at its end included.</summary>
    static string[] Words(string text, int most)
    {
        var words = new List<string>();
        int at = 0;
        while (true)
        {
            while (at < text.Length && char.IsWhiteSpace(text[at])) at++;
            if (at == text.Length) return [.. words];
            if (words.Count == most) return [.. words, text[at..]];
            int end = at;
            while (end < text.Length && !char.IsWhiteSpace(text[end])) end++;
            words.Add(text[at..end]);
            at = end;
        }
    }

    [OnnxOperator("StringNormalizer", Since = 10)]
    static OnnxValue Normalize(OperatorCall c)
    {
        var s = c.Strings(0);
        if (s.Shape.Rank is not (1 or 2) || (s.Shape.Rank == 2 && s.Shape[0] != 1)) throw c.Bad($"its input must be (C,) or (1, C), it is {s.Shape}");
        string change = c.Text("case_change_action", "NONE");
        bool isSensitive = c.Flag("is_case_sensitive");
        var stops = new HashSet<string>(c.Texts("stopwords") ?? [], isSensitive ? StringComparer.Ordinal : StringComparer.OrdinalIgnoreCase);
        var culture = CultureInfo.InvariantCulture;
        string[] kept = [.. s.Values.Where(v => !stops.Contains(v)).Select(v => change switch { "LOWER" => v.ToLower(culture), "UPPER" => v.ToUpper(culture), _ => v })];
        if (kept.Length == 0) kept = [""];
        return new StringTensor(kept, s.Shape.Rank == 1 ? new(kept.Length) : new(1, kept.Length));
    }
}
