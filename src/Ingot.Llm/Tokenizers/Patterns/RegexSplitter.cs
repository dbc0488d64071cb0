namespace Ingot.Llm.Tokenizers.Patterns;

/// <summary>Matches any split pattern, in time linear in the text whatever the pattern.</summary>
/// <remarks>
/// A backtracking machine over the instructions that <see cref="RegexParser"/> makes, which never tries the same instruction at the same place twice: what
/// failed once fails again, as nothing but the place decides it. That bound also holds across the starts of a search, which is what makes a run of a million
/// spaces before a letter harmless. .NET's own Regex would not do: it sees surrogates where there are letters, and backtracks without bound.
/// </remarks>
sealed class RegexSplitter : Splitter
{
    readonly RegexInstruction[] program;

    public RegexSplitter(string pattern) => program = new RegexParser(pattern).Parse();

    public override bool Next(ReadOnlySpan<byte> text, int from, ref object? memory, out int start, out int end) => Find(text, from, ref memory, allowsEmpty: false, out start, out end);

    internal override bool NextOrEmpty(ReadOnlySpan<byte> text, int from, ref object? memory, out int start, out int end) => Find(text, from, ref memory, allowsEmpty: true, out start, out end);

    bool Find(ReadOnlySpan<byte> text, int from, ref object? memory, bool allowsEmpty, out int start, out int end)
    {
        var tried = memory as TriedStates ?? new TriedStates(program.Length);
        memory = tried;
        for (start = from; start < text.Length;)
        {
            tried.ForgetBefore(start);
            end = Run(text, 0, start, tried);
            if (end > start || end == start && allowsEmpty)
            {
                tried.Forget(end); // states on the way of the match did not fail; those before its end are never asked for again
                return true;
            }
            if (end == start) tried.Forget(start);
            Unicode.Utf8.Decode(text, start, out int length);
            start += length;
        }
        end = start;
        return false;
    }

    /// <summary>The end of the preferred match from an instruction and a place; -1 if there is none.</summary>
    int Run(ReadOnlySpan<byte> text, int pc, int at, TriedStates tried)
    {
        var open = tried.Open;
        int depth = open.Count;
        open.Push((pc, at));
        while (open.Count > depth)
        {
            (pc, at) = open.Pop();
            while (tried.Add(pc, at))
            {
                var i = program[pc];
                switch (i.Kind)
                {
                    case RegexKind.Match:
                        while (open.Count > depth) open.Pop();
                        return at;
                    case RegexKind.Set:
                        if (at >= text.Length || !i.Set!.Contains(Unicode.Utf8.Decode(text, at, out int length))) goto Failed;
                        at += length;
                        break;
                    case RegexKind.Split:
                        open.Push((i.Second, at));
                        pc = i.First;
                        continue;
                    case RegexKind.Jump:
                        pc = i.First;
                        continue;
                    case RegexKind.Begin when at == 0:
                    case RegexKind.End when at == text.Length:
                    case RegexKind.BeginOfLine when at == 0 || text[at - 1] == '\n':
                    case RegexKind.EndOfLine when at == text.Length || text[at] == '\n':
                    case RegexKind.WordBorder when IsWordBorder(text, at):
                    case RegexKind.NoWordBorder when !IsWordBorder(text, at):
                        break;
                    case RegexKind.Look: // (?=...) (?!...)
                        if (Run(text, pc + 1, at, new TriedStates(program.Length)) >= 0 == i.IsNegated) goto Failed;
                        pc = i.First;
                        continue;
                    case RegexKind.LookBehind: // (?<=x) (?<!x), of one character
                        bool isThere = at > 0 && i.Set!.Contains(Unicode.Utf8.DecodeLast(text, at, out _));
                        if (isThere == i.IsNegated) goto Failed;
                        break;
                    case RegexKind.Atomic: // (?>...), x++
                        at = Run(text, pc + 1, at, new TriedStates(program.Length));
                        if (at < 0) goto Failed;
                        pc = i.First;
                        continue;
                    default:
                        goto Failed;
                }
                pc++;
            }
        Failed:;
        }
        return -1;
    }

    static readonly CodePointSet Word = CodePointSet.Word(negated: false).Freeze();

    static bool IsWordBorder(ReadOnlySpan<byte> text, int at)
    {
        bool before = at > 0 && Word.Contains(Unicode.Utf8.DecodeLast(text, at, out _));
        return before != (at < text.Length && Word.Contains(Unicode.Utf8.Decode(text, at, out _)));
    }
}

/// <summary>The pairs of instruction and place that were tried, a bit each, in pages that are dropped as the search goes on.</summary>
sealed class TriedStates(int instructions)
{
    const int PlacesPerPage = 256;

    readonly Dictionary<int, ulong[]> pages = [];
    readonly int words = (instructions + 63) / 64;
    int firstPage, lastPage = -1;
    ulong[]? last;

    /// <summary>Alternatives not tried yet.</summary>
    public Stack<(int Instruction, int Place)> Open { get; } = [];

    /// <summary>False if the pair is there already.</summary>
    public bool Add(int instruction, int place)
    {
        ref ulong word = ref Page(place)[(place % PlacesPerPage) * words + instruction / 64];
        ulong bit = 1UL << instruction;
        if ((word & bit) != 0) return false;
        word |= bit;
        return true;
    }

    public void Forget(int place) => Array.Clear(Page(place), (place % PlacesPerPage) * words, words);

    public void ForgetBefore(int place)
    {
        for (; firstPage < place / PlacesPerPage; firstPage++) pages.Remove(firstPage);
    }

    ulong[] Page(int place)
    {
        int page = place / PlacesPerPage;
        if (page == lastPage) return last!;
        lastPage = page;
        if (!pages.TryGetValue(page, out last)) pages[page] = last = new ulong[PlacesPerPage * words];
        return last;
    }
}
