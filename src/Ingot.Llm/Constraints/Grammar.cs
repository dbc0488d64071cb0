using System.Runtime.InteropServices;

namespace Ingot.Llm.Constraints;

/// <summary>
/// What bytes a text may consist of: rules, each a network of states with edges that read a byte of a range, read nothing, or read what another rule describes.
/// Rules may call themselves, so that nested JSON needs no depth limit. States are numbers; a rule's text goes from its start to its end.
/// </summary>
sealed class Grammar
{
    /// <summary>A schema with more is refused: 500,000 states take about 50 MB.</summary>
    const int MostStates = 500_000;

    /// <summary>A class such as \p{L} has some 1,300 edges, each time it is repeated; so many take about a second to make.</summary>
    const int MostEdges = 500_000;

    /// <param name="Kind">What it reads.</param>
    /// <param name="Low">Of Byte: the first byte it reads.</param>
    /// <param name="High">Of Byte: the last.</param>
    /// <param name="Rule">Of Call.</param>
    /// <param name="To">The state behind it.</param>
    public readonly record struct Edge(EdgeKind Kind, byte Low, byte High, int Rule, int To);

    public enum EdgeKind : byte { Nothing, Byte, Call }

    readonly List<List<Edge>> edges = [];
    readonly List<(int Start, int End)> rules = [];
    bool[] isEnd = [];
    int edgeCount;

    public int StateCount => edges.Count;

    public ReadOnlySpan<Edge> Edges(int state) => CollectionsMarshal.AsSpan(edges[state]);

    public int Start(int rule) => rules[rule].Start;

    public bool IsEnd(int state) => isEnd[state];

    public int NewState()
    {
        if (edges.Count == MostStates) throw new IngotException($"the constraint needs more than {MostStates} states; lower the counts in it (maxLength, maxItems, {{n,m}})");
        edges.Add([]);
        return edges.Count - 1;
    }

    /// <summary>A rule without a text yet.</summary>
    public int NewRule()
    {
        rules.Add((NewState(), NewState()));
        return rules.Count - 1;
    }

    public int End(int rule) => rules[rule].End;

    public void Nothing(int from, int to) => Add(from, new(EdgeKind.Nothing, 0, 0, 0, to));

    public void Byte(int from, byte low, byte high, int to) => Add(from, new(EdgeKind.Byte, low, high, 0, to));

    public void Call(int from, int rule, int to) => Add(from, new(EdgeKind.Call, 0, 0, rule, to));

    void Add(int from, Edge edge)
    {
        if (++edgeCount > MostEdges) throw new IngotException($"the constraint needs more than {MostEdges:N0} edges; lower the counts in it, or repeat smaller classes of characters than \\p{{L}} and the like");
        edges[from].Add(edge);
    }

    /// <summary>Bytes one after the other.</summary>
    /// <returns>The state behind them.</returns>
    public int Literal(int from, ReadOnlySpan<byte> bytes)
    {
        foreach (byte b in bytes)
        {
            int next = NewState();
            Byte(from, b, b, next);
            from = next;
        }
        return from;
    }

    /// <summary>
    /// Takes away what leads nowhere, so that from every place that a text can reach there is a way to its end; and checks that no rule begins with itself.
    /// </summary>
    /// <param name="root">The rule of the whole text.</param>
    /// <exception cref="IngotException">There is no text at all, or a rule begins with itself.</exception>
    public void Finish(int root)
    {
        isEnd = new bool[edges.Count];
        foreach (var (_, end) in rules) isEnd[end] = true;
        var reaches = ReachingEnds();
        if (!reaches[rules[root].Start]) throw new IngotException("nothing can satisfy the constraint: it contradicts itself, or a recursive schema has no end");
        foreach (var from in edges) from.RemoveAll(e => !reaches[e.To] || e.Kind == EdgeKind.Call && !reaches[rules[e.Rule].Start]);
        RefuseLeftRecursion();
    }

    /// <summary>States from which the end of their rule can be reached, through calls only of rules that have an end.</summary>
    bool[] ReachingEnds()
    {
        var into = new List<(int From, int Rule)>[edges.Count]; // Rule: -1 unless the edge is a call
        var callers = new List<(int From, int To)>[rules.Count];
        for (int s = 0; s < edges.Count; s++)
        {
            foreach (var e in edges[s])
            {
                (into[e.To] ??= []).Add((s, e.Kind == EdgeKind.Call ? e.Rule : -1));
                if (e.Kind == EdgeKind.Call) (callers[e.Rule] ??= []).Add((s, e.To));
            }
        }
        var ruleOfStart = new Dictionary<int, int>();
        for (int r = 0; r < rules.Count; r++) ruleOfStart[rules[r].Start] = r;
        var reaches = new bool[edges.Count];
        var waiting = new Stack<int>();
        void Mark(int state)
        {
            if (reaches[state]) return;
            reaches[state] = true;
            waiting.Push(state);
        }
        foreach (var (_, end) in rules) Mark(end);
        while (waiting.TryPop(out int state))
        {
            foreach (var (from, rule) in into[state] ?? [])
                if (rule < 0 || reaches[rules[rule].Start]) Mark(from);
            // A rule that turns out to have an end opens the calls of it whose return is known to lead on.
            if (ruleOfStart.TryGetValue(state, out int opened))
                foreach (var (from, to) in callers[opened] ?? [])
                    if (reaches[to]) Mark(from);
        }
        return reaches;
    }

    void RefuseLeftRecursion()
    {
        var isNullable = Nullable();
        var colour = new byte[rules.Count]; // 1: being looked at, 2: done
        for (int r = 0; r < rules.Count; r++)
        {
            if (colour[r] != 0) continue;
            var path = new Stack<(int Rule, IEnumerator<int> Calls)>();
            colour[r] = 1;
            path.Push((r, FirstCalls(r, isNullable).GetEnumerator()));
            while (path.TryPeek(out var top))
            {
                if (!top.Calls.MoveNext())
                {
                    colour[top.Rule] = 2;
                    path.Pop();
                }
                else if (colour[top.Calls.Current] == 1) throw new IngotException("a schema refers to itself without anything in between ($ref in a circle)");
                else if (colour[top.Calls.Current] == 0)
                {
                    colour[top.Calls.Current] = 1;
                    path.Push((top.Calls.Current, FirstCalls(top.Calls.Current, isNullable).GetEnumerator()));
                }
            }
        }
    }

    /// <summary>Rules that may read nothing.</summary>
    bool[] Nullable()
    {
        var isNullable = new bool[rules.Count];
        for (bool changes = true; changes;)
        {
            changes = false;
            for (int r = 0; r < rules.Count; r++)
            {
                if (isNullable[r] || !WithoutReading(r, isNullable).Contains(rules[r].End)) continue;
                isNullable[r] = changes = true;
            }
        }
        return isNullable;
    }

    HashSet<int> WithoutReading(int rule, bool[] isNullable)
    {
        HashSet<int> seen = [rules[rule].Start];
        var waiting = new Stack<int>(seen);
        while (waiting.TryPop(out int state))
            foreach (var e in edges[state])
                if ((e.Kind == EdgeKind.Nothing || e.Kind == EdgeKind.Call && isNullable[e.Rule]) && seen.Add(e.To)) waiting.Push(e.To);
        return seen;
    }

    IEnumerable<int> FirstCalls(int rule, bool[] isNullable) => WithoutReading(rule, isNullable).SelectMany(s => edges[s]).Where(e => e.Kind == EdgeKind.Call).Select(e => e.Rule).Distinct();
}
