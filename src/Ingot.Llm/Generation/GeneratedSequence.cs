using System.Runtime.InteropServices;

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

/// <summary>Takes what goes into the head for a position: (C).</summary>
delegate void HiddenReader(int position, ReadOnlySpan<float> hidden);

/// <summary>A text in an <see cref="Engine"/>: its tokens, what the cache holds of them, and how the next is chosen.</summary>
public sealed class GeneratedSequence : IDisposable
{
    /// <summary>Tokens that room is made for at once.</summary>
    const int MostRoom = 4096;

    readonly Engine engine;
    readonly List<int> tokens = [];
    readonly List<bool> areGiven = []; // of each token
    readonly List<TokenLogProbability> logProbabilities = [];
    Sampler sampler;
    SamplingOptions options;
    int generated; // since the options were given
    int[] guesses = [];
    int guessCount, guessesTrue;
    GeneratedSequence? leader;
    int shared;

    internal GeneratedSequence(Engine engine, SamplingOptions options)
    {
        (this.engine, this.options, sampler) = (engine, options, new(options));
        Pages = new(engine.Cache);
    }

    /// <summary>The prompt and what follows, an end token included.</summary>
    public IReadOnlyList<int> Tokens => tokens;

    /// <summary>Why it ended, if it has.</summary>
    public Finish Finish { get; private set; }

    public bool IsDone => Finish != Finish.None;

    /// <summary>What went wrong when a token was to be chosen; the text has ended with it.</summary>
    public Exception? Error { get; private set; }

    /// <summary>Tokens whose keys and values are in the cache.</summary>
    public int Cached { get; internal set; }

    /// <summary>Tokens of the prompt whose keys and values were there before, of another text.</summary>
    public int Reused { get; internal set; }

    /// <summary>Of the tokens that were chosen since the options were given, if these ask for it.</summary>
    public IReadOnlyList<TokenLogProbability> LogProbabilities => logProbabilities;

    /// <summary>Guesses the tokens to come, which the model then checks side by side; null: none. Does not change what is chosen.</summary>
    public IDrafter? Drafter { get; set; }

    /// <summary>Tokens that were guessed, and those of them that came true.</summary>
    public (long Guessed, long True) Speculation { get; private set; }

    internal CachePages Pages { get; }

    /// <summary>Chooses instead of the sampler; null ends the text. Sees the logits of every step.</summary>
    internal Func<ReadOnlySpan<float>, int?>? Choosing { get; set; }

    /// <summary>Reads what the model makes of each token; no token is chosen then, and the text ends with its prompt.</summary>
    internal HiddenReader? ReadHidden { get; set; }

    /// <summary>Pages of other texts have not been looked for yet.</summary>
    internal bool MayTakePrefix { get; set; }

    internal ReadOnlySpan<int> All => CollectionsMarshal.AsSpan(tokens);

    /// <summary>Tokens that the model has not seen yet.</summary>
    internal int Waiting => tokens.Count - Cached;

    /// <summary>Goes on with tokens that the model did not choose: the words it is to begin with, a tool's answer, the next turn.</summary>
    /// <param name="ids">The tokens.</param>
    /// <exception cref="IngotException">They do not fit into the context, or the model does not have them.</exception>
    public void Append(ReadOnlySpan<int> ids) => Append(ids, areGiven: true);

    /// <summary>The same, for tokens that count as chosen.</summary>
    internal void Append(ReadOnlySpan<int> ids, bool areGiven)
    {
        if (tokens.Count + (long)ids.Length > engine.Model.ContextLength)
            throw new IngotException($"{tokens.Count} tokens and {ids.Length} more do not fit into the model's context of {engine.Model.ContextLength}");
        foreach (int id in ids)
            if ((uint)id >= (uint)engine.Model.VocabularySize) throw new IngotException($"token {id} is not in the model's vocabulary of {engine.Model.VocabularySize}; tokenizer and model do not belong together");
        tokens.EnsureCapacity((int)Math.Min(engine.Model.ContextLength, tokens.Count + (long)ids.Length + Math.Min(options.MaxTokens, MostRoom)));
        this.areGiven.EnsureCapacity(tokens.Capacity);
        Pages.EnsureCapacity(tokens.Capacity);
        foreach (int id in ids)
        {
            tokens.Add(id);
            this.areGiven.Add(areGiven);
            sampler.Note(id);
        }
    }

    /// <summary>Writes on after an end, with new options.</summary>
    /// <param name="next">How to choose.</param>
    public void Resume(SamplingOptions next)
    {
        sampler = new(next);
        foreach (int t in tokens) sampler.Note(t);
        logProbabilities.Clear();
        MayTakePrefix = Cached == 0 && engine.KeepsPrefixes;
        if (Cached == 0) CollectionsMarshal.AsSpan(areGiven).Fill(true); // all of it is computed as a prompt
        (options, generated, Error, Finish) = (next, 0, null, Waiting > 0 ? Finish.None : throw new IngotException("nothing follows the end of the text; append tokens first"));
    }

    /// <summary>Writes on after an end, with the same options.</summary>
    internal void Reopen() => (generated, Finish) = (0, Finish.None);

    /// <summary>Forgets the tokens from a position on.</summary>
    /// <param name="length">Tokens to keep.</param>
    public void Truncate(int length)
    {
        tokens.RemoveRange(length, tokens.Count - length);
        areGiven.RemoveRange(length, areGiven.Count - length);
        Cached = Math.Min(Cached, length);
        Pages.Trim(Cached);
    }

