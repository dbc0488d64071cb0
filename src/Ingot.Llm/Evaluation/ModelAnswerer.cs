using Ingot.Llm.Chat;
using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tools;

namespace Ingot.Llm.Evaluation;

/// <summary>A model that answers: hundreds of texts side by side in an <see cref="Engine"/>, calls of the calculator answered as in a chat.</summary>
public sealed class ModelAnswerer : IAnswerer
{
    /// <summary>Bytes of keys and values that texts written side by side may take.</summary>
    const long MostCacheBytes = 1L << 30;

    readonly Decoder model;
    readonly Tokenizer tokenizer;
    readonly EvaluationOptions options;
    readonly ChatFormat? format;
    readonly int[] begin;
    readonly Dictionary<int, bool> hasLineEnd = [];

    /// <param name="model">The weights.</param>
    /// <param name="tokenizer">Its own.</param>
    /// <param name="options">How; by the tokenizer if not given.</param>
    /// <exception cref="IngotException">Conversations are asked for, and the tokenizer lacks their special tokens.</exception>
    public ModelAnswerer(Decoder model, Tokenizer tokenizer, EvaluationOptions? options = null)
    {
        (this.model, this.tokenizer, this.options) = (model, tokenizer, options ?? new());
        bool isChat = this.options.Prompting == Prompting.Chat || this.options.Prompting == Prompting.Auto && ChatFormat.Fits(tokenizer);
        format = isChat ? new(tokenizer) : null;
        begin = tokenizer.TokenId("<|bos|>") is { } bos ? [bos] : tokenizer.BeginIds.Count > 0 ? [.. tokenizer.BeginIds] : model.Config.BeginToken is { } b ? [b] : [];
    }

    public IReadOnlyList<Reply> Answer(IReadOnlyList<Request> requests, CancellationToken cancellation = default)
    {
        var replies = new Reply[requests.Count];
        var (writings, weighings) = (new List<Writing>(), new List<(int Request, int[] Prompt, int[][] Candidates)>());
        foreach (var (i, request) in requests.Index())
        {
            if (request is WriteRequest w)
            {
                int most = w.Most is null ? model.ContextLength : 2 * tokenizer.Encode(w.Most + ".").Length + (format is null ? 8 : 24);
                int[] prompt = Prompt(request, Math.Min(most, model.ContextLength / 2));
                replies[i] = new(new string[w.Samples], []);
                ulong seed = Seed(request.Text);
                for (int s = 0; s < w.Samples; s++)
                    writings.Add(new(i, s, prompt, new SamplingOptions(w.Temperature, Seed: seed + (ulong)s) { MaxTokens = most, VocabularySize = tokenizer.VocabularySize }) { EndsWithLine = format is null && !w.IsText });
            }
            else
            {
                var weigh = (WeighRequest)request;
                int[][] candidates = [.. weigh.Candidates.Select(c => Encode(format is null && !weigh.IsText ? " " + c : c))];
                int[] prompt = Prompt(request, candidates.Max(c => c.Length));
                if (candidates.All(c => c.Length == 1)) writings.Add(new(i, 0, prompt, new(0)) { Candidates = [.. candidates.Select(c => c[0])] });
                else weighings.Add((i, prompt, candidates));
            }
        }
        Write(writings, replies, cancellation);
        Weigh(weighings, replies, cancellation);
        return replies;
    }

    int[] Encode(string text) => tokenizer.Encode(text, addSpecial: false, parseSpecial: false);

    /// <summary>The prompt as tokens, from which the beginning of the words is cut where the context has no room for them and the answer.</summary>
    int[] Prompt(Request request, int answer)
    {
        int room = Math.Max(1, model.ContextLength - answer);
        int[] tokens = request.IsText ? [.. begin, .. Encode(request.Text)] : format is not null ? format.Prompt(request.Prompt) : [.. begin, .. Encode(Plain(request.Prompt))];
        if (tokens.Length == 0) throw new IngotException("a prompt is empty, and the tokenizer has no token that begins texts");
        if (tokens.Length <= room) return tokens;
        int kept = Math.Min(request.IsText || format is null ? begin.Length : 2, room - 1); // what begins a text, and the user's turn
        return [.. tokens.AsSpan(0, kept), .. tokens.AsSpan(tokens.Length - (room - kept))];
    }

    /// <summary>Q: and A: lines, as question and answer stand in texts.</summary>
    static string Plain(Conversation prompt)
    {
        var lines = prompt.Messages.Select(m => (m.Role switch { Role.User => "Q: ", Role.Assistant => "A: ", _ => "" }) + string.Concat(m.Parts.Where(p => p.Kind == PartKind.Text).Select(p => p.Text)));
        return string.Join('\n', lines) + "\nA:";
    }

    /// <summary>By the words of the request, so that what else is asked does not matter.</summary>
    ulong Seed(string text)
    {
        ulong hash = 14695981039346656037 ^ options.Seed * 0x9E3779B97F4A7C15;
        foreach (char c in text) hash = (hash ^ c) * 1099511628211;
        return hash;
    }

