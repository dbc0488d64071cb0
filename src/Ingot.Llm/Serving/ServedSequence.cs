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
    readonly SamplingOptions sampling;
    readonly ServedSequence? first; // of those that continue the same prompt
    GeneratedSequence? sequence; // null until a slot is free
    IDisposable? drafter;
    volatile bool isCancelled;
    int given;

    internal ServedSequence(ServingLoop loop, int[] prompt, SamplingOptions sampling, ServedSequence? first) =>
        (this.loop, Prompt, this.sampling, this.first, given) = (loop, prompt, sampling, first, prompt.Length);

    /// <summary>The tokens before it.</summary>
    public int[] Prompt { get; }

    /// <summary>The chosen tokens, without the one that ends the text; ends with the text, or with the exception that ended it.</summary>
    public ChannelReader<ChosenToken> Tokens => tokens.Reader;

    /// <summary>Why it ended; of use when <see cref="Tokens"/> has ended.</summary>
    public Finish Finish { get; private set; }

    /// <summary>Tokens of the prompt that did not need computing; known with the first token.</summary>
    public int CachedTokens { get; private set; }

    internal bool IsCancelled => isCancelled;

    internal bool HasFailed => sequence?.Error is not null;

    internal bool HasBegun => sequence is not null;

    /// <summary>Bytes of keys and values, when it is as long as it may become.</summary>
    internal long KvBytes { get; init; }

    internal void Begin(Engine engine, IDrafter? drafter)
    {
        (this.drafter, sequence) = (drafter as IDisposable, engine.Start(Prompt, sampling));
        sequence.Drafter = drafter;
        if (first?.sequence is { IsDone: false } leader && Prompt.Length > 1) sequence.WaitFor(leader, Prompt.Length - 1); // the prompt is computed once
    }

    /// <summary>Passes on what the engine has chosen since the last time.</summary>
    /// <returns>True if the text has ended.</returns>
    internal bool HandOut()
    {
        var s = sequence!;
        CachedTokens = first is null ? s.Reused : Prompt.Length - 1;
        int end = s.Tokens.Count - (s.Finish == Finish.EndToken ? 1 : 0);
        for (; given < end; given++)
        {
            int chosen = given - Prompt.Length;
            tokens.Writer.TryWrite(new(s.Tokens[given], chosen < s.LogProbabilities.Count ? s.LogProbabilities[chosen] : null));
        }
        if (!s.IsDone) return false;
        End(s.Finish, s.Error);
        return true;
    }

    internal void End(Finish finish, Exception? error = null)
    {
        sequence?.Dispose();
        drafter?.Dispose();
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