    /// <summary>Ends the text here.</summary>
    public void Stop() => Finish = Finish == Finish.None ? Finish.Stopped : Finish;

    /// <summary>Does not begin before another text has computed the prompt that they share.</summary>
    internal void WaitFor(GeneratedSequence other, int positions) => (leader, shared, MayTakePrefix) = (other, positions, false);

    /// <summary>Whether another text computes what this one needs; takes it once it is there.</summary>
    internal bool IsWaiting
    {
        get
        {
            if (leader is null) return false;
            if (leader.Cached < shared) return !leader.IsDone;
            Pages.Share(leader.Pages, shared);
            (Cached, leader) = (shared, null);
            return false;
        }
    }

    /// <summary>A text is gone; what it was to compute for this one is computed here.</summary>
    internal void Lost(GeneratedSequence other)
    {
        if (!ReferenceEquals(leader, other)) return;
        _ = IsWaiting; // takes what there is, if it is enough
        leader = null;
    }

    /// <summary>The token of a row: the text's, or a guess.</summary>
    internal int TokenAt(int position) => position < tokens.Count ? tokens[position] : guesses[position - tokens.Count];

    /// <summary>Whether the token of a row was given, and not chosen by the model or guessed to be: what is given is computed in another way where there is a matrix unit.</summary>
    internal bool IsGiven(int position) => position < areGiven.Count && areGiven[position];

    /// <summary>Tokens before the first that was chosen.</summary>
    internal int GivenFirst => CollectionsMarshal.AsSpan(areGiven).IndexOf(false) is >= 0 and var chosen ? chosen : areGiven.Count;

    /// <summary>Takes the beginning of another text, of which what is given and what was chosen stays so.</summary>
    internal void AppendFrom(GeneratedSequence other, int length)
    {
        Append(other.All[..length]);
        CollectionsMarshal.AsSpan(other.areGiven)[..length].CopyTo(CollectionsMarshal.AsSpan(areGiven)[^length..]);
    }

    /// <summary>Guesses what follows the text.</summary>
    /// <returns>How many tokens; each is a row that the model computes.</returns>
    internal int Guess(int most)
    {
        (guessCount, guessesTrue) = (0, 0);
        if (Drafter is null || Choosing is not null) return 0;
        // The last token of all needs no row after it.
        most = (int)Math.Min(Math.Min(most, Drafter.Most), Math.Min(options.MaxTokens - (long)generated, engine.Model.ContextLength - tokens.Count) - 1);
        if (most <= 0) return 0;
        if (guesses.Length < Drafter.Most) guesses = new int[Drafter.Most];
        guessCount = Drafter.Guess(All, guesses.AsSpan(0, most), sampler);
        for (int i = 0; i < guessCount; i++)
            if ((uint)guesses[i] >= (uint)engine.Model.VocabularySize) guessCount = i; // a draft model may have more tokens
        Speculation = (Speculation.Guessed + guessCount, Speculation.True);
        return guessCount;
    }

    /// <summary>Chooses the next token, or that after a guess that came true; what goes wrong is this text's <see cref="Error"/>, not its neighbours'.</summary>
    /// <returns>Whether it is the one that was guessed, so that the model has seen it already.</returns>
    internal bool TryTake(ReadOnlySpan<float> logits, bool isGuessed)
    {
        try { return isGuessed ? TakeGuessed(logits) : Take(logits); }
        catch (Exception e) // whatever a constraint or a sampler throws
        {
            Error = e;
            Stop();
            return false;
        }
    }

    bool Take(ReadOnlySpan<float> logits)
    {
        if (tokens.Count >= engine.Model.ContextLength || generated >= options.MaxTokens)
        {
            Finish = generated >= options.MaxTokens ? Finish.MaxTokens : Finish.Context;
            return false;
        }
        if ((Choosing is null ? sampler.Next(logits) : Choosing(logits)) is not { } next)
        {
            Stop();
            return false;
        }
        if (options.LogProbabilities is { } top) logProbabilities.Add(TokenLogProbability.Of(logits[..Math.Min(logits.Length, options.VocabularySize)], next, top));
        tokens.Add(next);
        areGiven.Add(false);
        generated++;
        Finish = IsEnd(next) ? Finish.EndToken
            : generated >= options.MaxTokens ? Finish.MaxTokens
            : tokens.Count >= engine.Model.ContextLength ? Finish.Context
            : Finish.None;
        return guessesTrue < guessCount && !IsDone && next == guesses[guessesTrue];
    }

    bool IsEnd(int token) => Has(engine.Model.Config.EndTokens, token) || Has(options.EndTokens, token);

    static bool Has(IReadOnlyList<int> list, int token)
    {
        for (int i = 0; i < list.Count; i++) // without an enumerator, which would be an object a token
            if (list[i] == token) return true;
        return false;
    }

    /// <summary>Chooses the token after a guess that came true.</summary>
    bool TakeGuessed(ReadOnlySpan<float> logits)
    {
        guessesTrue++;
        Cached++;
        Speculation = (Speculation.Guessed, Speculation.True + 1);
        return Take(logits);
    }

    public void Dispose()
    {
        engine.Remove(this);
        Pages.Trim(0);
        Cached = 0;
        Stop();
    }
}
