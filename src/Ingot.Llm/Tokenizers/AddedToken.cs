namespace Ingot.Llm.Tokenizers;

/// <summary>A token that is found in the text before anything else happens to it: marks of the beginning, of the end, of turns of a chat.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">Its text.</param>
/// <param name="IsSpecial">It stands for no text: left out when decoding, and text that looks like it need not become it.</param>
public sealed record AddedToken(int Id, string Content, bool IsSpecial = true)
{
    /// <summary>Found only where no letter, digit or underscore stands beside it.</summary>
    public bool IsSingleWord { get; init; }

    /// <summary>Takes the whitespace before it with it.</summary>
    public bool StripsLeft { get; init; }

    /// <summary>Takes the whitespace after it with it.</summary>
    public bool StripsRight { get; init; }

    /// <summary>Looked for in the normalized text, itself normalized; otherwise in the text as it comes.</summary>
    public bool IsNormalized { get; init; }
}
