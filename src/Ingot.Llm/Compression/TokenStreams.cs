using Ingot.Llm.Generation;
using Ingot.Llm.Models;

namespace Ingot.Llm.Compression;

/// <summary>
/// Runs a model along several streams of tokens side by side, and asks for the next token of each with its logits. Whoever knows the tokens and whoever finds
/// them out take the same way: the same rows in the same steps, so that logits are the same bits without anything being promised about other ways.
/// </summary>
/// <remarks>
/// A stream whose context is full goes on with the last quarter of it, computed anew: 1.33 rows a token. Half of it would take 2 rows, and saved no bits on
/// TinyStories (1.1099 bits a byte against 1.1096).
/// </remarks>
static class TokenStreams
{
    /// <summary>Longer contexts gain little and take memory in every stream.</summary>
    const int LongestWindow = 1024;

    static readonly SamplingOptions Unused = new(Temperature: 0) { MaxTokens = int.MaxValue };

    /// <summary>The next token of a stream.</summary>
    /// <param name="stream">Its number.</param>
    /// <param name="position">Tokens before it in the stream.</param>
    /// <param name="logits">(V).</param>
    public delegate int Next(int stream, int position, ReadOnlySpan<float> logits);

    /// <summary>Positions that a stream looks at.</summary>
    static int Window(Decoder model) => model.ContextLength >= 2 ? Math.Min(model.ContextLength, LongestWindow) : throw new IngotException($"a context of {model.ContextLength} cannot predict anything");

    /// <summary>Bytes of keys and values that a stream takes.</summary>
    public static long BytesPerStream(Decoder model) => 2L * sizeof(float) * model.Config.Layers * model.Config.KeyHeads * model.Config.HeadWidth * Window(model);

    /// <param name="model">Whose logits.</param>
    /// <param name="begin">The token before the first of each stream.</param>
    /// <param name="lengths">Tokens of each stream.</param>
    /// <param name="next">Called once for each token, streams in turns in an order that depends on the lengths alone.</param>
    /// <param name="progress">Told the tokens done.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>The tokens.</returns>
    public static int[][] Run(Decoder model, int begin, IReadOnlyList<int> lengths, Next next, Action<long>? progress, CancellationToken cancellation)
    {
        int window = Window(model);
        var engine = new Engine(model);
        int[][] tokens = [.. lengths.Select(n => new int[n])];
        var counts = new int[lengths.Count];
        var active = new List<(int Stream, GeneratedSequence Sequence)>();
        for (int i = 0; i < lengths.Count; i++)
            if (lengths[i] > 0) active.Add((i, Start(i, [begin])));
        for (long done = 0; active.Count > 0;)
        {
            cancellation.ThrowIfCancellationRequested();
            engine.Step(cancellation);
            for (int a = active.Count - 1; a >= 0; a--)
            {
                var (stream, sequence) = active[a];
                if (counts[stream] == lengths[stream])
                {
                    sequence.Dispose();
                    active.RemoveAt(a);
                }
                else if (sequence.IsDone || sequence.Tokens.Count >= window) // done: by a token that ends texts, which this one does not
                {
                    sequence.Dispose();
                    active[a] = (stream, Start(stream, [.. sequence.Tokens.TakeLast(window / 4)]));
                }
            }
            if (progress is not null && counts.Sum(c => (long)c) is var now && now > done) progress(done = now);
        }
        return tokens;

        GeneratedSequence Start(int stream, int[] prompt)
        {
            var sequence = engine.Start(prompt, Unused);
            sequence.Choosing = logits =>
            {
                int token = next(stream, counts[stream], logits);
                return tokens[stream][counts[stream]++] = token;
            };
            return sequence;
        }
    }
}
