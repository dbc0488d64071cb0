namespace Ingot.Llm.Generation;

/// <summary>Ends a text before the first of some strings, and holds back what may be the beginning of one.</summary>
/// <param name="stop">Texts that end the text; they are not part of it.</param>
sealed class StopStrings(IReadOnlyList<string> stop)
{
    string held = "";

    /// <summary>One was met: nothing more comes.</summary>
    public bool IsMet { get; private set; }

    /// <summary>What is certain with a further piece of text.</summary>
    /// <param name="text">The piece.</param>
    /// <param name="isLast">No more come, so nothing is held back.</param>
    public string Add(string text, bool isLast)
    {
        if (IsMet || stop.Count == 0) return IsMet ? "" : text;
        held += text;
        int end = -1;
        foreach (var s in stop)
            if (held.IndexOf(s, StringComparison.Ordinal) is >= 0 and var at && (end < 0 || at < end)) end = at;
        IsMet = end >= 0;
        int sure = IsMet ? end : isLast ? held.Length : held.Length - MayBegin();
        string result = held[..sure];
        held = held[sure..];
        return result;
    }

    /// <summary>How many characters at the end may be the beginning of a stop string.</summary>
    int MayBegin()
    {
        int most = 0;
        foreach (var s in stop)
            for (int length = Math.Min(s.Length - 1, held.Length); length > most; length--)
                if (held.AsSpan().EndsWith(s.AsSpan(0, length))) most = length;
        return most;
    }
}
