namespace Ingot.Llm.Corpus.World;

/// <summary>Words by the role they play in a sentence; the text format is described at the head of words.txt.</summary>
sealed class WordLists
{
    static readonly string[] Verbs = ["said", "move", "act", "hobby", "natact"];

    readonly Dictionary<string, Word[]> lists = [];

    public IReadOnlyDictionary<string, Word[]> All => lists;

    public Word[] this[string list] => lists[list];

    /// <summary>The lists of the built-in world.</summary>
    public static WordLists BuiltIn { get; } = Parse(WorldText.Read("words.txt"));

    /// <exception cref="FormatException">A line is neither a list nor its continuation.</exception>
    public static WordLists Parse(string text)
    {
        var entries = new Dictionary<string, List<string>>();
        List<string>? current = null;
        foreach (var line in text.Split('\n'))
        {
            if (line.StartsWith('#') || line.Trim().Length == 0) continue;
            var words = line;
            if (line[0] != ' ')
            {
                int colon = line.IndexOf(':', StringComparison.Ordinal);
                if (colon < 1) throw new FormatException($"a word list begins with 'name:', not '{line}'");
                entries.Add(line[..colon], current = []);
                words = line[(colon + 1)..];
            }
            if (current is null) throw new FormatException($"words before the first list: '{line}'");
            current.AddRange(words.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        }
        var result = new WordLists();
        foreach (var (name, words) in entries) result.Set(name, words);
        result.lists["town"] = [.. NameMaker.MakeMany(NameKind.City, 300, Split.Train, 5).Select(Word.Noun)];
        result.JoinGoods();
        return result;
    }

    /// <summary>A copy in which some lists have other words.</summary>
    public WordLists With(IReadOnlyDictionary<string, IReadOnlyList<string>> replaced)
    {
        var result = new WordLists();
        foreach (var (name, words) in lists) result.lists[name] = words;
        foreach (var (name, words) in replaced)
        {
            if (!lists.ContainsKey(name)) throw new IngotException($"the world replaces a word list '{name}'; there are: {string.Join(", ", lists.Keys.Order(StringComparer.Ordinal))}");
            if (words.Count < 8) throw new IngotException($"the word list '{name}' has {words.Count} words; at least 8 are needed, so that a story can avoid the words it used");
            result.Set(name, words);
        }
        result.JoinGoods();
        return result;
    }

    /// <summary>What may be done something with: toys, relics and food.</summary>
    void JoinGoods() => lists["goods"] = [.. lists["toy"], .. lists["relic"], .. lists["food"]];

    void Set(string name, IReadOnlyList<string> words)
    {
        bool isVerb = Verbs.Contains(name);
        lists[name] = [.. words.Distinct().Select(w => isVerb ? Word.Verb(w) : Word.Noun(w))];
    }
}
