namespace Ingot.Llm.Constraints;

/// <summary>
/// A grammar read byte by byte: all the places that a text can be at are kept together as one state, and states are made when a text first comes to them. What
/// follows a rule is remembered by a stack of frames, shared between states. A grammar can have exponentially many states (.*a.{60} has), so what is kept is bounded,
/// and so is the work for one token.
/// </summary>
sealed class Automaton
{
    /// <summary>Places at once; more means that a grammar is hopelessly ambiguous.</summary>
    const int MostPlaces = 20_000;

    /// <summary>Places of all states that are kept, about 30 bytes each; a state's table of what follows counts as <see cref="TableCost"/> of them.</summary>
    const int MostKept = 600_000;

    const int TableCost = 70;

    const int MostFrames = 20_000;

    /// <summary>Places looked at for one token: some tenths of a second, in which no other text goes on.</summary>
    const int MostWork = 1_000_000;

    /// <summary>What is to follow when a rule ends. Compared by reference.</summary>
    internal sealed class Frame(int back, Frame? outer, long id)
    {
        /// <summary>Where to go on.</summary>
        public int Return => back;

        /// <summary>What is behind that; null: the end.</summary>
        public Frame? Outer => outer;

        public long Id => id;
    }

    internal readonly record struct Place(int State, Frame? Stack);

    /// <summary>A state of the automaton.</summary>
    public sealed class State
    {
        internal State(Place[] places, bool isAccepting) => (Places, IsAccepting) = (places, isAccepting);

        internal Place[] Places { get; }

        internal State?[]? Next { get; set; }

        /// <summary>Which tokens may follow, once somebody asked.</summary>
        internal ulong[]? Mask { get; set; }

        /// <summary>The text may end here.</summary>
        public bool IsAccepting { get; }

        /// <summary>Nothing can follow and it is not the end.</summary>
        public bool IsDead => Places.Length == 0 && !IsAccepting;
    }

    static readonly State Dead = new([], isAccepting: false);

    readonly Grammar grammar;
    readonly Dictionary<(int, long), Frame> frames = [];
    readonly Dictionary<string, State> states = [];
    readonly string what;
    readonly int[] seenIn;
    long nextFrame = 1;
    int work, round;

    /// <param name="grammar">Finished.</param>
    /// <param name="root">The rule of the whole text.</param>
    /// <param name="what">What the grammar was made of, for errors: "the pattern a*".</param>
    public Automaton(Grammar grammar, int root, string what)
    {
        this.grammar = grammar;
        this.what = what;
        seenIn = new int[grammar.StateCount];
        Start = Close([new(grammar.Start(root), null)]);
    }

    public State Start { get; }

    /// <summary>How much is kept of what was found out, in places; at most <see cref="MostKept"/> and one state.</summary>
    public int Kept { get; private set; }

    /// <summary>Bytes read and places looked at so far, for whom it may concern.</summary>
    public long Work { get; private set; }

    public long Bytes => 100L * grammar.StateCount + 30L * Kept;

    /// <summary>Allows the work of one more token.</summary>
    public void BeginToken() => work = 0;

    /// <summary>The state after a byte; dead if it cannot follow.</summary>
    /// <exception cref="IngotException">It is too much work.</exception>
    public State Step(State state, byte b)
    {
        Work++;
        if (state.Next?[b] is { } known) return known;
        int low = 0, high = 255; // the bytes around it that lead to the same state
        List<Place> next = [];
        foreach (var place in state.Places)
        {
            var edges = grammar.Edges(place.State);
            work += edges.Length / 16;
            foreach (var e in edges)
            {
                if (e.Kind != Grammar.EdgeKind.Byte) continue;
                if (b < e.Low) high = Math.Min(high, e.Low - 1);
                else if (b > e.High) low = Math.Max(low, e.High + 1);
                else
                {
                    (low, high) = (Math.Max(low, e.Low), Math.Min(high, e.High));
                    next.Add(new(e.To, place.Stack));
                }
            }
        }
        var to = next.Count == 0 ? Dead : Close(next);
        if (state.Next is null)
        {
            state.Next = new State?[256];
            Kept += TableCost;
        }
        state.Next.AsSpan(low..(high + 1)).Fill(to);
        return to;
    }