    /// <summary>A text that is being written.</summary>
    sealed record Writing(int Request, int Sample, int[] Prompt, SamplingOptions Options)
    {
        public bool EndsWithLine { get; init; }

        /// <summary>Instead of writing: the tokens whose likelihood is wanted.</summary>
        public int[]? Candidates { get; init; }

        public GeneratedSequence Sequence { get; set; } = null!;

        public ToolCalls? Calls { get; set; }

        public int Seen { get; set; }

        public long Bytes { get; set; }

        public List<int> Said { get; } = [];
    }

    void Write(List<Writing> writings, Reply[] replies, CancellationToken cancellation)
    {
        if (writings.Count == 0) return;
        var engine = new Engine(model);
        // The longest first: short ones fill the gaps, and nothing long is left for the end.
        var waiting = new Queue<Writing>(writings.OrderByDescending(w => w.Candidates is null ? w.Options.MaxTokens : 0));
        var active = new List<Writing>();
        long bytes = 0;
        while (waiting.Count > 0 || active.Count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            while (active.Count < options.MostAtOnce && waiting.TryPeek(out var next))
            {
                long size = model.Config.CacheBytesPerToken * (Math.Min((long)model.ContextLength, next.Prompt.Length + (long)next.Options.MaxTokens) + KvCache.PagePositions);
                if (active.Count > 0 && bytes + size > MostCacheBytes) break;
                bytes += size;
                next.Bytes = size;
                active.Add(waiting.Dequeue());
                Start(engine, next, replies);
            }
            engine.Step(cancellation);
            foreach (var w in active)
            {
                Listen(w);
                if (!w.Sequence.IsDone) continue;
                w.Sequence.Dispose();
                bytes -= w.Bytes;
                if (w.Candidates is null) ((string[])replies[w.Request].Texts)[w.Sample] = TextOf(w);
            }
            active.RemoveAll(w => w.Sequence.IsDone);
        }
    }

    void Start(Engine engine, Writing w, Reply[] replies)
    {
        w.Sequence = engine.Start(w.Prompt, w.Options);
        w.Seen = w.Prompt.Length;
        if (w.Candidates is { } candidates)
            w.Sequence.Choosing = logits =>
            {
                double top = double.NegativeInfinity, sum = 0;
                foreach (float l in logits) top = Math.Max(top, l);
                foreach (float l in logits) sum += Math.Exp(l - top);
                var weights = new double[candidates.Length];
                for (int i = 0; i < weights.Length; i++) weights[i] = logits[candidates[i]] - top - Math.Log(sum);
                replies[w.Request] = Reply.Weights(weights);
                return null;
            };
        else if (format is not null) w.Calls = new(format, tokenizer, Calculator.Answer);
    }

    /// <summary>Takes what a text has become by a step: its end, a call of the calculator, or words.</summary>
    void Listen(Writing w)
    {
        if (w.Candidates is not null || w.Sequence.Tokens.Count == w.Seen) return;
        int token = w.Sequence.Tokens[w.Seen++];
        if (EndsText(token) || w.EndsWithLine && HasLineEnd(token))
        {
            if (!EndsText(token)) w.Said.Add(token);
            w.Sequence.Stop();
            return;
        }
        var answer = w.Calls?.Next(token) ?? [];
        if (answer.Length > 0)
        {
            if (w.Sequence.Tokens.Count + answer.Length < model.ContextLength && !w.Sequence.IsDone) w.Sequence.Append(answer);
            else w.Sequence.Stop();
            w.Seen = w.Sequence.Tokens.Count; // the tool's words are not the model's
        }
        else if (w.Calls is not { IsInCall: true }) w.Said.Add(token);
    }

    string TextOf(Writing w)
    {
        string text = tokenizer.Decode([.. w.Said]);
        return w.EndsWithLine ? text.TrimStart(' ').Split('\n')[0] : text;
    }

    bool EndsText(int token) => model.Config.EndTokens.Contains(token)
        || (format is not null ? token == format.AssistantEnd || token == format.AssistantStart || token == format.UserStart || token == format.Begin : begin.Contains(token));

    bool HasLineEnd(int token)
    {
        if (!hasLineEnd.TryGetValue(token, out bool has)) hasLineEnd[token] = has = tokenizer.DecodeBytes([token]).Contains((byte)'\n');
        return has;
    }

    void Weigh(List<(int Request, int[] Prompt, int[][] Candidates)> weighings, Reply[] replies, CancellationToken cancellation)
    {
        if (weighings.Count == 0) return;
        var rows = weighings.SelectMany(w => w.Candidates.Select(c => (Tokens: (int[])[.. w.Prompt, .. c], From: w.Prompt.Length))).ToList();
        var nats = new LikelihoodRows(model).NatsOf(rows, cancellation);
        int at = 0;
        foreach (var (request, _, candidates) in weighings)
        {
            replies[request] = Reply.Weights([.. nats.AsSpan(at, candidates.Length).ToArray().Select(n => -n)]);
            at += candidates.Length;
        }
    }
}
