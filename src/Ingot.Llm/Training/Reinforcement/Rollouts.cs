using System.Numerics;
using System.Runtime.InteropServices;
using Ingot.Llm.Chat;
using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tools;

namespace Ingot.Llm.Training;

/// <summary>An answer that the model gave.</summary>
/// <param name="Answer">The prompt and the answer; what a tool said in between is not the model's own.</param>
/// <param name="LogProbabilities">Of each of the model's own tokens, in nats, by the distribution that it was drawn from.</param>
/// <param name="Entropy">Of those distributions, summed, in nats.</param>
/// <param name="Text">The words, without calls of tools and what these answered.</param>
/// <param name="HasEnded">The model ended its turn itself.</param>
sealed record Rollout(Answer Answer, float[] LogProbabilities, double Entropy, string Text, bool HasEnded);

/// <summary>
/// Writes answers to prompts, many side by side, and notes how likely each token was. What an answer is depends on weights, prompt and seed alone. Prompts that are answered
/// several times are computed once.
/// </summary>
sealed class Rollouts
{
    /// <summary>Prompts whose keys and values are kept at a time.</summary>
    const int PromptsAtATime = 128;

    readonly Engine engine;
    readonly Tokenizer tokenizer;
    readonly ChatFormat format;
    readonly int sideBySide, maxTokens;
    readonly Func<string, string> tool;

    /// <param name="model">Its weights may change between calls: nothing stays in the cache.</param>
    /// <param name="tokenizer">Of the model.</param>
    /// <param name="sideBySide">Answers that are written at a time.</param>
    /// <param name="maxTokens">Of an answer.</param>
    /// <param name="tool">Answers the model's calls; the calculator if not given.</param>
    public Rollouts(Decoder model, Tokenizer tokenizer, int sideBySide, int maxTokens, Func<string, string>? tool = null) =>
        (engine, this.tokenizer, format, this.sideBySide, this.maxTokens, this.tool) = (new(model, sideBySide), tokenizer, new(tokenizer), sideBySide, maxTokens, tool ?? Calculator.Answer);

    /// <summary>Several answers to each prompt, in order.</summary>
    /// <param name="prompts">Up to the start of the assistant's turn.</param>
    /// <param name="each">Answers a prompt.</param>
    /// <param name="temperature">The logits are divided by it; 0 takes the most likely token.</param>
    /// <param name="seed">Of the i-th answer.</param>
    /// <param name="cancellation">Ends the work, without a result.</param>
    public Rollout[] Generate(IReadOnlyList<int[]> prompts, int each, double temperature, Func<int, ulong> seed, CancellationToken cancellation = default)
    {
        var results = new List<Rollout>(prompts.Count * each);
        for (int first = 0; first < prompts.Count; first += PromptsAtATime)
            results.AddRange(Generate([.. prompts.Skip(first).Take(PromptsAtATime)], first * each, each, temperature, seed, cancellation));
        return [.. results];
    }

    Rollout[] Generate(int[][] prompts, int firstNumber, int each, double temperature, Func<int, ulong> seed, CancellationToken cancellation)
    {
        var results = new Rollout[prompts.Length * each];
        var active = new List<Writing>();
        var beginnings = new List<GeneratedSequence>();
        try
        {
            if (each > 1)
            {
                // All but the last token of a prompt, whose logits the first token of each answer is drawn from.
                beginnings.AddRange(prompts.Select(p => engine.Start(p.AsSpan(0, p.Length - 1), new() { MaxTokens = 0 })));
                while (engine.Step(cancellation)) { }
            }
            for (int next = 0; next < results.Length || active.Count > 0;)
            {
                for (; next < results.Length && active.Count < sideBySide; next++)
                {
                    var prompt = prompts[next / each];
                    var options = new SamplingOptions { MaxTokens = maxTokens };
                    var sequence = each > 1 ? engine.Fork(beginnings[next / each], prompt.AsSpan(prompt.Length - 1), options) : engine.Start(prompt, options);
                    active.Add(new(this, sequence, next, prompt.Length, temperature, seed(firstNumber + next)));
                }
                engine.Step(cancellation);
                for (int i = active.Count - 1; i >= 0; i--)
                {
                    if (!active[i].Continue()) continue;
                    results[active[i].Number] = active[i].Done();
                    active[i].Sequence.Dispose();
                    active.RemoveAt(i);
                }
            }
            return results;
        }
        finally
        {
            foreach (var sequence in beginnings.Concat(active.Select(w => w.Sequence))) sequence.Dispose();
        }
    }

    bool EndsTurn(int token) => token == format.AssistantEnd || engine.Model.Config.EndTokens.Contains(token);

    /// <summary>Other marks of turns have no place in an answer, nor have rows of the embedding that stand for no token.</summary>
    bool IsAstray(int token) => token == format.Begin || token == format.UserStart || token == format.UserEnd || token == format.AssistantStart || token >= tokenizer.VocabularySize;

