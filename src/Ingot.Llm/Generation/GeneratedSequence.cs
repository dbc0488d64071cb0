namespace Ingot.Llm.Generation;

/// <summary>Why a text ended.</summary>
public enum Finish
{
    /// <summary>It has not.</summary>
    None,
    /// <summary>The model chose a token that ends texts.</summary>
    EndToken,
    /// <summary>There are as many tokens as were asked for.</summary>
    MaxTokens,
    /// <summary>The context is full.</summary>
    Context,
    /// <summary>Whoever asked for it has enough: a stop string.</summary>
    Stopped,
}

/// <summary>A text in an <see cref="Engine"/>: its tokens, what the cache holds of them, and how the next is chosen.</summary>
public sealed class GeneratedSequence : IDisposable
{
    readonly Engine engine;
    readonly List<int> tokens = [];
    Sampler sampler;
    SamplingOptions options;
    int generated; // since the options were given
    float[]? masked; // logits under a constraint

    internal GeneratedSequence(Engine engine, SamplingOptions options)
    {
        (this.engine, this.options, sampler) = (engine, options, new(options));
        Pages = new(engine.Cache);
    }

    /// <summary>The prompt and what follows, an end token included.</summary>
    public IReadOnlyList<int> Tokens => tokens;

    /// <summary>Of each generated token, if they were asked for.</summary>
    internal List<Serving.ChosenToken> Scores { get; } = [];

    /// <summary>Why it ended, if it has.</summary>
    public Finish Finish { get; private set; }

    public bool IsDone => Finish != Finish.None;

    /// <summary>Tokens whose keys and values are in the cache.</summary>
    public int Cached { get; internal set; }

    internal KvCache.Pages Pages { get; }

    /// <summary>Chooses instead of the sampler; null ends the text. Sees the logits of every step.</summary>
    internal Func<ReadOnlySpan<float>, int?>? Choosing { get; set; }

    /// <summary>Tokens that the model has not seen yet.</summary>
    internal int Waiting => tokens.Count - Cached;

    /// <summary>Goes on with tokens that the model did not choose: the words it is to begin with, a tool's answer, the next turn.</summary>
    /// <param name="ids">The tokens.</param>
    /// <exception cref="IngotException">They do not fit into the context, or the model does not have them.</exception>
    public void Append(ReadOnlySpan<int> ids)
    {
        if (tokens.Count + (long)ids.Length > engine.Model.ContextLength)
            throw new IngotException($"{tokens.Count} tokens and {ids.Length} more do not fit into the model's context of {engine.Model.ContextLength}");
        foreach (int id in ids)
            if ((uint)id >= (uint)engine.Model.VocabularySize) throw new IngotException($"token {id} is not in the model's vocabulary of {engine.Model.VocabularySize}; tokenizer and model do not belong together");
        foreach (int id in ids)
        {
            tokens.Add(id);
            sampler.Note(id);
        }
    }

    /// <summary>Writes on after an end, with new options.</summary>
    /// <param name="next">How to choose.</param>
    public void Resume(SamplingOptions next)
    {
        sampler = new(next);
        foreach (int t in tokens) sampler.Note(t);
        (options, generated, Finish) = (next, 0, Waiting > 0 ? Finish.None : throw new IngotException("nothing follows the end of the text; append tokens first"));
    }

    /// <summary>Forgets the tokens from a position on.</summary>
    /// <param name="length">Tokens to keep.</param>
    public void Truncate(int length)
    {
        tokens.RemoveRange(length, tokens.Count - length);
        Cached = Math.Min(Cached, length);
        Pages.Trim(Cached);
    }

    /// <summary>Ends the text here.</summary>
    public void Stop() => Finish = Finish == Finish.None ? Finish.Stopped : Finish;

    /// <summary>Chooses the next token.</summary>
    internal void Take(ReadOnlySpan<float> logits)
    {
        if (tokens.Count >= engine.Model.ContextLength || generated >= options.MaxTokens)
        {
            Finish = generated >= options.MaxTokens ? Finish.MaxTokens : Finish.Context;
            return;
        }
        if (options.Constraint is { } constraint)
        {
            masked ??= new float[logits.Length];
            logits.CopyTo(masked);
            constraint.Mask(masked);
        }
        var scores = options.Constraint is null ? logits : masked;
        if ((Choosing is null ? sampler.Next(scores) : Choosing(scores)) is not { } next)
        {
            Stop();
            return;
        }
        options.Constraint?.Accept(next);
        if (options.LogProbabilities is { } likeliest) Scores.Add(Serving.ChosenToken.Of(next, logits[..Math.Min(logits.Length, options.VocabularySize)], likeliest));
        tokens.Add(next);
        generated++;
        Finish = engine.Model.Config.EndTokens.Contains(next) ? Finish.EndToken
            : generated >= options.MaxTokens ? Finish.MaxTokens
            : tokens.Count >= engine.Model.ContextLength ? Finish.Context
            : Finish.None;
    }

    public void Dispose()
    {
        engine.Remove(this);
        Pages.Trim(0);
        Cached = 0;
        Stop();
    }
}