    /// <summary>Whether a text is one of the grammar's.</summary>
    /// <exception cref="IngotException">It is too much work.</exception>
    public bool Accepts(ReadOnlySpan<byte> text)
    {
        var state = Start;
        foreach (byte b in text)
        {
            BeginToken();
            state = Step(state, b);
        }
        return state.IsAccepting;
    }

    /// <summary>Gives up all states but the first and those that a text is at; they are found out again where they are needed.</summary>
    public void Forget()
    {
        foreach (var state in states.Values) state.Next = null; // or the first would lead to all of them
        Start.Next = null;
        states.Clear();
        frames.Clear();
        Kept = 0;
    }

    /// <summary>All places that are reached from some without reading; kept are those from which something is read.</summary>
    State Close(List<Place> places)
    {
        HashSet<Place>? seen = null; // those within calls; for the others, which a regular expression has alone, a round's number at each state is faster
        var waiting = new Stack<Place>(places.Count);
        List<Place> reading = [];
        bool isAccepting = false;
        int count = 0;
        round++;
        foreach (var place in places) Add(place);
        void Add(Place place)
        {
            if (place.Stack is null ? seenIn[place.State] == round : !(seen ??= []).Add(place)) return;
            if (place.Stack is null) seenIn[place.State] = round;
            if (++count > MostPlaces) throw new IngotException($"{what} is too ambiguous to follow: a text can be at more than {MostPlaces:N0} places of it at once; repeat less within repetitions, or lower the counts");
            waiting.Push(place);
        }
        while (waiting.TryPop(out var place))
        {
            Work++;
            if (++work > MostWork) throw new IngotException($"{what} is too costly to follow: one token takes more than {MostWork:N0} steps; repeat less within repetitions, or lower the counts");
            bool reads = false;
            foreach (var e in grammar.Edges(place.State))
            {
                if (e.Kind == Grammar.EdgeKind.Byte) reads = true;
                else if (e.Kind == Grammar.EdgeKind.Nothing) Add(place with { State = e.To });
                // A call that is the last thing of its rule needs no frame: lists written as recursion stay flat.
                else Add(new(grammar.Start(e.Rule), grammar.IsEnd(e.To) && place.Stack is not null && grammar.Edges(e.To).Length == 0 ? place.Stack : FrameOf(e.To, place.Stack)));
            }
            if (grammar.IsEnd(place.State))
            {
                if (place.Stack is null) isAccepting = true;
                else Add(new(place.Stack.Return, place.Stack.Outer));
            }
            if (reads) reading.Add(place);
        }
        return Intern(reading, isAccepting);
    }

    Frame FrameOf(int back, Frame? outer)
    {
        if (frames.Count > MostFrames) frames.Clear();
        var key = (back, outer?.Id ?? 0);
        return frames.TryGetValue(key, out var frame) ? frame : frames[key] = new(back, outer, nextFrame++);
    }

    State Intern(List<Place> places, bool isAccepting)
    {
        places.Sort((a, b) => a.State != b.State ? a.State.CompareTo(b.State) : (a.Stack?.Id ?? 0).CompareTo(b.Stack?.Id ?? 0));
        var key = new char[places.Count * 6 + 1];
        key[0] = isAccepting ? '+' : '-';
        foreach (var (i, place) in places.Index())
        {
            long id = place.Stack?.Id ?? 0;
            (key[6 * i + 1], key[6 * i + 2]) = ((char)(place.State >> 16), (char)place.State);
            (key[6 * i + 3], key[6 * i + 4], key[6 * i + 5], key[6 * i + 6]) = ((char)(id >> 48), (char)(id >> 32), (char)(id >> 16), (char)id);
        }
        string text = new(key);
        if (states.TryGetValue(text, out var state)) return state;
        if (Kept > MostKept) Forget();
        Kept += places.Count + 8;
        return states[text] = new([.. places], isAccepting);
    }
}