    /// <summary>An answer that is being written.</summary>
    sealed class Writing
    {
        readonly Rollouts owner;
        readonly int promptLength;
        readonly ToolCalls calls;
        readonly List<int> words = [];
        readonly List<float> likely = [];
        readonly List<(int Start, int Length)> tools = [];
        double entropy;
        int looked;
        bool hasEnded;

        public GeneratedSequence Sequence { get; }

        /// <summary>Its place among the results.</summary>
        public int Number { get; }

        public Writing(Rollouts owner, GeneratedSequence sequence, int number, int promptLength, double temperature, ulong seed)
        {
            (this.owner, Sequence, Number, this.promptLength, looked) = (owner, sequence, number, promptLength, promptLength);
            calls = new(owner.format, owner.tokenizer, owner.tool);
            sequence.Choosing = logits =>
            {
                var drawn = TokenDraw.From(logits, temperature, temperature == 0 ? 0 : Sampler.Draw(seed, (ulong)likely.Count));
                likely.Add(drawn.LogProbability);
                entropy += drawn.Entropy;
                return drawn.Token;
            };
        }

        /// <summary>Looks at what was written since; true if the answer is done.</summary>
        public bool Continue()
        {
            for (; looked < Sequence.Tokens.Count; looked++)
            {
                int token = Sequence.Tokens[looked];
                hasEnded = owner.EndsTurn(token) && !calls.IsInCall;
                if (hasEnded || owner.EndsTurn(token) || owner.IsAstray(token))
                {
                    Sequence.Stop();
                    looked++;
                    return true;
                }
                bool wasInCall = calls.IsInCall;
                var answer = calls.Next(token);
                if (answer.Length > 0)
                {
                    if (Sequence.Tokens.Count + answer.Length >= owner.engine.Model.ContextLength) Sequence.Stop();
                    else if (!Sequence.IsDone)
                    {
                        tools.Add((Sequence.Tokens.Count, answer.Length));
                        Sequence.Append(answer);
                        looked += answer.Length; // the tool's words are not the model's
                    }
                }
                else if (!calls.IsInCall && !wasInCall) words.Add(token);
            }
            return Sequence.IsDone;
        }

        public Rollout Done()
        {
            int[] tokens = [.. Sequence.Tokens];
            var own = new bool[tokens.Length];
            own.AsSpan(promptLength).Fill(true);
            foreach (var (start, length) in tools) own.AsSpan(start, length).Clear();
            return new(new(tokens, own), [.. likely], entropy, owner.tokenizer.Decode([.. words]), hasEnded);
        }
    }
}

/// <summary>A token drawn from the softmax of logits.</summary>
/// <param name="Token">Which.</param>
/// <param name="LogProbability">In nats.</param>
/// <param name="Entropy">Of the distribution, in nats.</param>
readonly record struct TokenDraw(int Token, float LogProbability, double Entropy)
{
    [ThreadStatic] static float[]? scratch;

    /// <param name="logits">One a token.</param>
    /// <param name="temperature">They are divided by it; 0 takes the most likely token, and notes its probability at 1.</param>
    /// <param name="draw">Uniform in [0, 1).</param>
    /// <remarks>In vectors, since it is done once for every token that is written: logarithm and entropy from sums in float32, which keep six digits.</remarks>
    public static TokenDraw From(ReadOnlySpan<float> logits, double temperature, double draw)
    {
        int lanes = Vector<float>.Count, padded = (logits.Length + lanes - 1) / lanes * lanes;
        if (scratch is null || scratch.Length < padded) scratch = new float[padded];
        var weights = scratch.AsSpan(0, padded);
        logits.CopyTo(weights);
        weights[logits.Length..].Fill(float.NegativeInfinity);
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(weights);
        var most = vectors[0];
        foreach (var v in vectors) most = Vector.Max(most, v);
        float top = most[0];
        for (int i = 1; i < lanes; i++) top = Math.Max(top, most[i]);
        float scale = temperature == 0 ? 1 : (float)(1 / temperature);
        Vector<float> sum = default, weighted = default;
        foreach (ref var v in vectors)
        {
            var score = (v - new Vector<float>(top)) * scale;
            v = Vector.Exp(score);
            sum += v;
            weighted += Vector.ConditionalSelect(Vector.GreaterThan(v, Vector<float>.Zero), v * score, Vector<float>.Zero);
        }
        double total = Vector.Sum(sum), entropy = Math.Log(total) - Vector.Sum(weighted) / total;
        int token = temperature == 0 ? logits.IndexOf(top) : Chosen(weights[..logits.Length], draw * total, logits.IndexOf(top));
        return token < 0 ? new(0, float.NaN, double.NaN) // the model is no longer finite
            : new(token, (float)((logits[token] - top) * (double)scale - Math.Log(total)), entropy);
    }

    /// <summary>The first token at which the weights so far pass a number.</summary>
    static int Chosen(ReadOnlySpan<float> weights, double left, int best)
    {
        for (int i = 0; i < weights.Length; i++)
        {
            left -= weights[i];
            if (left < 0 && weights[i] > 0) return i;
        }
        return best; // rounding has left a crumb
    }
}
