using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Compression;

/// <summary>A file's bytes as tokens and back. Where the file has marks between documents, each mark is the one token that begins a document, as in training.</summary>
/// <param name="tokenizer">Of the model.</param>
/// <param name="begin">The token that begins a document.</param>
sealed class FileTokens(Tokenizer tokenizer, int begin)
{
    static readonly byte[][] Marks = ["<|endoftext|>"u8.ToArray(), "<|end_of_text|>"u8.ToArray()];

    /// <param name="bytes">Any bytes that the tokenizer can give back.</param>
    /// <returns>The tokens, and what each <c>begin</c> among them stands for; empty where there is none.</returns>
    /// <exception cref="IngotException">The tokenizer does not give these bytes back.</exception>
    public (int[] Tokens, byte[] Separator) Encode(ReadOnlySpan<byte> bytes)
    {
        var separator = tokenizer.IsSpecial(begin) ? Separator(bytes) : [];
        var tokens = new List<int>(bytes.Length / 3 + 8);
        for (int at = 0; ;)
        {
            int length = separator.Length == 0 ? -1 : bytes[at..].IndexOf(separator);
            var part = length < 0 ? bytes[at..] : bytes.Slice(at, length);
            var ids = tokenizer.EncodeBytes(part, parseSpecial: false);
            var back = tokenizer.DecodeBytes(ids, skipSpecial: false);
            if (!part.SequenceEqual(back))
                throw new IngotException($"the tokenizer of this model ({tokenizer.Kind}) does not give the file back: it differs at byte {at + part.CommonPrefixLength(back)} of {bytes.Length}; use a model whose tokenizer is over bytes and does not normalize");
            tokens.AddRange(ids);
            if (length < 0) return ([.. tokens], separator);
            tokens.Add(begin);
            at += length + separator.Length;
        }
    }

    public byte[] Decode(ReadOnlySpan<int> tokens, ReadOnlySpan<byte> separator)
    {
        var bytes = new List<byte>(4 * tokens.Length);
        for (int at = 0; ;)
        {
            int length = separator.Length == 0 ? -1 : tokens[at..].IndexOf(begin);
            bytes.AddRange(tokenizer.DecodeBytes(length < 0 ? tokens[at..] : tokens.Slice(at, length), skipSpecial: false));
            if (length < 0) return [.. bytes];
            bytes.AddRange(separator);
            at += length + 1;
        }
    }

    /// <summary>The mark between documents that the file has most often, with the white space around it.</summary>
    static byte[] Separator(ReadOnlySpan<byte> bytes)
    {
        var counts = new Dictionary<string, int>();
        foreach (var mark in Marks)
            for (int at = 0, found; (found = bytes[at..].IndexOf(mark)) >= 0;)
            {
                int start = at + found, end = start + mark.Length;
                while (start > at && bytes[start - 1] is (byte)' ' or (byte)'\n' or (byte)'\r') start--;
                while (end < bytes.Length && bytes[end] is (byte)' ' or (byte)'\n' or (byte)'\r') end++;
                var text = System.Text.Encoding.ASCII.GetString(bytes[start..end]);
                if (text.Length < 64) counts[text] = counts.GetValueOrDefault(text) + 1;
                at = end;
            }
        return counts.Count == 0 ? [] : System.Text.Encoding.ASCII.GetBytes(counts.MaxBy(c => c.Value).Key);
    }
}
