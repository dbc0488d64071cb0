using System.Text;

namespace Ingot.Llm.Chat.Templates;

/// <summary>
/// A text that remembers which of its characters came with the conversation and which the template wrote itself. Every operation of a template keeps the marks, so
/// that in the end only the template's own words may become special tokens. Immutable.
/// </summary>
/// <remarks>Where an operation cannot say which characters come from where (JSON, upper case that changes lengths), all of its result is taken to be the conversation's.</remarks>
sealed class MarkedText : IEquatable<MarkedText>
{
    public static readonly MarkedText Empty = new("", []);

    readonly (int Start, int End)[] given; // stretches of characters from the conversation: in order, not empty, not touching

    internal MarkedText(string value, (int Start, int End)[] given) => (Value, this.given) = (value, given);

    /// <summary>What the template wrote.</summary>
    public static MarkedText Own(string value) => value.Length == 0 ? Empty : new(value, []);

    /// <summary>What came with the conversation.</summary>
    public static MarkedText Given(string value) => value.Length == 0 ? Empty : new(value, [(0, value.Length)]);

    /// <summary>Another text made of this one (and others) as a whole.</summary>
    public static MarkedText From(string value, bool isGiven) => isGiven ? Given(value) : Own(value);

    public string Value { get; }

    /// <summary>Characters (UTF-16).</summary>
    public int Length => Value.Length;

    /// <summary>Stretches of characters that came with the conversation, in order.</summary>
    public IReadOnlyList<(int Start, int End)> Stretches => given;

    public bool HasGiven => given.Length > 0;

    public bool IsAllGiven => given is [(0, var end)] && end == Value.Length;

    public MarkedText Slice(int start, int length)
    {
        if (length == Value.Length) return this;
        if (length <= 0) return Empty;
        if (given.Length == 0) return new(Value.Substring(start, length), []);
        List<(int, int)> kept = [];
        foreach (var (s, e) in given)
            if (Math.Max(s, start) < Math.Min(e, start + length)) kept.Add((Math.Max(s, start) - start, Math.Min(e, start + length) - start));
        return new(Value.Substring(start, length), [.. kept]);
    }

    public static MarkedText operator +(MarkedText a, MarkedText b)
    {
        if (a.Length == 0) return b;
        if (b.Length == 0) return a;
        var builder = new MarkedTextBuilder();
        builder.Append(a);
        builder.Append(b);
        return builder.Build();
    }

    /// <summary>The same marks on other characters, where there are as many; otherwise all of them are the conversation's if any was.</summary>
    public MarkedText With(string value) => value.Length == Value.Length ? new(value, given) : From(value, HasGiven);

    /// <summary>Code points, which is what Python counts.</summary>
    public int CodePoints
    {
        get
        {
            int count = Value.Length;
            for (int i = 1; i < Value.Length; i++)
                if (char.IsLowSurrogate(Value[i]) && char.IsHighSurrogate(Value[i - 1])) count--;
            return count;
        }
    }

    /// <summary>Each code point as a text.</summary>
    public IEnumerable<MarkedText> Characters()
    {
        for (int i = 0, n; i < Value.Length; i += n)
        {
            n = char.IsSurrogatePair(Value, i) ? 2 : 1;
            yield return Slice(i, n);
        }
    }

    public bool Equals(MarkedText? other) => other is not null && Value == other.Value;

    public override bool Equals(object? obj) => Equals(obj as MarkedText);

    public override int GetHashCode() => Value.GetHashCode(StringComparison.Ordinal);

    public override string ToString() => Value;
}

/// <summary>Puts a <see cref="MarkedText"/> together.</summary>
sealed class MarkedTextBuilder
{
    readonly StringBuilder text = new();
    readonly List<(int Start, int End)> given = [];

    /// <summary>What a template can make in a single operation, before its own limits are looked at.</summary>
    const int Longest = 1 << 26;

    public int Length => text.Length;

    public void Append(MarkedText part)
    {
        int offset = text.Length;
        if (offset + (long)part.Length > Longest) throw new TemplateFault($"a text of more than {Longest} characters");
        text.Append(part.Value);
        foreach (var (s, e) in part.Stretches)
        {
            if (given.Count > 0 && given[^1].End == offset + s) given[^1] = (given[^1].Start, offset + e);
            else given.Add((offset + s, offset + e));
        }
    }

    public void Append(string own) => text.Append(own);

    public MarkedText Build() => text.Length == 0 ? MarkedText.Empty : new(text.ToString(), [.. given]);
}
