using System.Globalization;
using System.Text;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers.Patterns;

enum RegexKind
{
    Set,
    Split,
    Jump,
    Match,
    Begin,
    End,
    BeginOfLine,
    EndOfLine,
    WordBorder,
    NoWordBorder,

    /// <summary>What follows up to its Match, then First: an assertion.</summary>
    Look,
    LookBehind,

    /// <summary>What follows up to its Match, then First, without coming back.</summary>
    Atomic,
}

/// <param name="Kind">What it does.</param>
/// <param name="Set">Of Set and LookBehind.</param>
/// <param name="First">Of Split, Jump, Look, Atomic: where to go on.</param>
/// <param name="Second">Of Split: where to go on if First fails.</param>
/// <param name="IsNegated">Of Look and LookBehind.</param>
readonly record struct RegexInstruction(RegexKind Kind, CodePointSet? Set = null, int First = 0, int Second = 0, bool IsNegated = false);

/// <summary>
/// Compiles the part of Oniguruma's syntax that split patterns are written in: alternatives, groups, (?i:), (?=) (?!) (?&gt;), (?&lt;=) and (?&lt;!) of one
/// character, classes with ranges, \p{}, nesting and &amp;&amp;, and the quantifiers * + ? {n,m} with ? and + after them. No captures and no back-references.
/// </summary>
sealed class RegexParser(string pattern)
{
    const int MostInstructions = 20_000, MostDepth = 50;

    readonly Rune[] runes = [.. pattern.EnumerateRunes()];
    readonly List<RegexInstruction> program = [];
    int at, depth;
    bool ignoresCase;

    public RegexInstruction[] Parse()
    {
        Alternatives();
        if (at < runes.Length) throw Broken("an unmatched )");
        Emit(new(RegexKind.Match));
        return [.. program];
    }

    void Alternatives()
    {
        if (++depth > MostDepth) throw Broken($"more than {MostDepth} nested groups");
        bool outerCase = ignoresCase;
        int start = program.Count;
        List<int> jumps = [];
        Sequence();
        while (Take('|'))
        {
            // The alternative so far is moved behind a split that prefers it.
            Insert(start, new(RegexKind.Split, null, start + 1, program.Count + 2));
            jumps.Add(Emit(default));
            start = program.Count;
            Sequence();
        }
        foreach (int j in jumps) program[j] = new(RegexKind.Jump, null, program.Count);
        ignoresCase = outerCase;
        depth--;
    }

    void Sequence()
    {
        while (at < runes.Length && Peek() is not ('|' or ')'))
        {
            int start = program.Count;
            Atom();
            Quantifiers(start);
        }
    }

    void Quantifiers(int start)
    {
        while (at < runes.Length)
        {
            var (least, most) = Peek() switch { '*' => (0, int.MaxValue), '+' => (1, int.MaxValue), '?' => (0, 1), '{' => Counts(), _ => (-1, 0) };
            if (least < 0) return;
            bool isCounted = runes[at++].Value == '}'; // after which a + is one more quantifier, as in Ruby
            bool isLazy = Take('?'), isPossessive = !isLazy && !isCounted && Take('+');
            Repeat(start, least, most, isLazy);
            if (!isPossessive) continue;
            Insert(start, default);
            Emit(new(RegexKind.Match));
            program[start] = new(RegexKind.Atomic, null, program.Count);
        }
    }

