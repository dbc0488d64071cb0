using System.Text;
using System.Text.Json;
using Ingot.Llm.Constraints;

namespace Ingot.Llm.Chat;

/// <summary>Calls written as Python: <c>[get_weather(city="Oslo", days=3), add(a=1)]</c>, as Llama 4 and, with such a template, Llama 3.2 write them; perhaps between &lt;|python_start|&gt; and &lt;|python_end|&gt;.</summary>
sealed class PythonicToolFormat : ToolFormat
{
    internal const string Begin = "<|python_start|>", End = "<|python_end|>";

    public static readonly PythonicToolFormat Instance = new();

    public override string Name => "pythonic";

    public override IReadOnlyList<string> Markers => [Begin, End];

    public override ToolCallParser NewParser(IReadOnlyList<ToolDefinition>? tools = null) => new Parser(tools);

    internal override void Describe(CallGrammar calls, int from, int to)
    {
        int marked = calls.NewState();
        calls.List(from, '[', ']', calls.Function, to);
        calls.List(calls.Mark(from, Begin), '[', ']', calls.Function, marked);
        calls.Join(calls.Mark(marked, End), to);
    }

    /// <summary>One character at a time, so that nothing depends on how the text was cut. A list of calls is the whole turn, or what its marks are around.</summary>
    sealed class Parser(IReadOnlyList<ToolDefinition>? tools) : ToolCallParser
    {
        enum State { Beginning, BeforeList, Name, Key, Value, AfterCall, AfterList, Content }

        const int LongestName = 256;

        readonly EventList events = new();
        readonly StringBuilder held = new(); // of the list, from its [ or its mark on: content after all, if it goes wrong
        readonly StringBuilder part = new(); // the name, the key or the value that is being read
        readonly HashSet<string> keys = [];
        PythonScanner value = new();
        State state;
        string name = "", key = "", id = "", arguments = "";
        bool isMarked, isStarted;
        int calls;

        public override IReadOnlyList<AssistantEvent> Add(string text)
        {
            foreach (char c in text) Next(c);
            return events.Take();
        }

        public override IReadOnlyList<AssistantEvent> Finish()
        {
            bool isBehind = state == State.Beginning && calls > 0 && string.IsNullOrWhiteSpace(held.ToString());
            if (!isBehind && (state != State.AfterList || !string.IsNullOrWhiteSpace(held.ToString()) && !End.StartsWith(held.ToString().Trim(), StringComparison.Ordinal))) GiveUp();
            (state, isMarked) = (State.Beginning, false);
            held.Clear();
            return events.Take();
        }

        void Next(char c)
        {
            switch (state)
            {
                case State.Beginning: Beginning(c); break;
                case State.BeforeList: Expect(c, c == '[', State.Name); break;
                case State.Name: Name(c); break;
                case State.Key: Key(c); break;
                case State.Value: Value(c); break;
                case State.AfterCall: Expect(c, c is ',' or ']', c == ',' ? State.Name : State.AfterList); break;
                case State.AfterList: AfterList(c); break;
                default: Content(c); break;
            }
        }

        /// <summary>Spaces, then a mark or a list.</summary>
        void Beginning(char c)
        {
            held.Append(c);
            string now = held.ToString().TrimStart();
            if (now == "[") Begun(State.Name);
            else if (now == Begin) (isMarked, state) = (true, State.BeforeList);
            else if (!Begin.StartsWith(now, StringComparison.Ordinal)) NoList();
        }

        /// <summary>Words, in which a list may yet come in its marks.</summary>
        void Content(char c)
        {
            held.Append(c);
            string now = held.ToString();
            if (now == Begin) (isMarked, state) = (true, State.BeforeList);
            else if (!Begin.StartsWith(now, StringComparison.Ordinal)) NoList();
        }

        /// <summary>What is held is content, but for the end of it that may begin a mark.</summary>
        void NoList()
        {
            string now = held.ToString();
            int keep = Math.Min(now.Length - 1, Begin.Length - 1);
            while (keep > 0 && !Begin.StartsWith(now[^keep..], StringComparison.Ordinal)) keep--;
            events.Content(now[..^keep]);
            held.Clear().Append(now[^keep..]);
            state = State.Content;
        }

        void Begun(State next)
        {
            state = next;
            part.Clear();
        }

        void Expect(char c, bool isIt, State then)
        {
            if (!isIt && !char.IsWhiteSpace(c))
            {
                Broken(c);
                return;
            }
            held.Append(c);
            if (!isIt) return;
            Begun(then);
            if (then == State.AfterList) held.Clear();
        }

        void Name(char c)
        {
            if (c == '(')
            {
                name = part.ToString().Trim();
                if (name.Length == 0 || tools is not null && !tools.Any(t => t.Name == name))
                {
                    Broken(c);
                    return;
                }
                (isStarted, id, arguments) = (true, EventList.NewId(), "{");
                keys.Clear();
                events.Add(new ToolCallStarted(calls, id, name));
                events.Argument(calls, "{");
                Begun(State.Key);
            }
            else if (part.Length < LongestName && (char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' || char.IsWhiteSpace(c) && part.ToString().Trim().Length == 0)) part.Append(c);
            else
            {
                Broken(c);
                return;
            }
            held.Append(c);
        }

        void Key(char c)
        {
            if (c == ')' && string.IsNullOrWhiteSpace(part.ToString()))
            {
                Close();
                return;
            }
            if (c == '=')
            {
                key = part.ToString().Trim();
                if (key.Length == 0 || !keys.Add(key))
                {
                    Broken(c);
                    return;
                }
                Begun(State.Value);
                value = new();
            }
            else if (part.Length < LongestName && (char.IsLetterOrDigit(c) || c is '_' or '-' || char.IsWhiteSpace(c))) part.Append(c);
            else
            {
                Broken(c);
                return;
            }
            held.Append(c);
        }

        void Value(char c)
        {
            if (!value.IsOpen && c is ',' or ')')
            {
                if (PythonScanner.ToJson(part.ToString()) is { } json)
                {
                    string text = (arguments.Length > 1 ? ", " : "") + JsonSerializer.Serialize(key, PythonScanner.Plain) + ": " + json;
                    events.Argument(calls, text);
                    arguments += text;
                    held.Append(c);
                    if (c == ')') Close();
                    else Begun(State.Key);
                }
                else Broken(c);
                return;
            }
            if (!value.Next(c))
            {
                Broken(c);
                return;
            }
            part.Append(c);
            held.Append(c);
        }

        void Close()
        {
            events.Argument(calls, "}");
            events.Add(new ToolCallEnded(calls++, new(id, name, arguments + "}")));
            isStarted = false;
            held.Clear();
            Begun(State.AfterCall);
        }

        void AfterList(char c)
        {
            held.Append(c);
            string now = held.ToString().TrimStart();
            if (now.Length == 0) return;
            if (isMarked && now == End)
            {
                (isMarked, state) = (false, State.Beginning);
                held.Clear();
            }
            else if (!(isMarked && End.StartsWith(now, StringComparison.Ordinal))) (isMarked, state) = (false, State.Content);
            if (state != State.Content) return;
            string again = held.ToString();
            held.Clear();
            foreach (char x in again) Content(x);
        }

        /// <summary>It was no call: what is held is content, and the character is looked at again.</summary>
        void Broken(char c)
        {
            GiveUp();
            (state, isMarked) = (State.Content, false);
            Content(c);
        }

        void GiveUp()
        {
            if (isStarted) events.Add(new ToolCallBroken(calls++, held.ToString()));
            else events.Content(held.ToString());
            isStarted = false;
            held.Clear();
        }
    }
}
