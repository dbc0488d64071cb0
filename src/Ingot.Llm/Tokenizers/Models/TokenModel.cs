namespace Ingot.Llm.Tokenizers.Models;

/// <summary>Makes ids of pieces of text that normalization and splitting have left.</summary>
abstract class TokenModel(TokenTable texts)
{
    /// <summary>The tokens as their file writes them, in UTF-8, by id.</summary>
    public TokenTable Texts { get; } = texts;

    /// <summary>"BPE", "WordPiece", ..., as Hugging Face names them.</summary>
    public abstract string Kind { get; }

    /// <summary>Appends the ids of a piece.</summary>
    /// <param name="piece">Its bytes, in UTF-8 unless the model is of bytes.</param>
    /// <param name="ids">Where they go.</param>
    public abstract void Encode(ReadOnlySpan<byte> piece, List<int> ids);

    /// <summary>Ids of the tokens &lt;0x00&gt; to &lt;0xFF&gt;; null if one is missing.</summary>
    protected static int[]? ByteTokens(TokenTable texts)
    {
        var ids = new int[256];
        for (int b = 0; b < 256; b++)
            if ((ids[b] = texts.Find(System.Text.Encoding.ASCII.GetBytes($"<0x{b:X2}>"))) < 0) return null;
        return ids;
    }
}
