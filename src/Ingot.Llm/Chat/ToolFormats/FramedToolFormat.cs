using Ingot.Llm.Constraints;

namespace Ingot.Llm.Chat;

/// <summary>Where calls stand in a turn.</summary>
/// <param name="Begin">What is before a call, or a list of calls.</param>
/// <param name="End">What is behind it; may be missing at the end of a turn.</param>
/// <param name="IsList">Calls stand in a JSON list; otherwise there is one, or several with ; or , between them.</param>
sealed record CallFrame(string Begin, string End, bool IsList);

/// <summary>Calls as JSON objects with marks around them.</summary>
/// <param name="name">For people.</param>
/// <param name="frames">The marks; of several, any may stand anywhere.</param>
sealed class FramedToolFormat(string name, params CallFrame[] frames) : ToolFormat
{
    public override string Name => name;

    public override IReadOnlyList<string> Markers => [.. frames.SelectMany(f => new[] { f.Begin, f.End }).Concat(AllowsName ? [NameEnd, IdBegin] : []).Where(m => m.Length > 0)];

    /// <summary>What this family calls a call's arguments.</summary>
    public string ArgumentsKey { get; init; } = "arguments";

    /// <summary>A turn that begins with { may be a call without marks.</summary>
    public bool AllowsBare { get; init; }

    /// <summary>Behind Begin a tool's name may stand outside of JSON: <c>[TOOL_CALLS]name[ARGS]{...}</c>, as newer Mistral models write.</summary>
    public bool AllowsName { get; init; }

    internal const string NameEnd = "[ARGS]", IdBegin = "[CALL_ID]";

    internal IReadOnlyList<CallFrame> Frames => frames;

    internal override void Describe(CallGrammar calls, int from, int to)
    {
        foreach (var frame in frames)
        {
            int begun = calls.Space(calls.Mark(from, frame.Begin)), ended = calls.NewState();
            if (frame.IsList) calls.List(begun, '[', ']', (a, b) => calls.Object(a, ArgumentsKey, b), ended);
            else calls.Object(begun, ArgumentsKey, ended);
            int behind = frame.End.Length > 0 ? calls.Mark(calls.Space(ended), frame.End) : ended;
            calls.Join(behind, to);
            if (calls.AllowsSeveral && !frame.IsList && frame.End.Length > 0) calls.Join(calls.Space(behind), from);
            if (!AllowsName) continue;
            int named = calls.NewState();
            calls.Named(calls.Mark(from, frame.Begin), NameEnd, named);
            calls.Join(named, to);
            if (calls.AllowsSeveral) calls.Join(named, from);
        }
        if (AllowsBare) calls.Object(from, ArgumentsKey, to);
    }

    public override ToolCallParser NewParser(IReadOnlyList<ToolDefinition>? tools = null) => new FramedParser(this, tools);
}

/// <summary>One character at a time, so that nothing depends on how the text was cut.</summary>
sealed class FramedParser(FramedToolFormat format, IReadOnlyList<ToolDefinition>? tools) : ToolCallParser
{
    enum State { Content, BeforeList, BeforeCall, Call, AfterCall, End, Name }

    readonly EventList events = new();
    State state;
    CallFrame? frame;
    JsonCall? call;
    string held = ""; // characters that may yet turn out to be something else than content
    bool isEmpty = true; // no content yet since the turn's beginning or the last call, but perhaps spaces, which are held back
    bool hasContent;
    int calls;

    public override IReadOnlyList<AssistantEvent> Add(string text)
    {
        foreach (char c in text) Next(c);
        return events.Take();
    }

    public override IReadOnlyList<AssistantEvent> Finish()
    {
        bool isFormat = state is State.End or State.AfterCall || state == State.Content && isEmpty && calls > 0 && string.IsNullOrWhiteSpace(held);
        if (call is { IsStarted: true } && state == State.Call) events.Add(new ToolCallBroken(calls, held));
        else if (!isFormat) events.Content(held);
        (held, state) = ("", State.Content);
        return events.Take();
    }

    void Next(char c)
    {
        switch (state)
        {
            case State.Content: Content(c); break;
            case State.BeforeList: Expect(c, '[', State.BeforeCall); break;
            case State.BeforeCall:
                if (c == ']' && frame!.IsList) AfterFrame(c);
                else Expect(c, '{', State.Call);
                break;
            case State.Call: Call(c); break;
            case State.AfterCall: AfterCall(c); break;
            case State.End: End(c); break;
            case State.Name: Name(c); break;
        }
    }

    void Content(char c)
    {
        string now = held + c;
        string trimmed = isEmpty ? now.TrimStart() : now;
        if (trimmed.Length == 0)
        {
            held = now;
            return;
        }
        foreach (var f in format.Frames)
        {
            if (trimmed == f.Begin)
            {
                (frame, held) = (f, now);
                state = f.IsList ? State.BeforeList : State.BeforeCall;
                return;
            }
        }
        if (format.AllowsBare && isEmpty && !hasContent && trimmed == "{")
        {
            (frame, held, state) = (Bare, now[..^1], State.BeforeCall);
            Next(c);
            return;
        }
        if (format.Frames.Any(f => f.Begin.StartsWith(trimmed, StringComparison.Ordinal)))
        {
            held = now;
            return;
        }
        // The longest end that may be the beginning of a mark is held; what is before it is content.
        int keep = trimmed.Length - 1;
        while (keep > 0 && !format.Frames.Any(f => f.Begin.StartsWith(trimmed[^keep..], StringComparison.Ordinal))) keep--;
        events.Content(now[..^keep]);
        (held, isEmpty, hasContent) = (now[^keep..], false, true);
    }

