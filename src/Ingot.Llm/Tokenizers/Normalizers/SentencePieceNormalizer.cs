using System.Text;

namespace Ingot.Llm.Tokenizers.Normalizers;

/// <summary>What SentencePiece does to spaces.</summary>
/// <param name="AddsPrefix">One is put before the text.</param>
/// <param name="RemovesExtra">Those at the ends go, and of several in a row all but one.</param>
/// <param name="Escapes">They are written as U+2581.</param>
sealed record SentencePieceSpaces(bool AddsPrefix = true, bool RemovesExtra = true, bool Escapes = true)
{
    public const char Mark = '\u2581';
}

/// <summary>SentencePiece's normalization: its table of replacements, then its treatment of spaces.</summary>
sealed class SentencePieceNormalizer(PrecompiledNormalizer? replacements, SentencePieceSpaces spaces) : Normalizer
{
    public PrecompiledNormalizer? Replacements => replacements;

    public SentencePieceSpaces Spaces => spaces;

    public override string Normalize(string text)
    {
        if (replacements is not null) text = replacements.Normalize(text);
        if (spaces.RemovesExtra) text = text.Trim(' ');
        if (text.Length == 0) return text;
        char space = spaces.Escapes ? SentencePieceSpaces.Mark : ' ';
        var result = new StringBuilder(text.Length + 1);
        if (spaces.AddsPrefix) result.Append(space);
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != ' ') result.Append(text[i]);
            else if (!(spaces.RemovesExtra && text[i - 1] == ' ')) result.Append(space);
        }
        return result.ToString();
    }
}
