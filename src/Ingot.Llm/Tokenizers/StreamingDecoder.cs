using System.Text;

namespace Ingot.Llm.Tokenizers;

/// <summary>Decodes ids as a model chooses them, and gives text out as soon as it is whole: a character of UTF-8 is never split.</summary>
public sealed class StreamingDecoder
{
    /// <summary>Characters have at most four bytes, so that after more tokens than these what looks unfinished is broken.</summary>
    const int MostUnfinished = 4;

    readonly Tokenizer tokenizer;
    readonly bool skipsSpecial;
    readonly Decoder utf8 = Encoding.UTF8.GetDecoder();
    readonly List<int> window = []; // of tokenizers that decode by text: the last tokens given out, then those that wait
    int given; // tokens of the window that are given out

    internal StreamingDecoder(Tokenizer tokenizer, bool skipsSpecial) => (this.tokenizer, this.skipsSpecial) = (tokenizer, skipsSpecial);

    /// <summary>Takes a token, and returns the text that is complete with it; often its text, the empty string within a character.</summary>
    /// <exception cref="IngotException">The id is out of range.</exception>
    public string Add(int id)
    {
        if (skipsSpecial && tokenizer.IsSpecial(id)) return "";
        return tokenizer.DecodesBytes ? Text(tokenizer.BytesOf(id), flush: false) : AddToWindow(id);
    }

    /// <summary>What is left at the end: U+FFFD for a character that was never completed, or nothing.</summary>
    public string Finish()
    {
        if (tokenizer.DecodesBytes) return Text([], flush: true);
        string rest = Decode(window.Count)[Decode(given).Length..];
        window.Clear();
        given = 0;
        return rest;
    }

    string Text(ReadOnlySpan<byte> bytes, bool flush)
    {
        var chars = new char[utf8.GetCharCount(bytes, flush)];
        return new(chars, 0, utf8.GetChars(bytes, chars, flush));
    }

    /// <summary>Decoders such as WordPiece's look at a token's neighbours: the text of the window with the new token, less the text of the window without it.</summary>
    string AddToWindow(int id)
    {
        window.Add(id);
        string before = Decode(given), now = Decode(window.Count);
        bool isUnfinished = now.EndsWith('\uFFFD') && window.Count - given < MostUnfinished;
        if (isUnfinished || now.Length <= before.Length || !now.StartsWith(before, StringComparison.Ordinal)) return "";
        window.RemoveRange(0, given);
        given = window.Count;
        return now[before.Length..];
    }

    string Decode(int count) => tokenizer.Decode(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(window)[..count], skipsSpecial);
}
