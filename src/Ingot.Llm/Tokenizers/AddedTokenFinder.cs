using System.Buffers;
using Ingot.Llm.Tokenizers.Models;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers;

/// <summary>Finds added tokens in text: the leftmost, of those the longest.</summary>
sealed class AddedTokenFinder
{
    readonly ByteTrie trie = new();
    readonly IReadOnlyList<AddedToken> tokens;
    readonly SearchValues<byte> firstBytes;

    /// <param name="tokens">Those to look for.</param>
    /// <param name="text">How the text of one is looked for.</param>
    public AddedTokenFinder(IReadOnlyList<AddedToken> tokens, Func<string, string> text)
    {
        this.tokens = tokens;
        var first = new HashSet<byte>();
        for (int i = 0; i < tokens.Count; i++)
        {
            byte[] content = Utf8.Bytes(text(tokens[i].Content));
            if (content.Length == 0) continue;
            trie.Add(content, i);
            first.Add(content[0]);
        }
        firstBytes = SearchValues.Create([.. first]);
    }

    /// <summary>The next token at or after a place; null if there is none.</summary>
    /// <param name="text">The text.</param>
    /// <param name="from">Nothing before it belongs to the token, nor to the whitespace that it takes with it.</param>
    /// <param name="withSpecial">False: special tokens are passed over, as if they were not there.</param>
    /// <param name="isGiven">Bytes of which no special token may be made; as long as the text, or empty: none.</param>
    /// <param name="start">Where the token begins, with the whitespace that it takes.</param>
    /// <param name="end">Where it ends.</param>
    public AddedToken? Next(ReadOnlySpan<byte> text, int from, bool withSpecial, ReadOnlySpan<bool> isGiven, out int start, out int end)
    {
        for (start = from; ; start = end)
        {
            int jump = trie.IsEmpty ? -1 : text[start..].IndexOfAny(firstBytes);
            if (jump < 0)
            {
                start = end = text.Length;
                return null;
            }
            start += jump;
            int found = trie.Longest(text[start..], out int length);
            end = start + Math.Max(length, 1);
            if (found < 0) continue;
            var token = tokens[found];
            if (token.IsSpecial && (!withSpecial || !isGiven.IsEmpty && isGiven[start..end].Contains(true))) continue;
            if (token.IsSingleWord && (start > 0 && CodePoint.Is(Utf8.DecodeLast(text, start, out _), CodePoint.Word) || end < text.Length && CodePoint.Is(Utf8.Decode(text, end, out _), CodePoint.Word))) continue;
            if (token.StripsLeft) while (start > from && CodePoint.Is(Utf8.DecodeLast(text, start, out length), CodePoint.White)) start -= length;
            if (token.StripsRight) while (end < text.Length && CodePoint.Is(Utf8.Decode(text, end, out length), CodePoint.White)) end += length;
            return token;
        }
    }
}
