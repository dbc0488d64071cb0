using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Generation;

/// <summary>
/// Tokens to text as they are chosen: gives out what is certain, so that no character of UTF-8 is split, and nothing of a stop string is shown before it is
/// known not to be one.
/// </summary>
/// <param name="tokenizer">Of the model.</param>
/// <param name="stop">Texts that end the text; they are not part of it.</param>
public sealed class TextStream(Tokenizer tokenizer, IReadOnlyList<string> stop)
{
    readonly StreamingDecoder decoder = tokenizer.NewStream();
    readonly StopStrings stops = new(stop);

    /// <summary>A stop string was met: nothing more comes.</summary>
    public bool IsStopped => stops.IsMet;

    /// <summary>Takes a token and returns the text that is certain with it.</summary>
    public string Add(int token) => IsStopped ? "" : stops.Add(decoder.Add(token), isLast: false);

    /// <summary>What was held back, when no more tokens come.</summary>
    public string End() => IsStopped ? "" : stops.Add(decoder.Finish(), isLast: true);
}
