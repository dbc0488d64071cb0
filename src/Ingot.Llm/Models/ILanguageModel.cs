namespace Ingot.Llm.Models;

/// <summary>A model that scores every token as the next one.</summary>
public interface ILanguageModel
{
    /// <summary>The most tokens that <see cref="Forward"/> takes.</summary>
    int ContextLength { get; }

    int VocabularySize { get; }

    /// <param name="tokens">(B, T), int32 or int64; T at most <see cref="ContextLength"/>.</param>
    /// <returns>Logits (B, T, V); those at t depend on the tokens up to and with t only.</returns>
    Tensor Forward(Tensor tokens);
}
