using System.Text;
using Ingot.Llm.Chat;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Training;

/// <summary>One domain of training data as tokens, documents or conversations one after the other.</summary>
public sealed class TokenSource
{
    readonly int[] tokens;
    readonly bool[]? counts;
    readonly int[]? starts;

    TokenSource(string name, int[] tokens, bool[]? counts, int[]? starts, long bytes) => (Name, this.tokens, this.counts, this.starts, Bytes) = (name, tokens, counts, starts, bytes);

    /// <summary>Of the domain, as a mixture names it.</summary>
    public string Name { get; }

    /// <summary>Tokens in all.</summary>
    public int Count => tokens.Length;

    /// <summary>UTF-8 bytes of the text that the tokens stand for; what bits per byte are a fraction of.</summary>
    public long Bytes { get; }

    /// <summary>Loss is taken on some of the tokens only.</summary>
    public bool IsMasked => counts is not null;

    /// <summary>Tokens as they are.</summary>
    /// <param name="name">Of the domain.</param>
    /// <param name="tokens">At least one.</param>
    public static TokenSource OfTokens(string name, int[] tokens) => tokens.Length > 0 ? new(name, tokens, null, null, tokens.Length) : throw new IngotException($"the domain '{name}' has no tokens");

    /// <summary>Documents, each after the token that begins one.</summary>
    /// <param name="name">Of the domain.</param>
    /// <param name="tokenizer">Of the model.</param>
    /// <param name="begin">The token that begins a document.</param>
    /// <param name="documents">Texts.</param>
    /// <exception cref="IngotException">There is no text.</exception>
    public static TokenSource OfDocuments(string name, ITokenizer tokenizer, int begin, IEnumerable<string> documents)
    {
        var all = new List<int>();
        long bytes = 0;
        foreach (string document in documents)
        {
            all.Add(begin);
            all.AddRange(tokenizer.Encode(document));
            bytes += Encoding.UTF8.GetByteCount(document);
        }
        if (bytes == 0) throw new IngotException($"the domain '{name}' has no text");
        return new(name, [.. all], null, null, bytes);
    }

    /// <summary>Conversations; loss is taken on what the assistant says itself, and a row of a batch begins with one.</summary>
    /// <param name="name">Of the domain.</param>
    /// <param name="format">How they become tokens.</param>
    /// <param name="conversations">In the order they are packed in.</param>
    /// <exception cref="IngotException">There is none.</exception>
    public static TokenSource OfConversations(string name, ChatFormat format, IEnumerable<Conversation> conversations)
    {
        var (all, own, starts) = (new List<int>(), new List<bool>(), new List<int>());
        long bytes = 0;
        foreach (var conversation in conversations)
        {
            var (ids, isOwn) = format.Render(conversation);
            starts.Add(all.Count);
            all.AddRange(ids);
            own.AddRange(isOwn);
            bytes += conversation.Messages.Sum(m => m.Parts.Sum(p => (long)Encoding.UTF8.GetByteCount(p.Text)));
        }
        if (starts.Count == 0) throw new IngotException($"the domain '{name}' has no conversation");
        return new(name, [.. all], [.. own], [.. starts], bytes);
    }

    /// <summary>Writes one row of a batch: tokens, the tokens that follow each, and -100 in the place of targets that do not count.</summary>
    /// <param name="draw">64 random bits, which choose the place.</param>
    /// <param name="x">T tokens.</param>
    /// <param name="y">T targets.</param>
    public void Row(ulong draw, Span<int> x, Span<int> y)
    {
        // What is shorter than a row, or begins near the end, goes on at the beginning.
        ulong places = (ulong)(starts?.Length ?? tokens.Length);
        int place = (int)Math.BigMul(draw, places, out _), at = starts is null ? place : starts[place];
        for (int i = 0; i < x.Length; i++)
        {
            int next = at + 1 == tokens.Length ? 0 : at + 1;
            x[i] = tokens[at];
            y[i] = counts is null || counts[next] ? tokens[next] : Ignored;
            at = next;
        }
    }

    /// <summary>The target that no loss is taken on.</summary>
    public const int Ignored = -100;

    /// <summary>All tokens in rows that do not overlap, in order, for evaluation; a rest shorter than a row is left out unless it is all there is.</summary>
    /// <param name="length">T.</param>
    /// <param name="batch">Rows at a time.</param>
    public IEnumerable<(Tensor Tokens, Tensor Targets, int Counted)> InOrder(int length, int batch)
    {
        int rows = Math.Max(1, (tokens.Length - 1) / length);
        length = Math.Min(length, tokens.Length - 1);
        for (int first = 0; first < rows; first += batch)
        {
            int n = Math.Min(batch, rows - first), counted = 0;
            var (x, y) = (new int[n * length], new int[n * length]);
            for (int r = 0; r < n; r++)
                for (int i = 0; i < length; i++)
                {
                    int at = (first + r) * length + i;
                    x[r * length + i] = tokens[at];
                    bool isCounted = counts is null || counts[at + 1];
                    y[r * length + i] = isCounted ? tokens[at + 1] : Ignored;
                    if (isCounted) counted++;
                }
            yield return (Tensor.From(x, n, length), Tensor.From(y, n, length), counted);
        }
    }

    /// <summary>A number that differs where the tokens do, for checking that a resumed run has the same data.</summary>
    public ulong Fingerprint
    {
        get
        {
            var print = new Fingerprint();
            print.Add(tokens);
            return print.Value;
        }
    }
}
