using System.Text;
using Ingot.Llm.Tokenizers.Patterns;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Constraints;

/// <summary>Regular expressions, as JSON Schema has them (ECMAScript's without look-around and back-references), as part of a grammar.</summary>
static class RegexGrammar
{
    const int MostStates = 100_000;

    static readonly CodePointSet Any = new CodePointSet { Ranges = { (0, 0x10FFFF) } }.Freeze();

    /// <summary>Where in a pattern a text is.</summary>
    /// <param name="At">The instruction; <see cref="Lead"/> before the match, <see cref="Tail"/> behind it.</param>
    /// <param name="IsAtStart">Nothing was read yet.</param>
    /// <param name="HasEnded">Nothing may be read any more.</param>
    readonly record struct Place(int At, bool IsAtStart, bool HasEnded);

    const int Lead = -1, Tail = -2;

    /// <summary>What a pattern describes.</summary>
    /// <param name="grammar">Where it goes.</param>
    /// <param name="from">The state before it.</param>
    /// <param name="pattern">The expression.</param>
    /// <param name="isWhole">It describes the whole text; otherwise it may stand anywhere in it, but for ^ and $.</param>
    /// <param name="writing">How characters are written.</param>
    /// <param name="least">Fewest code points.</param>
    /// <param name="most">Most code points.</param>
    /// <param name="avoided">Texts that it must not be.</param>
    /// <returns>The state behind it.</returns>
    /// <exception cref="IngotException">The pattern is broken or not regular.</exception>
    public static int Add(Grammar grammar, int from, string pattern, bool isWhole, Writing writing, int least = 0, int most = int.MaxValue, params IReadOnlyList<string> avoided)
    {
        var tree = new AvoidedTexts(avoided);
        RegexInstruction[] program;
        try { program = new RegexParser(AsOniguruma(pattern)).Parse(); }
        catch (FormatException e) { throw new IngotException($"the pattern {Short(pattern)} cannot be honoured: {e.Message}"); }
        if (Array.Find(program, i => i.Kind is RegexKind.Look or RegexKind.LookBehind or RegexKind.WordBorder or RegexKind.NoWordBorder or RegexKind.Atomic) is { Kind: not RegexKind.Set } irregular)
            throw new IngotException($"the pattern {Short(pattern)} cannot be honoured: it has {irregular.Kind switch { RegexKind.Atomic => "a possessive quantifier", RegexKind.WordBorder or RegexKind.NoWordBorder => "a word border", _ => "a look-around" }}, which no automaton can follow byte by byte");
        var ranges = new Dictionary<CodePointSet, (int, int)[]> { [Any] = CodePointBytes.All };
        // Counted: the lengths matter, and states are told apart by what was read so far; from the least on without a most, all are alike.
        int cap = most < int.MaxValue ? most + 1 : least;
        var states = new Dictionary<(Place, int, int), int>();
        var waiting = new Stack<(Place Place, int Count, int Node)>();
        int end = grammar.NewState();
        int StateOf(Place place, int count, int node)
        {
            count = Math.Min(count, cap);
            if (!states.TryGetValue((place, count, node), out int state))
            {
                if (states.Count > MostStates) throw new IngotException($"the pattern {Short(pattern)} with its lengths needs more than {MostStates} states");
                states[(place, count, node)] = state = grammar.NewState();
                waiting.Push((place, count, node));
            }
            return state;
        }
        grammar.Nothing(from, StateOf(new(0, true, false), 0, tree.Root));
        if (!isWhole) grammar.Nothing(from, StateOf(new(Lead, true, false), 0, tree.Root));
        while (waiting.TryPop(out var item))
        {
            var (place, count, node) = item;
            int state = states[item];
            void Skip(Place to) => grammar.Nothing(state, StateOf(to, count, node));
            void Read(CodePointSet set, Place to)
            {
                if (place.HasEnded || most < int.MaxValue && count + 1 > most) return;
                if (!ranges.TryGetValue(set, out var r)) ranges[set] = r = RangesOf(set);
                foreach (var (part, after) in tree.Parts(r, node)) CodePointBytes.Add(grammar, state, part, StateOf(to with { IsAtStart = false }, count + 1, after), writing);
            }
            if (place.At == Lead)
            {
                Read(Any, place);
                if (!place.IsAtStart) Skip(new(0, false, false));
                continue;
            }
            if (place.At == Tail)
            {
                if (count >= least && count <= most && !tree.IsEnd(node)) grammar.Nothing(state, end);
                if (!isWhole) Read(Any, place);
                continue;
            }
            var instruction = program[place.At];
            var next = place with { At = place.At + 1 };
            switch (instruction.Kind)
            {
                case RegexKind.Set: Read(instruction.Set!, next); break;
                case RegexKind.Jump: Skip(place with { At = instruction.First }); break;
                case RegexKind.Split:
                    Skip(place with { At = instruction.First });
                    Skip(place with { At = instruction.Second });
                    break;
                case RegexKind.Begin or RegexKind.BeginOfLine:
                    if (place.IsAtStart) Skip(next);
                    break;
                case RegexKind.End or RegexKind.EndOfLine: Skip(next with { HasEnded = true }); break;
                case RegexKind.Match: Skip(new(Tail, false, place.HasEnded)); break;
            }
        }
        return end;
    }

