using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers.Patterns;

/// <summary>Matches a string.</summary>
sealed class LiteralSplitter(byte[] literal) : Splitter
{
    public override bool Next(ReadOnlySpan<byte> text, int from, ref object? memory, out int start, out int end)
    {
        int found = literal.Length == 0 ? -1 : text[from..].IndexOf(literal);
        start = found < 0 ? text.Length : from + found;
        end = found < 0 ? text.Length : start + literal.Length;
        return found >= 0;
    }
}

/// <summary>Matches runs of characters of one class, and runs of those of no class.</summary>
/// <param name="isInClass">The class.</param>
/// <param name="isBetween">What belongs to no run.</param>
sealed class RunSplitter(Func<int, bool> isInClass, Func<int, bool> isBetween) : Splitter
{
    public override bool Next(ReadOnlySpan<byte> text, int from, ref object? memory, out int start, out int end)
    {
        start = end = from;
        int kind = 0;
        while (end < text.Length)
        {
            int c = Utf8.Decode(text, end, out int length), its = isInClass(c) ? 1 : isBetween(c) ? 0 : 2;
            if (kind != 0 && its != kind) break;
            kind = its;
            end += length;
            if (kind == 0) start = end;
        }
        return end > start;
    }
}

/// <summary>Matches characters that fulfil a condition, one at a time or as many as follow each other.</summary>
sealed class CharacterSplitter(Func<int, bool> condition, bool takesRuns = false) : Splitter
{
    public override bool Next(ReadOnlySpan<byte> text, int from, ref object? memory, out int start, out int end)
    {
        for (start = from; start < text.Length;)
        {
            int c = Utf8.Decode(text, start, out int length);
            end = start + length;
            if (!condition(c))
            {
                start = end;
                continue;
            }
            while (takesRuns && end < text.Length && condition(Utf8.Decode(text, end, out length))) end += length;
            return true;
        }
        end = start;
        return false;
    }
}
