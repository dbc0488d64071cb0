using System.Runtime.CompilerServices;
using Ingot.Llm.Generation;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Serving;

/// <summary>Text and the tokens that it came with; each token is in exactly one piece.</summary>
public sealed record TextPiece(string Text, IReadOnlyList<ChosenToken> Tokens);

/// <summary>A text that is being continued.</summary>
public sealed class TextAnswer : IDisposable
{
    readonly ServedSequence sequence;
    readonly TextStream stream;

    internal TextAnswer(ServedSequence sequence, Tokenizer tokenizer, IReadOnlyList<string> stop) => (this.sequence, stream) = (sequence, new(tokenizer, stop));

    /// <summary>Tokens of the prompt.</summary>
    public int PromptTokens => sequence.Prompt.Length;

    /// <summary>Those of them that did not need computing.</summary>
    public int CachedTokens => sequence.CachedTokens;

    /// <summary>Tokens of the continuation so far.</summary>
    public int GeneratedTokens { get; private set; }

    /// <summary>"stop" or "length"; of use when all pieces were read.</summary>
    public string FinishReason => !stream.IsStopped && sequence.Finish is Finish.MaxTokens or Finish.Context ? "length" : "stop";

    /// <summary>The text as it comes. To be read once.</summary>
    /// <param name="cancellation">Ends the text.</param>
    /// <exception cref="IngotException">The prompt does not fit, or the loop was stopped.</exception>
    public async IAsyncEnumerable<TextPiece> ReadAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        using var end = this;
        List<ChosenToken> held = [];
        await foreach (var token in sequence.Tokens.ReadAllAsync(cancellation).ConfigureAwait(false))
        {
            GeneratedTokens++;
            held.Add(token);
            if (stream.Add(token.Id) is { Length: > 0 } text)
            {
                yield return new(text, [.. held]);
                held.Clear();
            }
            if (stream.IsStopped) break;
        }
        var rest = stream.End();
        if (rest.Length > 0 || held.Count > 0) yield return new(rest, held);
    }

    public void Dispose() => sequence.Dispose();
}
