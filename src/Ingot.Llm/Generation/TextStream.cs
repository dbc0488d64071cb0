using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Generation;

/// <summary>
/// Tokens to text as they are chosen: gives out what is certain, so that no character of UTF-8 is split, and nothing of a stop string is shown before it is
/// known not to be one.
/// </summary>
/// <param name="tokenizer">Of the model.</param>
/// <param name="stop">Texts that end the text; they are not part of it.</param>
public sealed class TextStream(Tokenizer tokenizer, IReadOnlyList<string> stop)
{
    readonly StreamingDecoder decoder = tokenizer.NewStream();
    string held = "";

    /// <summary>A stop string was met: nothing more comes.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>Takes a token and returns the text that is certain with it.</summary>
    public string Add(int token) => IsStopped ? "" : Certain(decoder.Add(token), isLast: false);

    /// <summary>What was held back, when no more tokens come.</summary>
    public string End() => IsStopped ? "" : Certain(decoder.Finish(), isLast: true);

    string Certain(string text, bool isLast)
    {
        held += text;
        int end = -1;
        foreach (var s in stop)
            if (held.IndexOf(s, StringComparison.Ordinal) is >= 0 and var at && (end < 0 || at < end)) end = at;
        IsStopped = end >= 0;
        int sure = IsStopped ? end : isLast ? held.Length : held.Length - MayBegin();
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