    static readonly CallFrame Bare = new("", "", IsList: false);

    /// <summary>What was held was no call: content up to here, and the character is looked at again.</summary>
    void NoCall(char c)
    {
        if (call is { IsStarted: true } && state == State.Call) events.Add(new ToolCallBroken(calls++, held));
        else events.Content(held);
        (call, held, state, isEmpty, hasContent) = (null, "", State.Content, false, true);
        Next(c);
    }

    void Expect(char c, char wanted, State then)
    {
        if (c == wanted)
        {
            state = then;
            if (then == State.Call)
            {
                call = new(calls, events, IsOffered, allowsOtherKeys: frame != Bare);
                Call(c);
            }
            else held += c;
        }
        else if (char.IsWhiteSpace(c)) held += c;
        else if (state == State.BeforeList && format.AllowsName && (char.IsAsciiLetterOrDigit(c) || c == '_'))
        {
            (state, name) = (State.Name, "");
            Name(c);
        }
        else NoCall(c);
    }

    bool IsOffered(string name) => name.Length > 0 && (tools is null || tools.Any(t => t.Name == name));

    void Call(char c)
    {
        var next = call!.Next(c);
        if (next == JsonCall.State.NoCall)
        {
            NoCall(c);
            return;
        }
        held += c;
        if (next == JsonCall.State.Going) return;
        calls++;
        (call, held, state) = (null, "", frame == NameFrame ? State.Content : State.AfterCall);
        isEmpty = true;
    }

    void AfterCall(char c)
    {
        if (char.IsWhiteSpace(c)) held += c;
        else if (frame!.IsList && c == ']') AfterFrame(c);
        else if (c == ',' && frame.IsList || c is ';' or ',' && frame.End.Length == 0) (held, state) = (held + c, State.BeforeCall);
        else if (c == '{' && !frame.IsList && frame.End.Length == 0) Expect(c, '{', State.Call);
        else if (frame.End.Length > 0 && frame.End[0] == c && !frame.IsList)
        {
            (state, ended) = (State.End, "");
            End(c);
        }
        else
        {
            (state, isEmpty) = (State.Content, true); // spaces behind a call are held back, as at the beginning
            string again = held + c;
            held = "";
            foreach (char x in again) Next(x);
        }
    }

    void AfterFrame(char c)
    {
        held = "";
        (state, ended, isEmpty) = (frame!.End.Length > 0 ? State.End : State.Content, "", true);
    }

    string ended = "";

    void End(char c)
    {
        string now = ended + c;
        if (ended.Length == 0 && char.IsWhiteSpace(c))
        {
            held += c;
            return;
        }
        if (frame!.End == now) (state, held, isEmpty) = (State.Content, "", true);
        else if (frame.End.StartsWith(now, StringComparison.Ordinal)) (ended, held) = (now, held + c);
        else
        {
            string again = held + c;
            (state, held, isEmpty) = (State.Content, "", true);
            foreach (char x in again) Next(x);
        }
    }

    string name = "";

    /// <summary>name[ARGS]{...}, name[CALL_ID]id[ARGS]{...} or name{...}</summary>
    void Name(char c)
    {
        name += c;
        held += c;
        int end = name.IndexOfAny(['[', '{']);
        string tool = (end < 0 ? name : name[..end]).Trim(), rest = end < 0 ? "" : name[end..];
        bool isName = tool.Length <= 256 && tool.All(x => char.IsAsciiLetterOrDigit(x) || x is '_' or '-' or '.');
        string id = "";
        if (rest.StartsWith(FramedToolFormat.IdBegin, StringComparison.Ordinal))
        {
            string afterId = rest[FramedToolFormat.IdBegin.Length..];
            int idEnd = afterId.IndexOfAny(['[', '{']);
            id = idEnd < 0 ? afterId : afterId[..idEnd];
            isName &= id.Length <= 64;
            rest = idEnd < 0 ? "" : afterId[idEnd..];
        }
        if (rest.StartsWith(FramedToolFormat.NameEnd, StringComparison.Ordinal) && (rest = rest[FramedToolFormat.NameEnd.Length..].TrimStart()).Length == 0) rest = FramedToolFormat.NameEnd;
        bool isOpen = rest == "{";
        if (!isName || isOpen && !IsOffered(tool) || !isOpen && rest.Length > 0 && !FramedToolFormat.NameEnd.StartsWith(rest, StringComparison.Ordinal) && !FramedToolFormat.IdBegin.StartsWith(rest, StringComparison.Ordinal))
        {
            held = held[..^1];
            NoCall(c);
            return;
        }
        if (!isOpen) return;
        call = new(calls, events, IsOffered, allowsOtherKeys: false);
        // The same as a JSON call from here on.
        foreach (char x in System.Text.Json.JsonSerializer.Serialize(new { name = tool, id = id.Trim() })[..^1] + ",\"arguments\":") call.Next(x);
        call.ClosesAfterArguments = true;
        (frame, held, state) = (NameFrame, held[..^1], State.Call);
        Call(c);
    }

    static readonly CallFrame NameFrame = new("", "", IsList: false);
}
