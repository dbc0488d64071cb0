using Ingot.Llm.Tokenizers.Normalizers;

namespace Ingot.Llm.Tokenizers.Decoders;

/// <summary>SentencePiece's decoding: bytes joined, marks to spaces but for the one that was put before the text.</summary>
sealed class SentencePieceDecoder(string? unknown, string unknownSurface, SentencePieceSpaces spaces) : TokenDecoder
{
    static readonly ByteFallbackDecoder Bytes = new();

    public override List<string> Decode(List<string> tokens)
    {
        bool isFirst = true;
        return Bytes.Decode(tokens).ConvertAll(token =>
        {
            if (token == unknown) token = unknownSurface;
            else
            {
                if (isFirst && (spaces.AddsPrefix || spaces.RemovesExtra) && token.StartsWith(SentencePieceSpaces.Mark)) token = token[1..];
                token = token.Replace(SentencePieceSpaces.Mark, ' ');
            }
            isFirst = false;
            return token;
        });
    }
}
