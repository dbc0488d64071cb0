namespace Ingot.Llm.Constraints;

/// <summary>
/// A grammar read byte by byte: all the places that a text can be at are kept together as one state, and states are made when a text first comes to them. What
/// follows a rule is remembered by a stack of frames, shared between states.
/// </summary>
sealed class Automaton
{
    /// <summary>Places at once; more means that a grammar is hopelessly ambiguous.</summary>
    const int MostPlaces = 20_000;

    /// <summary>States and frames kept for finding them again; those in use stay alive without it.</summary>
    const int MostKept = 20_000;

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
    long nextFrame = 1;

    /// <param name="grammar">Finished.</param>
    /// <param name="root">The rule of the whole text.</param>
    public Automaton(Grammar grammar, int root)
    {
        this.grammar = grammar;
        Start = Close([new(grammar.Start(root), null)]);
    }

    public State Start { get; }

    /// <summary>The state after a byte; dead if it cannot follow.</summary>
    public State Step(State state, byte b)
    {
        state.Next ??= new State?[256];
        return state.Next[b] ??= Compute(state, b);
    }

    State Compute(State state, byte b)
    {
        List<Place> next = [];
        foreach (var place in state.Places)
            foreach (var e in grammar.Edges(place.State))
                if (e.Kind == Grammar.EdgeKind.Byte && b >= e.Low && b <= e.High) next.Add(new(e.To, place.Stack));
        return next.Count == 0 ? Dead : Close(next);
    }

    /// <summary>All places that are reached from some without reading; kept are those from which something is read.</summary>
    State Close(List<Place> places)
    {
        HashSet<Place> seen = [.. places];
        var waiting = new Stack<Place>(seen);
        List<Place> reading = [];
        bool isAccepting = false;
        void Add(Place place)
        {
            if (!seen.Add(place)) return;
            if (seen.Count > MostPlaces) throw new IngotException("the constraint is too ambiguous to follow");
            waiting.Push(place);
        }
        while (waiting.TryPop(out var place))
        {
            bool reads = false;
            foreach (var e in grammar.Edges(place.State))
            {
                if (e.Kind == Grammar.EdgeKind.Byte) reads = true;
                else if (e.Kind == Grammar.EdgeKind.Nothing) Add(place with { State = e.To });
                // A call that is the last thing of its rule needs no frame: lists written as recursion stay flat.
                else Add(new(grammar.Start(e.Rule), grammar.IsEnd(e.To) && place.Stack is not null && grammar.Edges(e.To).Count == 0 ? place.Stack : FrameOf(e.To, place.Stack)));
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
        if (frames.Count > MostKept) frames.Clear();
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
        if (states.Count > MostKept) states.Clear();
        return states[text] = new([.. places], isAccepting);
    }
}
