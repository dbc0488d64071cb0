namespace Ingot.Llm.Tokenizers;

/// <summary>Text to token ids and back.</summary>
public interface ITokenizer
{
    /// <summary>Number of ids; they run from 0 to VocabularySize - 1.</summary>
    int VocabularySize { get; }

    /// <exception cref="IngotException">The text has something the vocabulary cannot express.</exception>
    int[] Encode(string text);

    /// <exception cref="IngotException">An id is out of range.</exception>
    string Decode(ReadOnlySpan<int> ids);
}
