using System.Text;
using Ingot.Llm.Generation;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tools;
using Decoder = Ingot.Llm.Models.Decoder;

namespace Ingot.Llm.Chat;

/// <summary>
/// A conversation with a model in whatever format it has: keeps what was said, streams the answers, and lets models in Ingot's own format use the calculator while
/// they write. The cache of earlier turns is used again as far as the conversation begins the same.
/// </summary>
public sealed class ChatSession : IDisposable
{
    /// <summary>Calls of the calculator in one answer; a model that asks for more has lost its way.</summary>
    const int MostCalls = 32;

    readonly Engine engine;
    readonly Tokenizer tokenizer;
    readonly ChatPrompt format;
    readonly Func<string, string>? calculator;
    readonly IReadOnlyList<ToolDefinition> tools;
    List<ChatTurn> turns = [];
    GeneratedSequence? sequence;

    /// <param name="model">The weights, which must not change any more.</param>
    /// <param name="tokenizer">Of the model.</param>
    /// <param name="format">How conversations become tokens; Ingot's own format if not given, which the tokenizer must have the special tokens for.</param>
    /// <param name="calculator">The answer to a call, for models in Ingot's format; <see cref="Calculator.Answer"/> if not given. It must not throw.</param>
    /// <exception cref="IngotException">The tokenizer lacks special tokens, or has more tokens than the model.</exception>
    public ChatSession(Decoder model, Tokenizer tokenizer, ChatPrompt? format = null, Func<string, string>? calculator = null)
    {
        if (tokenizer.VocabularySize > model.VocabularySize) throw new IngotException($"the tokenizer has {tokenizer.VocabularySize} tokens, the model {model.VocabularySize}: they do not belong together");
        (engine, this.tokenizer) = (new(model), tokenizer);
        this.format = format ?? ChatPrompt.Of(tokenizer, null, new() { EndTokens = model.Config.EndTokens });
        bool calculates = this.format.ToolFormat == ToolFormat.Ingot;
        this.calculator = calculates ? calculator ?? Calculator.Answer : null;
        tools = calculates ? [new(IngotToolFormat.Tool, "Works out an expression.", null)] : [];
    }

    /// <summary>Does a step of the model; whoever measures it puts itself in between.</summary>
    public Action<Engine, GeneratedSequence> Step { get; init; } = (engine, _) => engine.Step(CancellationToken.None);

    /// <summary>Guesses tokens to come; what is said does not depend on it. Stays the caller's to dispose.</summary>
    public IDrafter? Drafter { get; init; }

    /// <summary>What was said; setting it starts from there. Messages before the last ones that fit into the context are kept, though the model does not see them.</summary>
    /// <exception cref="IngotException">Set to a conversation that the model's format does not have, as with turns out of order.</exception>
    public Conversation Conversation
    {
        get => ConversationTurns.ToConversation(turns);
        set
        {
            var given = ConversationTurns.Of(value);
            if (given.Count > 0 && given is not [{ Role: "system" }]) format.Render(given, addGenerationPrompt: false);
            turns = given;
        }
    }

    /// <summary>What the model is told about itself; null: nothing.</summary>
    public string? System
    {
        get => turns is [{ Role: "system" } m, ..] ? m.Content : null;
        set
        {
            if (turns is [{ Role: "system" }, ..]) turns.RemoveAt(0);
            if (value is not null) turns.Insert(0, new("system", value));
        }
    }

    /// <summary>Tokens that the last answer took from the cache instead of computing them.</summary>
    public int Reused { get; private set; }

    /// <summary>Why the last answer ended.</summary>
    public Finish Finish { get; private set; }

    /// <summary>Says something and streams the answer: words and thoughts as they are certain, calls of the calculator and their answers when they are complete.</summary>
    /// <param name="text">The user's words.</param>
    /// <param name="options">How to choose.</param>
    /// <param name="words">What the answer is to begin with; the first text that is streamed.</param>
    /// <param name="cancellation">Ends the answer where it is; what there is of it is kept.</param>
    /// <exception cref="IngotException">It does not fit into the context, or the model's template refuses the conversation; nothing was said then.</exception>
    public IEnumerable<AssistantEvent> Say(string text, SamplingOptions options, string? words = null, CancellationToken cancellation = default)
    {
        options = options.Checked() with { VocabularySize = tokenizer.VocabularySize };
        turns.Add(new("user", text));
        try
        {
            var shown = turns.ToList();
            return Answer(Fitting(shown, words), shown, options, words ?? "", cancellation);
        }
        catch
        {
            turns.RemoveAt(turns.Count - 1);
            throw;
        }
    }

