using System.Text;

namespace Ingot.Llm.Corpus.World;

/// <summary>A grammar of texts, compiled once into arrays of nodes that are walked to write bytes. The notation is described at the head of stories.txt.</summary>
sealed class Grammar
{
    /// <summary>What a step of an alternative does.</summary>
    internal enum NodeKind { Text, Choice, Rule, Word, Variable, Bind, BindSilently, Deed, Article, Capital }

    /// <summary>A step of an alternative; which fields count depends on the kind.</summary>
    internal sealed record Node(NodeKind Kind)
    {
        public byte[] Text { get; init; } = [];
        public Node[][] Options { get; init; } = [];
        public Word[] List { get; init; } = [];
        public Rule? Rule { get; init; }
        public int Variable { get; init; }
        public int Form { get; init; }
        /// <summary>log2 of the number of choices.</summary>
        public double Bits { get; init; }
    }

    /// <summary>A named set of alternatives.</summary>
    internal sealed class Rule(string name)
    {
        public string Name => name;
        public Node[][] Alternatives { get; set; } = [];
        public double Bits { get; set; }
    }

    readonly Dictionary<string, Rule> rules = [];
    readonly List<string> variables = [];
    readonly IReadOnlyDictionary<string, Word[]> lists;

    Grammar(IReadOnlyDictionary<string, Word[]> lists) => this.lists = lists;

    internal Rule this[string name] => rules[name];

    internal int Variables => variables.Count;

    /// <summary>The place of a variable among those of a <see cref="Telling"/>.</summary>
    public int Variable(string name) => variables.IndexOf(name) is var i and >= 0 ? i : throw new FormatException($"no variable '{name}'");

    /// <param name="text">Rules; see stories.txt.</param>
    /// <param name="lists">Words by list.</param>
    /// <param name="variables">Names that are set before a text begins.</param>
    /// <exception cref="FormatException">The notation is broken, or a name stands for nothing.</exception>
    public static Grammar Parse(string text, IReadOnlyDictionary<string, Word[]> lists, params ReadOnlySpan<string> variables)
    {
        var grammar = new Grammar(lists);
        grammar.variables.AddRange(variables);
        var lines = new List<(Rule Rule, List<string> Alternatives)>();
        foreach (var line in text.Split('\n'))
        {
            if (line.StartsWith('#') || line.Trim().Length == 0) continue;
            if (line.StartsWith("  ")) lines[^1].Alternatives.Add(line[2..]);
            else
            {
                grammar.rules.Add(line.Trim(), new Rule(line.Trim()));
                lines.Add((grammar.rules[line.Trim()], []));
            }
        }
        // All variables are known before any alternative is read: one may be used in a rule that stands before the one that binds it.
        foreach (System.Text.RegularExpressions.Match bound in System.Text.RegularExpressions.Regex.Matches(text, @"\{(\w+):?="))
            if (!grammar.variables.Contains(bound.Groups[1].Value)) grammar.variables.Add(bound.Groups[1].Value);
        foreach (var (rule, alternatives) in lines)
        {
            rule.Alternatives = [.. alternatives.Select(grammar.Compile)];
            rule.Bits = Math.Log2(rule.Alternatives.Length);
        }
        return grammar;
    }

    Node[] Compile(string alternative)
    {
        int at = 0;
        bool capital = false;
        var nodes = Sequence(alternative, ref at, ref capital);
        if (at < alternative.Length) throw new FormatException($"'{alternative}' closes a choice that it does not open, at {at}");
        return nodes;
    }

    Node[] Sequence(string text, ref int at, ref bool capital)
    {
        var nodes = new List<Node>();
        var literal = new StringBuilder();
        while (at < text.Length && text[at] is not ('|' or ']'))
        {
            char c = text[at++];
            if (c is '{' or '[' or '^')
            {
                Flush(nodes, literal);
                // A capital that is still due falls on whatever the next node writes first.
                if (capital || c == '^') nodes.Add(new(NodeKind.Capital));
                capital = false;
                if (c == '{')
                {
                    int end = text.IndexOf('}', at);
                    if (end < 0) throw new FormatException($"'{text}' does not close the brace before {at}");
                    nodes.Add(Reference(text[at..end]));
                    at = end + 1;
                }
                else if (c == '[') nodes.Add(Choice(text, ref at));
                continue;
            }
            if (capital && char.IsAsciiLetter(c)) (c, capital) = (char.ToUpperInvariant(c), false);
            // After . ! ? and a space a sentence begins; after an opening quotation mark, too. A closing one ends no sentence by itself: "Why?" asked he.
            char before = literal.Length > 0 ? literal[^1] : '\0';
            if (c == ' ' && before is '.' or '!' or '?' || c == '"' && before is ' ' or '\0' && at < text.Length && text[at] is not (',' or '.' or ' ')) capital = true;
            literal.Append(c);
        }
        Flush(nodes, literal);
        if (capital) nodes.Add(new(NodeKind.Capital));
        capital = false;
        return [.. nodes];
    }

    static void Flush(List<Node> nodes, StringBuilder literal)
    {
        if (literal.Length > 0) nodes.Add(new(NodeKind.Text) { Text = Encoding.UTF8.GetBytes(literal.ToString()) });
        literal.Clear();
    }

    Node Choice(string text, ref int at)
    {
        var options = new List<Node[]>();
        do
        {
            bool capital = false;
            options.Add(Sequence(text, ref at, ref capital));
            if (at >= text.Length) throw new FormatException($"'{text}' does not close a choice");
        }
        while (text[at++] == '|');
        return new(NodeKind.Choice) { Options = [.. options], Bits = Math.Log2(options.Count) };
    }

    Node Reference(string what)
    {
        if (what == "a") return new(NodeKind.Article);
        if (what.IndexOf(":=", StringComparison.Ordinal) is var silent and > 0)
        {
            string name = what[..silent], list = what[(silent + 2)..];
            if (name == "deed") return new(NodeKind.Deed) { Variable = Variable(list), List = lists["act"] };
            return new(NodeKind.BindSilently) { Variable = Variable(name), List = List(list), Bits = Math.Log2(List(list).Length) };
        }
        if (what.IndexOf('=', StringComparison.Ordinal) is var equals and > 0)
            return new(NodeKind.Bind) { Variable = Variable(what[..equals]), List = List(what[(equals + 1)..]), Bits = Math.Log2(List(what[(equals + 1)..]).Length) };
        int colon = what.IndexOf(':', StringComparison.Ordinal);
        string key = colon < 0 ? what : what[..colon];
        int form = Word.Form(colon < 0 ? "" : what[(colon + 1)..]);
        // A list may share its name with a variable that only some rules bind: "{goods}" after a deed is its object, and this is decided while writing.
        if (variables.Contains(key)) return new(NodeKind.Variable) { Variable = Variable(key), Form = form };
        if (rules.TryGetValue(key, out var rule)) return new(NodeKind.Rule) { Rule = rule };
        return new(NodeKind.Word) { List = List(key), Form = form, Bits = Math.Log2(List(key).Length) };
    }

    Word[] List(string name) => lists.TryGetValue(name, out var words) ? words : throw new FormatException($"'{name}' is no list, rule or variable");
}
