using Ingot.Llm.Generation;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Chat;

/// <summary>Marks around an assistant's thoughts.</summary>
sealed record ThinkMarks(string Begin, string End)
{
    public static readonly ThinkMarks Think = new("<think>", "</think>");
}

/// <summary>Tokens to text, the marks of calls and thoughts visible and other special tokens left out; text cut at stop strings; then thoughts, calls and content told apart.</summary>
sealed class TokenReader : AssistantReader
{
    readonly IReadOnlyList<int> ends;
    readonly StopStrings stops;
    readonly Dictionary<int, string> marks = [];
    readonly ToolCallParser? calls;
    readonly ThoughtSplitter? thoughts;
    readonly StreamingDecoder decoder;

    public TokenReader(Tokenizer tokenizer, ToolFormat format, IReadOnlyList<int> ends, IReadOnlyList<ToolDefinition>? tools, IReadOnlyList<string> stop, ThinkMarks? thinking, bool startsInThought)
    {
        (this.ends, stops, decoder) = (ends, new(stop), tokenizer.NewStream());
        if (tools is { Count: > 0 })
        {
            calls = format.NewParser(tools);
            AddMarks(format.Markers);
        }
        if (thinking is not null)
        {
            thoughts = new(thinking, startsInThought);
            AddMarks([thinking.Begin, thinking.End]);
        }

        void AddMarks(IEnumerable<string> texts)
        {
            foreach (string text in texts)
                if (tokenizer.TokenId(text) is { } id && tokenizer.IsSpecial(id)) marks[id] = text;
        }
    }

    public override bool IsStopped => stops.IsMet;

    public override IReadOnlyList<AssistantEvent> Add(int token)
    {
        if (IsStopped || ends.Contains(token)) return [];
        return Events(marks.TryGetValue(token, out var mark) ? decoder.Finish() + mark : decoder.Add(token), isLast: false);
    }

    public override IReadOnlyList<AssistantEvent> Finish()
    {
        List<AssistantEvent> events = [.. Events(IsStopped ? "" : decoder.Finish(), isLast: true)];
        if (thoughts is not null) Parse(thoughts.Finish(), events);
        if (calls is not null) events.AddRange(calls.Finish());
        return events;
    }

    List<AssistantEvent> Events(string text, bool isLast)
    {
        List<AssistantEvent> events = [];
        string certain = stops.Add(text, isLast);
        if (certain.Length == 0) return events;
        if (thoughts is null) Parse([new ContentDelta(certain)], events);
        else Parse(thoughts.Add(certain), events);
        return events;
    }

    void Parse(IEnumerable<AssistantEvent> from, List<AssistantEvent> to)
    {
        foreach (var e in from)
        {
            if (e is ContentDelta content && calls is not null) to.AddRange(calls.Add(content.Text));
            else to.Add(e);
        }
    }
}

/// <summary>Tells an assistant's thoughts from its words: thoughts stand at the beginning of the turn, between two marks.</summary>
sealed class ThoughtSplitter(ThinkMarks marks, bool startsInThought)
{
    enum State { Beginning, Thought, Words }

    State state = startsInThought ? State.Thought : State.Beginning;
    string held = "";
    bool isAtStart = true; // of the thought or the words: line feeds here belong to the marks

    public IReadOnlyList<AssistantEvent> Add(string text)
    {
        List<AssistantEvent> events = [];
        held += text;
        if (state == State.Beginning)
        {
            string trimmed = held.TrimStart();
            if (trimmed.StartsWith(marks.Begin, StringComparison.Ordinal)) (state, held) = (State.Thought, trimmed[marks.Begin.Length..]);
            else if (marks.Begin.StartsWith(trimmed, StringComparison.Ordinal)) return events;
            else (state, isAtStart) = (State.Words, false);
        }
        if (state == State.Thought)
        {
            int end = held.IndexOf(marks.End, StringComparison.Ordinal);
            int sure = end >= 0 ? end : held.Length - Enumerable.Range(0, Math.Min(marks.End.Length, held.Length + 1)).Last(n => held.EndsWith(marks.End[..n], StringComparison.Ordinal));
            // Spaces before the end mark belong to it, so they wait.
            int shown = held[..sure].TrimEnd().Length;
            string thought = held[..shown];
            if (isAtStart) thought = thought.TrimStart();
            if (thought.Length > 0)
            {
                events.Add(new ReasoningDelta(thought));
                isAtStart = false;
            }
            if (end < 0)
            {
                held = isAtStart ? held[sure..] : held[shown..];
                return events;
            }
            (held, state, isAtStart) = (held[(end + marks.End.Length)..], State.Words, true);
        }
        if (isAtStart) held = held.TrimStart();
        if (held.Length > 0)
        {
            events.Add(new ContentDelta(held));
            isAtStart = false;
        }
        held = "";
        return events;
    }

    public IReadOnlyList<AssistantEvent> Finish()
    {
        string rest = held;
        held = "";
        return rest.Length == 0 || state == State.Thought && string.IsNullOrWhiteSpace(rest) ? [] : state == State.Thought ? [new ReasoningDelta(rest)] : [new ContentDelta(rest)];
    }
}
