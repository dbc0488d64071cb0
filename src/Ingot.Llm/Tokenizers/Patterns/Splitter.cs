namespace Ingot.Llm.Tokenizers.Patterns;

/// <summary>Finds the matches of a pattern in UTF-8 text, from left to right. Bytes that are no UTF-8 count as symbols, one each.</summary>
public abstract class Splitter
{
    /// <summary>The first match at or after a place that is not empty; false if there is none.</summary>
    /// <remarks>Calls go on where the last match ended; a splitter may keep what it learnt in <paramref name="memory"/>, which begins as null for each text.</remarks>
    public abstract bool Next(ReadOnlySpan<byte> text, int from, ref object? memory, out int start, out int end);

    /// <summary>The same, but a match may be empty: a place to cut at. The caller goes on behind the character after it.</summary>
    internal virtual bool NextOrEmpty(ReadOnlySpan<byte> text, int from, ref object? memory, out int start, out int end) => Next(text, from, ref memory, out start, out end);

    /// <summary>True if every text is covered by matches without gaps.</summary>
    public virtual bool CoversAll => false;
}

/// <summary>A splitter whose matches follow each other without gaps, so that only their ends have to be found.</summary>
public abstract class CoveringSplitter : Splitter
{
    public sealed override bool CoversAll => true;

    /// <summary>Where the piece ends that begins at a place before the text's end.</summary>
    public abstract int End(ReadOnlySpan<byte> text, int start);

    public sealed override bool Next(ReadOnlySpan<byte> text, int from, ref object? memory, out int start, out int end)
    {
        start = end = from;
        if (from >= text.Length) return false;
        end = End(text, from);
        return true;
    }
}
