using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tools;

namespace Ingot.Llm.Chat;

/// <summary>
/// A conversation with a model: keeps what was said, streams the answers, and lets the model use the calculator while it writes. The cache of earlier turns is used
/// again as far as the conversation begins the same.
/// </summary>
public sealed class ChatSession : IDisposable
{
    readonly Engine engine;
    readonly Tokenizer tokenizer;
    readonly ChatFormat format;
    readonly Func<string, string> tool;
    List<Message> messages = [];
    GeneratedSequence? sequence;

    /// <param name="model">The weights.</param>
    /// <param name="tokenizer">With the special tokens of <see cref="ChatFormat"/>.</param>
    /// <param name="tool">The answer to a call; the calculator's if not given.</param>
    /// <exception cref="IngotException">The tokenizer lacks special tokens, or has more tokens than the model.</exception>
    public ChatSession(Decoder model, Tokenizer tokenizer, Func<string, string>? tool = null)
    {
        if (tokenizer.VocabularySize > model.VocabularySize) throw new IngotException($"the tokenizer has {tokenizer.VocabularySize} tokens, the model {model.VocabularySize}: they do not belong together");
        (engine, this.tokenizer, format, this.tool) = (new(model), tokenizer, new(tokenizer), tool ?? Calculator.Answer);
    }

    /// <summary>What was said; setting it starts from there. Messages before the last ones that fit into the context are kept, though the model does not see them.</summary>
    /// <exception cref="IngotException">Set to a conversation whose turns are out of order.</exception>
    public Conversation Conversation
    {
        get => new([.. messages]);
        set
        {
            format.Render(value);
            messages = [.. value.Messages];
        }
    }

    /// <summary>What the model is told about itself; null: nothing.</summary>
    public string? System
    {
        get => messages is [{ Role: Role.System } m, ..] ? string.Concat(m.Parts.Select(p => p.Text)) : null;
        set
        {
            if (messages is [{ Role: Role.System }, ..]) messages.RemoveAt(0);
            if (value is not null) messages.Insert(0, new(Role.System, value));
        }
    }

    /// <summary>Tokens that the last answer took from the cache instead of computing them.</summary>
    public int Reused { get; private set; }

    /// <summary>Why the last answer ended.</summary>
    public Finish Finish { get; private set; }

    /// <summary>Says something and streams the answer: text as it is certain, calls of the tool and their answers when they are complete.</summary>
    /// <param name="text">The user's words.</param>
    /// <param name="options">How to choose.</param>
    /// <param name="words">What the answer is to begin with; the first text that is streamed.</param>
    /// <param name="cancellation">Ends the answer where it is; what there is of it is kept.</param>
    public IEnumerable<Part> Say(string text, SamplingOptions options, string words = "", CancellationToken cancellation = default)
    {
        options = options.Checked() with { VocabularySize = tokenizer.VocabularySize };
        messages.Add(new(Role.User, text));
        int[] prompt;
        try { prompt = Fitting(words); }
        catch
        {
            messages.RemoveAt(messages.Count - 1);
            throw;
        }
        return Answer(prompt, options, words, cancellation);
    }

    IEnumerable<Part> Answer(int[] prompt, SamplingOptions options, string words, CancellationToken cancellation)
    {
        Begin(prompt, options);
        var (stream, calls, parts) = (new TextStream(tokenizer, options.Stop), new ToolCalls(format, tokenizer, tool), new List<Part>());
        string said = words;
        if (words.Length > 0) yield return new(PartKind.Text, words);
        try
        {
            for (int given = prompt.Length; !sequence!.IsDone && !cancellation.IsCancellationRequested;)
            {
                engine.Step(CancellationToken.None);
                for (; given < sequence.Tokens.Count && !stream.IsStopped; given++)
                {
                    int token = sequence.Tokens[given];
                    if (EndsTurn(token))
                    {
                        sequence.Stop();
                        break;
                    }
                    var answer = calls.Next(token);
                    if (answer.Length > 0)
                    {
                        if (sequence.Tokens.Count + answer.Length < engine.Model.ContextLength) sequence.Append(answer);
                        else sequence.Stop();
                        given += answer.Length; // the tool's words are not the model's
                        if (said.Length > 0) parts.Add(new(PartKind.Text, said));
                        said = "";
                        Part[] both = [new(PartKind.ToolCall, calls.Answered[^1].Call), new(PartKind.ToolResult, calls.Answered[^1].Answer)];
                        parts.AddRange(both);
                        foreach (var part in both) yield return part;
                    }
                    else if (!calls.IsInCall && stream.Add(token) is { Length: > 0 } certain)
                    {
                        said += certain;
                        yield return new(PartKind.Text, certain);
                    }
                }
                if (stream.IsStopped) sequence.Stop();
            }
            if (stream.End() is { Length: > 0 } rest)
            {
                said += rest;
                yield return new(PartKind.Text, rest);
            }
        }
        finally
        {
            // Also when whoever reads the stream stops reading.
            sequence!.Stop();
            Finish = sequence.Finish;
            if (said.Length > 0 || parts.Count == 0) parts.Add(new(PartKind.Text, said));
            messages.Add(new(Role.Assistant, parts));
        }
    }

    bool EndsTurn(int token) => token == format.AssistantEnd || token == format.AssistantStart || token == format.UserStart || token == format.Begin || engine.Model.Config.EndTokens.Contains(token);

    /// <summary>Continues the sequence of the last answer where the new prompt begins with the same tokens.</summary>
    void Begin(int[] prompt, SamplingOptions options)
    {
        Reused = 0;
        if (sequence is not null)
        {
            int same = 0;
            while (same < prompt.Length - 1 && same < sequence.Tokens.Count && sequence.Tokens[same] == prompt[same]) same++;
            sequence.Truncate(same);
            Reused = sequence.Cached;
            sequence.Append(prompt.AsSpan(same));
            sequence.Resume(options);
        }
        else sequence = engine.Start(prompt, options);
    }

    /// <summary>The prompt, without the oldest turns if they leave no room for an answer.</summary>
    int[] Fitting(string words)
    {
        int room = engine.Model.ContextLength - engine.Model.ContextLength / 4, skip = messages is [{ Role: Role.System }, ..] ? 1 : 0;
        var shown = messages.ToList();
        while (true)
        {
            var prompt = format.Prompt(new(shown), words);
            if (prompt.Length <= room) return prompt;
            if (shown.Count < skip + 3) return prompt.Length < engine.Model.ContextLength ? prompt : throw new IngotException($"{prompt.Length} tokens do not fit into the model's context of {engine.Model.ContextLength}; say less at a time");
            shown.RemoveRange(skip, 2); // a question and its answer
        }
    }

    public void Dispose() => sequence?.Dispose();
}
