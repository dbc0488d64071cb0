namespace Ingot.Llm.Generation;

/// <summary>Lets a smaller model with the same tokens guess how a text goes on. One a text; texts may share the small model's engine, though not with anything else.</summary>
public sealed class DraftModel : IDrafter, IDisposable
{
    /// <summary>So many new tokens are a prompt, which goes through the matrix unit; guesses may depend on it, texts do not.</summary>
    const int PromptLength = 16;

    readonly Engine engine;
    readonly GeneratedSequence text;
    Sampler? sampler;
    int ahead;

    /// <param name="engine">Of the small model.</param>
    /// <param name="most">Tokens guessed at a time: each is a step of the small model.</param>
    public DraftModel(Engine engine, int most = 4)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);
        (this.engine, Most) = (engine, most);
        text = engine.Start([0], new(Temperature: 0));
        text.Choosing = logits => sampler!.Guess(logits, ahead);
        text.Truncate(0);
        text.Stop();
    }

    public int Most { get; }

    public int Guess(ReadOnlySpan<int> tokens, Span<int> guesses, Sampler sampler)
    {
        int room = engine.Model.ContextLength - tokens.Length;
        if (room < 1) return 0;
        foreach (int t in tokens[text.All.CommonPrefixLength(tokens)..])
            if (t >= engine.Model.VocabularySize) return 0;
        int same = Math.Min(text.All.CommonPrefixLength(tokens), tokens.Length - 1); // the last one is computed in any case: its logits are wanted
        text.Truncate(same);
        text.Append(tokens[same..], areGiven: tokens.Length - same >= PromptLength); // few tokens are cheaper as chosen ones
        text.Reopen();
        this.sampler = sampler;
        for (ahead = 0; ahead < guesses.Length && !text.IsDone;)
        {
            while (text.Tokens.Count == tokens.Length + ahead && !text.IsDone) engine.Step();
            if (text.Tokens.Count > tokens.Length + ahead) guesses[ahead] = text.Tokens[tokens.Length + ahead++];
        }
        text.Stop();
        return ahead;
    }

    public void Dispose() => text.Dispose();
}
