using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Constraints;

/// <summary>The tokens of a vocabulary as a tree of their bytes, laid out in the order of a walk through it, so that what begins alike is looked at once.</summary>
sealed class TokenTrie
{
    /// <summary>What the bytes of a visible special token begin with: no UTF-8 has it, so no text is taken for such a token.</summary>
    internal const byte SpecialByte = 0xFF;

    readonly byte[] labels; // of the edge into a node
    readonly byte[] depths; // 0 for the first byte
    readonly int[] ends; // the node behind all that begin with a node
    readonly int[] firstTokens; // into tokens; a node's end where the next node's begin
    readonly int[] tokens;
    readonly byte[]?[] bytes;

    /// <param name="tokenizer">Of the model.</param>
    /// <param name="except">Tokens that are not text: those that end it.</param>
    /// <param name="marks">Special tokens that a grammar may ask for, as marks of calls of tools: <see cref="CallGrammar.Mark"/>.</param>
    public TokenTrie(Tokenizer tokenizer, IReadOnlyCollection<int> except, IReadOnlyList<string> marks)
    {
        VocabularySize = tokenizer.VocabularySize;
        bytes = new byte[VocabularySize][];
        for (int id = 0; id < VocabularySize; id++)
            if (!except.Contains(id) && !tokenizer.IsSpecial(id) && BytesOf(tokenizer, id) is { Length: > 0 and <= 255 } text && !text.Contains(SpecialByte)) bytes[id] = text;
        foreach (string mark in marks)
            if (tokenizer.TokenId(mark) is { } id && tokenizer.IsSpecial(id) && !except.Contains(id)) bytes[id] = CallGrammar.BytesOf(tokenizer, mark);
        int[] order = [.. Enumerable.Range(0, VocabularySize).Where(id => bytes[id] is not null)];
        Array.Sort(order, (a, b) => bytes[a].AsSpan().SequenceCompareTo(bytes[b]) is var c && c != 0 ? c : a.CompareTo(b));
        List<byte> label = [], depth = [];
        List<int> first = [];
        byte[] last = [];
        for (int i = 0; i < order.Length; i++)
        {
            byte[] text = bytes[order[i]]!;
            for (int d = last.AsSpan().CommonPrefixLength(text); d < text.Length; d++)
            {
                label.Add(text[d]);
                depth.Add((byte)d);
                first.Add(d == text.Length - 1 ? i : -1);
            }
            last = text;
        }
        (labels, depths, tokens) = ([.. label], [.. depth], order);
        // A node without tokens has those of the node after it, none of its own.
        firstTokens = [.. first, order.Length];
        for (int n = labels.Length - 1; n >= 0; n--)
            if (firstTokens[n] < 0) firstTokens[n] = firstTokens[n + 1];
        ends = new int[labels.Length];
        var open = new Stack<int>();
        for (int n = 0; n <= labels.Length; n++)
        {
            while (open.TryPeek(out int top) && (n == labels.Length || depths[n] <= depths[top])) ends[open.Pop()] = n;
            open.Push(n);
        }
    }

    public int VocabularySize { get; }

    /// <summary>The bytes of a token; null if it is no text.</summary>
    public byte[]? this[int token] => (uint)token < (uint)bytes.Length ? bytes[token] : null;

    /// <summary>A bit for each token that can follow.</summary>
    public ulong[] Mask(Automaton automaton, Automaton.State from)
    {
        var mask = new ulong[(VocabularySize + 63) / 64];
        var path = new Automaton.State[257];
        path[0] = from;
        for (int node = 0; node < labels.Length;)
        {
            int depth = depths[node];
            var state = automaton.Step(path[depth], labels[node]);
            if (state.IsDead)
            {
                node = ends[node];
                continue;
            }
            path[depth + 1] = state;
            for (int t = firstTokens[node]; t < firstTokens[node + 1]; t++)
            {
                if (bytes[tokens[t]]!.Length != depth + 1) break;
                mask[tokens[t] >> 6] |= 1UL << tokens[t];
            }
            node++;
        }
        return mask;
    }

    /// <summary>What a token adds to a text.</summary>
    internal static byte[]? BytesOf(Tokenizer tokenizer, int id)
    {
        if (tokenizer.TokenText(id) is not { } text) return null;
        if (tokenizer.DecodesBytes) return tokenizer.BytesOf(id).ToArray();
        if (text is ['<', '0', 'x', _, _, '>'] && byte.TryParse(text.AsSpan(3, 2), System.Globalization.NumberStyles.AllowHexSpecifier, null, out byte b)) return [b];
        return System.Text.Encoding.UTF8.GetBytes(text.Replace('\u2581', ' '));
    }
}