    /// <summary>A pattern or schema as an error shows it.</summary>
    public static string Short(string pattern) => pattern.Length > 200 ? pattern[..200] + "..." : pattern;

    /// <summary>ECMAScript's classes are of ASCII, its classes have no classes inside, and its point leaves out all line ends.</summary>
    static string AsOniguruma(string pattern)
    {
        var to = new StringBuilder();
        bool isInClass = false;
        for (int i = 0; i < pattern.Length; i++)
        {
            char c = pattern[i];
            if (c == '\\' && i + 1 < pattern.Length)
            {
                char e = pattern[++i];
                string? set = e switch { 'd' => "0-9", 'w' => "A-Za-z0-9_", _ => null }, complement = e switch { 'D' => "0-9", 'W' => "A-Za-z0-9_", _ => null };
                if (set is not null) to.Append(isInClass ? set : $"[{set}]");
                else if (complement is not null) to.Append(isInClass ? throw new FormatException($"\\{e} within a class") : $"[^{complement}]");
                else if (e is 'A' or 'z' or 'Z' or 'a' or 'e' or 'h' or 'G') to.Append(e);
                else to.Append('\\').Append(e);
            }
            else if (isInClass && c is '[' or '&') to.Append('\\').Append(c);
            else if (c == '.' && !isInClass) to.Append("[^\\n\\r\\u2028\\u2029]");
            else
            {
                if (c == '[') isInClass = true;
                if (c == ']') isInClass = false;
                to.Append(c);
            }
        }
        return to.ToString();
    }

    /// <summary>Where the category changes.</summary>
    static readonly Lazy<int[]> CategoryBorders = new(() => [.. Enumerable.Range(1, 0x10FFFF).Where(c => CodePoint.Class(c) != CodePoint.Class(c - 1))]);

    /// <summary>Code points that have another case, and those behind them.</summary>
    static readonly Lazy<int[]> CaseBorders = new(() => [.. Enumerable.Range(0, 0x110000).Where(c => Rune.IsValid(c) && (Rune.ToLowerInvariant(new(c)).Value != c || Rune.ToUpperInvariant(new(c)).Value != c)).Append(0x17F).Append(0x212A).SelectMany(c => new[] { c, c + 1 })]);

    /// <summary>Code points before which the set may begin or end: asking all of them would take a tenth of a second for each class of a pattern.</summary>
    static void AddBorders(CodePointSet set, SortedSet<int> borders)
    {
        foreach (var (first, last) in set.Ranges)
        {
            borders.Add(first);
            borders.Add(Math.Min(last, 0x10FFFF) + 1);
        }
        if (set.Categories != 0) borders.UnionWith(CategoryBorders.Value);
        if (set.IgnoresCase) borders.UnionWith(CaseBorders.Value);
        foreach (var other in set.Parts.Concat(set.Cuts)) AddBorders(other, borders);
    }

    internal static (int, int)[] RangesOf(CodePointSet set)
    {
        List<(int, int)> ranges = [];
        int start = -1;
        var borders = new SortedSet<int> { 0, 0xD800, 0xE000, 0x110000 };
        AddBorders(set, borders);
        foreach (int c in borders)
        {
            bool isIn = c < 0x110000 && (c is < 0xD800 or > 0xDFFF) && set.Contains(c);
            if (isIn && start < 0) start = c;
            else if (!isIn && start >= 0)
            {
                ranges.Add((start, c - 1));
                start = -1;
            }
        }
        return [.. ranges];
    }
}