    /// <summary>{n}, {n,}, {,m}, {n,m}; leaves the closing brace to be taken. A brace that is none of these is itself.</summary>
    (int, int) Counts()
    {
        int end = Array.IndexOf(runes, new Rune('}'), at);
        if (end < 0) return (-1, 0);
        string[] parts = string.Concat(runes[(at + 1)..end]).Split(',');
        bool hasLeast = int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int least), hasMost = int.TryParse(parts[^1], NumberStyles.None, CultureInfo.InvariantCulture, out int most);
        if (parts.Length > 2 || !hasLeast && !hasMost || parts.Length == 1 && !hasLeast || parts[0].Length > 0 && !hasLeast || parts[^1].Length > 0 && !hasMost) return (-1, 0);
        if (!hasMost) most = int.MaxValue;
        if (least > 1000 || hasMost && (most > 1000 || most < least)) throw Broken($"the counts {{{least},{most}}}");
        at = end;
        return (least, most);
    }

    void Repeat(int start, int least, int most, bool isLazy)
    {
        var body = program.GetRange(start, program.Count - start);
        program.RemoveRange(start, program.Count - start);
        for (int i = 0; i < least; i++) Copy(body, start);
        if (most == int.MaxValue)
        {
            int split = Emit(default);
            Copy(body, start);
            Emit(new(RegexKind.Jump, null, split));
            program[split] = Choice(split + 1, program.Count, isLazy);
            return;
        }
        List<int> splits = [];
        for (int i = least; i < most; i++)
        {
            splits.Add(Emit(default));
            Copy(body, start);
        }
        foreach (int s in splits) program[s] = Choice(s + 1, program.Count, isLazy);
    }

    static RegexInstruction Choice(int body, int after, bool isLazy) => isLazy ? new(RegexKind.Split, null, after, body) : new(RegexKind.Split, null, body, after);

    void Copy(List<RegexInstruction> body, int from)
    {
        int offset = program.Count - from;
        foreach (var i in body) Emit(i with { First = i.First + offset, Second = i.Second + offset });
    }

    void Atom()
    {
        int c = Next();
        switch (c)
        {
            case '(': Group(); break;
            case '[': Emit(new(RegexKind.Set, Class())); break;
            case '.': Emit(new(RegexKind.Set, new CodePointSet { Ranges = { ('\n', '\n') }, IsNegated = true }.Freeze())); break;
            case '^': Emit(new(RegexKind.BeginOfLine)); break;
            case '$': Emit(new(RegexKind.EndOfLine)); break;
            case '\\': Escape(); break;
            case '*' or '+' or '?': at--; throw Broken("a quantifier with nothing before it");
            default: Emit(new(RegexKind.Set, Single(c))); break;
        }
    }

    CodePointSet Single(int c) => new CodePointSet { Ranges = { (c, c) }, IgnoresCase = ignoresCase }.Freeze();

    void Group()
    {
        if (!Take('?'))
        {
            Alternatives(); // a capture, which nobody reads
            Close();
            return;
        }
        int head = Next();
        if (head == '<' && at < runes.Length && Peek() is '=' or '!')
        {
            bool isNegated = Next() == '!';
            int start = program.Count;
            Atom();
            if (program.Count != start + 1 || program[start].Kind != RegexKind.Set) throw Broken("a look-behind of more than one character");
            program[start] = new(RegexKind.LookBehind, program[start].Set, IsNegated: isNegated);
            Close();
        }
        else if (head is '=' or '!' or '>')
        {
            int start = Emit(default);
            Alternatives();
            Close();
            Emit(new(RegexKind.Match));
            program[start] = new(head == '>' ? RegexKind.Atomic : RegexKind.Look, null, program.Count, IsNegated: head == '!');
        }
        else if (head == '<' || head == 'P')
        {
            while (Next() != '>') { } // a name
            Alternatives();
            Close();
        }
        else
        {
            at--;
            bool outer = ignoresCase, isOn = true;
            while (at < runes.Length && Peek() is not (':' or ')'))
            {
                int flag = Next();
                if (flag == '-') isOn = false;
                else if (flag == 'i') ignoresCase = isOn;
                else if (flag is not ('m' or 's' or 'u' or 'x') || flag == 'x' && isOn) throw Broken($"the flag '{(char)flag}'");
            }
            if (Take(')')) return; // holds to the end of the group around it, which restores it
            at++;
            Alternatives();
            Close();
            ignoresCase = outer;
        }
    }

    void Close()
    {
        if (!Take(')')) throw Broken("a group that is not closed");
    }

    void Escape()
    {
        int c = Next();
        switch (c)
        {
            case 'A': Emit(new(RegexKind.Begin)); break;
            case 'z' or 'Z': Emit(new(RegexKind.End)); break;
            case 'b': Emit(new(RegexKind.WordBorder)); break;
            case 'B': Emit(new(RegexKind.NoWordBorder)); break;
            case >= '1' and <= '9': throw Broken("a back-reference");
            default:
                at--;
                Emit(new(RegexKind.Set, EscapedSet() is { } set ? set.Freeze() : Single(EscapedCharacter())));
                break;
        }
    }

    /// <summary>\s \d \w \h \p{..} and their complements, after the backslash; null if it is a character.</summary>
    CodePointSet? EscapedSet()
    {
        int c = Peek();
        CodePointSet? set = c switch
        {
            's' or 'S' => CodePointSet.Of(CodePoint.White, c == 'S'),
            'd' or 'D' => CodePointSet.Of(CodePoint.Digit, c == 'D'),
            'w' or 'W' => CodePointSet.Word(c == 'W'),
            _ => null,
        };
        if (set is not null) at++;
        return set ?? (c is 'p' or 'P' ? Property() : null);
    }

    CodePointSet Property()
    {
        bool isNegated = Next() == 'P';
        string name;
        if (Take('{'))
        {
            int end = Array.IndexOf(runes, new Rune('}'), at);
            if (end < 0) throw Broken("\\p{ that is not closed");
            name = string.Concat(runes[at..end]);
            at = end + 1;
        }
        else name = ((char)Next()).ToString();
        if (name.StartsWith('^')) (name, isNegated) = (name[1..], !isNegated);
        if (name is "Han" or "Script=Han") return new() { Parts = { CodePointSet.Han() }, IsNegated = isNegated };
        return CodePoint.TryMask(name, out uint mask) ? CodePointSet.Of(mask, isNegated) : throw Broken($"the property \\p{{{name}}}");
    }

    int EscapedCharacter()
    {
        int c = Next();
        return c switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\f',
            'v' => '\v',
            'a' => 7,
            'e' => 27,
            '0' => 0,
            'x' => Take('{') ? Hexadecimal(8, braced: true) : Hexadecimal(2, braced: false),
            'u' => Take('{') ? Hexadecimal(8, braced: true) : Hexadecimal(4, braced: false),
            _ when c < 128 && char.IsAsciiLetterOrDigit((char)c) => throw Broken($"\\{(char)c}"),
            _ => c,
        };
    }

    int Hexadecimal(int most, bool braced)
    {
        int end = at;
        while (end < runes.Length && end - at < most && runes[end].IsAscii && char.IsAsciiHexDigit((char)runes[end].Value)) end++;
        if (!int.TryParse(string.Concat(runes[at..end]), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int c) || c > 0x10FFFF) throw Broken("a broken hexadecimal escape");
        at = end;
        return !braced || Take('}') ? c : throw Broken("a hexadecimal escape that is not closed");
    }

    /// <summary>[...], after its opening bracket.</summary>
    CodePointSet Class()
    {
        if (++depth > MostDepth) throw Broken($"more than {MostDepth} nested classes");
        var whole = new CodePointSet { IsNegated = Take('^'), IgnoresCase = ignoresCase };
        var set = whole;
        for (bool isFirst = true; ; isFirst = false)
        {
            if (at >= runes.Length) throw Broken("a class that is not closed");
            if (!isFirst && Take(']')) break;
            if (Peek() == '&' && at + 1 < runes.Length && runes[at + 1].Value == '&')
            {
                at += 2;
                whole.Cuts.Add(set = new() { IgnoresCase = ignoresCase });
                continue;
            }
            if (Take('['))
            {
                set.Parts.Add(Take(':') ? Posix() : Class());
                continue;
            }
            int first = Next();
            if (first == '\\')
            {
                if (EscapedSet() is { } escaped)
                {
                    set.Parts.Add(escaped);
                    continue;
                }
                first = Peek() == 'b' ? '\b' : EscapedCharacter();
                if (first == '\b') at++;
            }
            int last = first;
            if (at + 1 < runes.Length && Peek() == '-' && runes[at + 1].Value is not ']')
            {
                at++;
                last = Next();
                if (last == '\\') last = EscapedCharacter();
                if (last < first) throw Broken("a range that runs backwards");
            }
            set.Ranges.Add((first, last));
        }
        depth--;
        return whole.Freeze();
    }

    /// <summary>[:alpha:] and the like, after its opening.</summary>
    CodePointSet Posix()
    {
        bool isNegated = Take('^');
        int end = at;
        while (end < runes.Length && runes[end].Value != ':') end++;
        string name = string.Concat(runes[at..end]);
        at = Math.Min(end + 1, runes.Length);
        if (!Take(']')) throw Broken("a class that is not closed");
        uint mask = name switch
        {
            "alpha" => CodePoint.Letter | CodePoint.Mark | CodePoint.LetterNumber,
            "digit" => CodePoint.Digit,
            "alnum" => CodePoint.Letter | CodePoint.Mark | CodePoint.LetterNumber | CodePoint.Digit,
            "space" => CodePoint.White,
            "upper" => CodePoint.Lu,
            "lower" => CodePoint.Ll,
            "punct" => CodePoint.Punctuation | CodePoint.Symbol,
            "cntrl" => CodePoint.Control,
            "word" => CodePoint.Word,
            _ => throw Broken($"the class [:{name}:]"),
        };
        return CodePointSet.Of(mask, isNegated);
    }

    int Emit(RegexInstruction instruction)
    {
        if (program.Count >= MostInstructions) throw Broken($"more than {MostInstructions} instructions");
        program.Add(instruction);
        return program.Count - 1;
    }

    /// <summary>Puts an instruction before others, whose own targets move by one.</summary>
    void Insert(int place, RegexInstruction instruction)
    {
        for (int i = place; i < program.Count; i++) program[i] = program[i] with { First = program[i].First + 1, Second = program[i].Second + 1 };
        program.Insert(place, instruction);
    }

    int Peek() => at < runes.Length ? runes[at].Value : throw Broken("an end where more should follow");

    int Next()
    {
        int c = Peek();
        at++;
        return c;
    }

    bool Take(char c)
    {
        if (at >= runes.Length || runes[at].Value != c) return false;
        at++;
        return true;
    }

    FormatException Broken(string what) => new($"the split pattern has {what} at character {at}, which is not supported: {(pattern.Length > 200 ? pattern[..200] + "..." : pattern)}");
}
