using System.Threading.Channels;
using Ingot.Llm.Generation;

namespace Ingot.Llm.Serving;

/// <summary>
/// A text that a <see cref="ServingLoop"/> writes: its tokens arrive in a channel as they are chosen. Dispose it to end it early; whoever writes it notices before the next step.
/// </summary>
public sealed class ServedSequence : IDisposable
{
    // A text has no more tokens than the context, so that a reader who is slow costs no more than those.
    readonly Channel<ChosenToken> tokens = Channel.CreateUnbounded<ChosenToken>(new() { SingleReader = true, SingleWriter = true });
    readonly ServingLoop loop;
    volatile bool isCancelled;

    internal ServedSequence(ServingLoop loop, TextRequest request) => (this.loop, Request) = (loop, request);

    public TextRequest Request { get; }

    /// <summary>The chosen tokens, without the one that ends the text; ends with the text, or with the exception that ended it.</summary>
    public ChannelReader<ChosenToken> Tokens => tokens.Reader;

    /// <summary>Why it ended; of use when <see cref="Tokens"/> has ended.</summary>
    public Finish Finish { get; private set; }

    /// <summary>Tokens of the prompt that did not need computing; known with the first token.</summary>
    public int CachedTokens { get; internal set; }

    internal bool IsCancelled => isCancelled;

    /// <summary>Null until a slot is free.</summary>
    internal GeneratedSequence? Sequence { get; set; }

    int given;

    /// <summary>Passes on what the engine has chosen since the last time.</summary>
    /// <returns>True if the text has ended.</returns>
    internal bool HandOut()
    {
        var sequence = Sequence!;
        if (given == 0) given = Request.Prompt.Length;
        for (; given < sequence.Tokens.Count; given++)
        {
            int token = sequence.Tokens[given];
            bool isEnd = Request.EndTokens.Contains(token) || (sequence.Finish == Finish.EndToken && given == sequence.Tokens.Count - 1);
            if (isEnd)
            {
                End(Finish.EndToken);
                return true;
            }
            int at = given - Request.Prompt.Length;
            tokens.Writer.TryWrite(at < sequence.Scores.Count ? sequence.Scores[at] : new(token, double.NaN, []));
        }
        if (!sequence.IsDone) return false;
        End(sequence.Finish);
        return true;
    }

    internal void End(Finish finish, Exception? error = null)
    {
        Sequence?.Dispose();
        Sequence = null;
        Finish = finish;
        tokens.Writer.TryComplete(error);
    }

    public void Dispose()
    {
        if (isCancelled) return;
        isCancelled = true;
        loop.Cancel(this);
    }
}
