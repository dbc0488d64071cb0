using System.Text;
using System.Text.Json.Nodes;

namespace Ingot.Llm.Constraints;

/// <summary>One of patternProperties: names that a regular expression matches somewhere, and what their values are.</summary>
sealed class NamePattern
{
    /// <summary>Pairs of states that are looked at to find a name that two patterns match.</summary>
    const int MostPairs = 20_000;

    readonly Automaton automaton;

    /// <exception cref="IngotException">The pattern is broken or not regular.</exception>
    public NamePattern(string text, JsonNode? schema)
    {
        (Text, Schema) = (text, schema);
        var names = new Grammar();
        int root = names.NewRule();
        names.Nothing(RegexGrammar.Add(names, names.Start(root), text, isWhole: false, Writing.Plain), names.End(root));
        names.Finish(root);
        automaton = new(names, root, $"the pattern {RegexGrammar.Short(text)}");
    }

    public string Text { get; }

    public JsonNode? Schema { get; }

    public bool Matches(string name) => automaton.Accepts(Encoding.UTF8.GetBytes(name));

    /// <summary>A key in its quotes.</summary>
    public int KeyRule(Grammar grammar)
    {
        int rule = grammar.NewRule(), at = grammar.Literal(grammar.Start(rule), "\""u8);
        at = RegexGrammar.Add(grammar, at, Text, isWhole: false, Writing.Json);
        grammar.Nothing(grammar.Literal(at, "\""u8), grammar.End(rule));
        return rule;
    }

    /// <summary>There may be a name that both match: also where that is too much work to find out.</summary>
    public bool Overlaps(NamePattern other)
    {
        var seen = new HashSet<(Automaton.State, Automaton.State)> { (automaton.Start, other.automaton.Start) };
        var waiting = new Queue<(Automaton.State A, Automaton.State B)>(seen);
        while (waiting.TryDequeue(out var pair))
        {
            if (pair.A.IsAccepting && pair.B.IsAccepting || seen.Count > MostPairs) return true;
            automaton.BeginToken();
            other.automaton.BeginToken();
            for (int b = 0; b < 256; b++)
            {
                var next = (automaton.Step(pair.A, (byte)b), other.automaton.Step(pair.B, (byte)b));
                if (!next.Item1.IsDead && !next.Item2.IsDead && seen.Add(next)) waiting.Enqueue(next);
            }
        }
        return false;
    }
}
