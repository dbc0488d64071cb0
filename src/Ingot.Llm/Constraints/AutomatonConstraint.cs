using Ingot.Llm.Generation;

namespace Ingot.Llm.Constraints;

/// <summary>A grammar for a model's tokens: shared by all the texts that have to keep to it. What is found out about a state is kept with it.</summary>
sealed class TokenGrammar(TokenTrie trie, Automaton automaton, IReadOnlyList<int> endTokens)
{
    const int MostMaskBytes = 16 << 20;

    readonly Lock gate = new();
    int maskBytes;

    /// <summary>About what it takes in memory.</summary>
    public long Bytes => automaton.Bytes + maskBytes;

    /// <summary>What was done so far: <see cref="Automaton.Work"/>.</summary>
    public long Work => automaton.Work;

    public Automaton.State Start => automaton.Start;

    /// <summary>A bit for each token that may follow, end tokens among them where the text may end.</summary>
    public ulong[] Mask(Automaton.State state)
    {
        lock (gate)
        {
            if (state.Mask is { } known) return known;
            automaton.BeginToken();
            var mask = trie.Mask(automaton, state);
            if (state.IsAccepting)
                foreach (int token in endTokens) mask[token >> 6] |= 1UL << token;
            else if (Array.TrueForAll(mask, m => m == 0))
                throw new IngotException("no token of the model can go on with the text that the constraint asks for: its vocabulary lacks single bytes");
            // Masks go with their states: every other token of a long text may be at a new one.
            if ((maskBytes += 8 * mask.Length) > MostMaskBytes)
            {
                automaton.Forget();
                maskBytes = 8 * mask.Length;
            }
            return state.Mask = mask;
        }
    }

    /// <summary>The state behind a token; dead if it cannot follow.</summary>
    public Automaton.State After(Automaton.State state, int token)
    {
        lock (gate)
        {
            automaton.BeginToken();
            foreach (byte b in trie[token] ?? []) state = automaton.Step(state, b);
            return state;
        }
    }

    public bool IsEnd(int token) => endTokens.Contains(token);

    public bool IsText(int token) => trie[token] is not null;
}

/// <summary>A place in a text that keeps to a grammar.</summary>
sealed class AutomatonConstraint(TokenGrammar grammar, Automaton.State state, bool hasEnded = false) : ITokenConstraint
{
    Automaton.State state = state;
    bool hasEnded = hasEnded;

    /// <summary>What was done so far for all texts that keep to this grammar.</summary>
    internal long Work => grammar.Work;

    public bool IsComplete => hasEnded || state.IsAccepting;

    public void Mask(Span<float> logits)
    {
        if (hasEnded) throw new IngotException("the text has ended; nothing can follow");
        var mask = grammar.Mask(state);
        for (int word = 0; 64 * word < logits.Length; word++)
        {
            ulong bits = word < mask.Length ? mask[word] : 0;
            if (bits == ulong.MaxValue) continue;
            var part = logits[(64 * word)..Math.Min(64 * word + 64, logits.Length)];
            if (bits == 0) part.Fill(float.NegativeInfinity);
            else
            {
                for (int i = 0; i < part.Length; i++)
                    if ((bits >> i & 1) == 0) part[i] = float.NegativeInfinity;
            }
        }
    }

    public void Accept(int token)
    {
        if (hasEnded) throw new IngotException($"token {token} follows the end of the text");
        if (grammar.IsEnd(token))
        {
            hasEnded = state.IsAccepting ? true : throw new IngotException($"token {token} ends a text that is not complete");
            return;
        }
        var next = grammar.IsText(token) ? grammar.After(state, token) : null;
        state = next is { IsDead: false } ? next : throw new IngotException($"token {token} cannot follow here");
    }

    public ITokenConstraint Clone() => new AutomatonConstraint(grammar, state, hasEnded);
}