    IEnumerable<AssistantEvent> Answer(int[] prompt, List<ChatTurn> shown, SamplingOptions options, string words, CancellationToken cancellation)
    {
        Begin(prompt, options);
        var said = new StringBuilder(words);
        int written = 0;
        if (words.Length > 0) yield return new ContentDelta(words);
        try
        {
            for (int calls = 0; ; calls++)
            {
                var reader = format.NewReader(prompt, tools, options.Stop);
                ToolCall? call = null;
                int given = prompt.Length;
                while (!sequence!.IsDone && call is null && !reader.IsStopped && !cancellation.IsCancellationRequested)
                {
                    Step(engine, sequence);
                    for (; given < sequence.Tokens.Count && call is null && !reader.IsStopped; given++, written++)
                    {
                        if (format.EndTokens.Contains(sequence.Tokens[given])) sequence.Stop();
                        foreach (var e in reader.Add(sequence.Tokens[given]))
                        {
                            if (e is ContentDelta content) said.Append(content.Text);
                            if (e is ToolCallEnded ended) call = ended.Call;
                            yield return e;
                        }
                        if (sequence.Finish == Finish.Stopped) break;
                    }
                }
                if (call is null)
                    foreach (var e in reader.Finish())
                    {
                        if (e is ContentDelta content) said.Append(content.Text);
                        yield return e;
                    }
                if (call is null || calculator is null || calls == MostCalls) break;
                string answer = calculator(IngotToolFormat.ExpressionOf(call));
                ChatTurn[] both = [new("assistant", said.ToString()) { ToolCalls = [call] }, new("tool", answer) { ToolCallId = call.Id, Name = call.Name }];
                said.Clear();
                turns.AddRange(both);
                shown.AddRange(both);
                yield return new ToolAnswered(call, answer);
                prompt = format.Render(shown, tools);
                if (prompt.Length >= engine.Model.ContextLength || written >= options.MaxTokens) break;
                GoOn(prompt, options with { MaxTokens = options.MaxTokens - written });
            }
        }
        finally
        {
            // Also when whoever reads the stream stops reading.
            sequence!.Stop();
            Finish = sequence.Finish;
            if (said.Length > 0 || turns[^1].Role != "tool") turns.Add(new("assistant", said.ToString()));
        }
    }

    /// <summary>Continues the sequence of the last answer where the new prompt begins with the same tokens.</summary>
    void Begin(int[] prompt, SamplingOptions options)
    {
        Reused = 0;
        if (sequence is null)
        {
            sequence = engine.Start(prompt, options);
            sequence.Drafter = Drafter;
            return;
        }
        int same = Same(prompt);
        sequence.Truncate(same);
        Reused = sequence.Cached;
        sequence.Append(prompt.AsSpan(same));
        sequence.Resume(options);
    }

    /// <summary>Behind a call: what was written stays as it is, and its answer is put behind it.</summary>
    void GoOn(int[] prompt, SamplingOptions options)
    {
        int same = Same(prompt);
        bool isWhole = same == sequence!.Tokens.Count && !sequence.IsDone;
        if (!isWhole) sequence.Truncate(same);
        sequence.Append(prompt.AsSpan(same));
        if (!isWhole) sequence.Resume(options);
    }

    int Same(int[] prompt)
    {
        int same = 0;
        while (same < prompt.Length - 1 && same < sequence!.Tokens.Count && sequence.Tokens[same] == prompt[same]) same++;
        return same;
    }

    /// <summary>The prompt, without the oldest turns if they leave no room for an answer.</summary>
    int[] Fitting(List<ChatTurn> shown, string? words)
    {
        int context = engine.Model.ContextLength, room = context - context / 4, first = shown is [{ Role: "system" }, ..] ? 1 : 0;
        while (true)
        {
            var prompt = format.Render(shown, tools, addGenerationPrompt: true, prefill: words);
            if (prompt.Length <= room) return prompt;
            int next = shown.FindIndex(first + 1, t => t.Role == "user"); // a question goes with its answer
            if (next < 0) return prompt.Length < context ? prompt : throw new IngotException($"{prompt.Length} tokens do not fit into the model's context of {context}; say less at a time");
            shown.RemoveRange(first, next - first);
        }
    }

    public void Dispose() => sequence?.Dispose();
}
