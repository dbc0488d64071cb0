using System.Globalization;
using System.Text;
using Ingot.Llm.Tokenizers.Normalizers;
using Ingot.Llm.Tokenizers.Patterns;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers.Decoders;

/// <summary>A step from the texts of tokens to the text that they make. The names are those of tokenizer.json.</summary>
abstract class TokenDecoder
{
    /// <summary>The texts after this step; what is left after the last one is joined.</summary>
    public abstract List<string> Decode(List<string> tokens);

    /// <summary>BERT's tidying up of the spaces before punctuation and contractions.</summary>
    protected static string Tidy(string text) => text.Replace(" .", ".").Replace(" ?", "?").Replace(" !", "!").Replace(" ,", ",").Replace(" ' ", "'").Replace(" n't", "n't")
        .Replace(" 'm", "'m").Replace(" do not", " don't").Replace(" 's", "'s").Replace(" 've", "'ve").Replace(" 're", "'re");
}

sealed class SequenceDecoder(IReadOnlyList<TokenDecoder> steps) : TokenDecoder
{
    public override List<string> Decode(List<string> tokens)
    {
        foreach (var step in steps) tokens = step.Decode(tokens);
        return tokens;
    }
}

/// <summary>Bytes from GPT-2's alphabet; a token with another character stands for its own UTF-8.</summary>
sealed class ByteLevelDecoder : TokenDecoder
{
    public override List<string> Decode(List<string> tokens)
    {
        var bytes = new List<byte>();
        foreach (var token in tokens)
        {
            byte[] utf8 = Utf8.Bytes(token);
            bytes.AddRange(ByteAlphabet.Read(utf8) ?? utf8);
        }
        return [Utf8.Text([.. bytes])];
    }
}

/// <summary>&lt;0x0A&gt; to its byte; a run of such tokens that is no UTF-8 becomes a U+FFFD for each.</summary>
sealed class ByteFallbackDecoder : TokenDecoder
{
    static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    public override List<string> Decode(List<string> tokens)
    {
        List<string> result = [];
        List<byte> run = [];
        foreach (var token in tokens)
        {
            if (token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>' && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte b))
            {
                run.Add(b);
                continue;
            }
            Flush();
            result.Add(token);
        }
        Flush();
        return result;

        void Flush()
        {
            if (run.Count == 0) return;
            try { result.Add(Strict.GetString([.. run])); }
            catch (DecoderFallbackException) { result.Add(new('\uFFFD', run.Count)); }
            run.Clear();
        }
    }
}

sealed class FuseDecoder : TokenDecoder
{
    public override List<string> Decode(List<string> tokens) => [string.Concat(tokens)];
}

/// <summary>Up to so many characters of one kind taken from the beginning and the end of each token.</summary>
sealed class StripDecoder(char content, int start, int stop) : TokenDecoder
{
    public override List<string> Decode(List<string> tokens) => tokens.ConvertAll(token =>
    {
        int first = 0, end = token.Length;
        while (first < start && first < end && token[first] == content) first++;
        for (int i = 0; i < stop && end > first && token[end - 1] == content; i++) end--;
        return token[first..end];
    });
}

sealed class ReplaceDecoder(Splitter pattern, string content) : TokenDecoder
{
    readonly ReplaceNormalizer replace = new(pattern, content);

    public override List<string> Decode(List<string> tokens) => tokens.ConvertAll(replace.Normalize);
}

sealed class MetaspaceDecoder(string mark, bool prepends) : TokenDecoder
{
    public override List<string> Decode(List<string> tokens) => [.. tokens.Select((token, i) => token.Replace(mark, i == 0 && prepends ? "" : " "))];
}

sealed class WordPieceDecoder(string prefix, bool tidies) : TokenDecoder
{
    public override List<string> Decode(List<string> tokens) => [.. tokens.Select((token, i) =>
    {
        if (i > 0) token = token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..] : " " + token;
        return tidies ? Tidy(token) : token;
    })];
}

/// <summary>A mark at the end of words, written as the space after them.</summary>
sealed class SuffixDecoder(string suffix) : TokenDecoder
{
    public override List<string> Decode(List<string> tokens) => [.. tokens.Select((token, i) => suffix.Length == 0 ? token : token.Replace(suffix, i == tokens.Count - 1 ? "" : " "))];
}

/// <summary>Speech recognition's: repetitions and padding dropped.</summary>
sealed class CtcDecoder(string padding, string wordEnd, bool tidies) : TokenDecoder
{
    public override List<string> Decode(List<string> tokens)
    {
        List<string> result = [];
        for (int i = 0; i < tokens.Count; i++)
        {
            if (i > 0 && tokens[i] == tokens[i - 1]) continue;
            string text = padding.Length > 0 ? tokens[i].Replace(padding, "") : tokens[i];
            if (tidies) text = Tidy(text).Replace(wordEnd, " ");
            if (text.Length > 0) result.Add(text);
        }
        return result;
    }
}
