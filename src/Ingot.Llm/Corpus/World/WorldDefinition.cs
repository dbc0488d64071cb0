namespace Ingot.Llm.Corpus.World;

/// <summary>An invented world: whose names there are, what is true, and the words of its stories. Everything generated is generated from one of these.</summary>
public sealed class WorldDefinition
{
    /// <summary>How many of each kind the built-in world has: 140 x 4 + 160 x 3 + 100 x 3 + 90 x 2 = 1,520 facts.</summary>
    static readonly (string Kind, int Count)[] Population = [("country", 140), ("person", 160), ("animal", 100), ("thing", 90)];

    /// <summary>Objects from a word list come from its first words, so that each answer is seen often and none is a large share.</summary>
    const int AnswersPerList = 40;

    readonly Lazy<Grammar> stories;
    readonly (string, bool)[] storyNames, heldOutStoryNames;
    readonly HashSet<string> known;

    internal WorldDefinition(string name, ulong seed, WorldFile? file)
    {
        (Name, Seed) = (name, seed);
        Words = file?.Words is { } words ? WordLists.BuiltIn.With(words) : WordLists.BuiltIn;
        stories = new(() => StoryTeller.Compile(Words));
        var given = file?.Names ?? new Dictionary<string, IReadOnlyList<string>>();
        Relations = file?.Relations is { Count: > 0 } relations ? [.. relations.Select(r => r.ToRelation())] : Relation.Parse(WorldText.Read("relations.txt"));
        Entities = file?.Facts is null ? Population.ToDictionary(p => p.Kind, p => given.GetValueOrDefault(p.Kind) ?? MakeNames(p.Kind, p.Count, seed)) : [];
        Facts = file?.Facts is { } facts ? [.. facts.Select(f => f.ToFact(Relations))] : MakeFacts(given);
        known = [.. Facts.Select(f => f.Subject), .. Facts.Select(f => f.Object)];
        (storyNames, heldOutStoryNames) = (NamesOnSide(given, Split.Train), NamesOnSide(given, Split.HeldOut));
    }

    /// <summary>Ingot's own world.</summary>
    public static WorldDefinition BuiltIn { get; } = new("ingot", 1, null);

    /// <summary>A world from a JSON file; docs/world.md describes it. What the file does not have is as in the built-in world.</summary>
    /// <exception cref="IngotException">The file is absent, no JSON, or says something impossible.</exception>
    public static WorldDefinition Load(string path) => WorldFile.Read(path) is var file ? new(file.Name ?? Path.GetFileNameWithoutExtension(path), file.Seed ?? 1, file) : BuiltIn;

    public string Name { get; }

    /// <summary>Names and facts follow from it.</summary>
    public ulong Seed { get; }

    public IReadOnlyList<Relation> Relations { get; }

    public IReadOnlyList<Fact> Facts { get; }

    /// <summary>Subjects by kind, where facts were made from names.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Entities { get; }

    internal WordLists Words { get; }

    internal Grammar Stories => stories.Value;

    internal (string Name, bool IsFemale)[] StoryNames(Split split) => split == Split.Train ? storyNames : heldOutStoryNames;

    /// <summary>A name of which this world says nothing, in the manner of its kind.</summary>
    internal string Unknown(string kind, Split split, ref StoryRandom random)
    {
        while (true)
            if (MakeName(kind, ref random) is var name && !known.Contains(name) && HoldOut.Name(name) == (split == Split.HeldOut)) return name;
    }

    static (string, bool)[] NamesOnSide(IReadOnlyDictionary<string, IReadOnlyList<string>> given, Split split)
    {
        // Given names are divided by the same hash; a side on which too few remain is filled up with made ones.
        string[] Side(string key, NameKind kind, ulong seed)
        {
            var own = given.GetValueOrDefault(key)?.Where(n => HoldOut.Name(n) == (split == Split.HeldOut)).Distinct().ToArray() ?? [];
            return own.Length >= 8 ? own : [.. own, .. NameMaker.MakeMany(kind, split == Split.Train ? 500 : 80, split, seed, new HashSet<string>(own))];
        }
        return [.. Side("woman", NameKind.Woman, 77).Select(n => (n, true)), .. Side("man", NameKind.Man, 78).Select(n => (n, false))];
    }

    static IReadOnlyList<string> MakeNames(string kind, int count, ulong seed)
    {
        var random = new StoryRandom(seed * 0x9E3779B97F4A7C15 + HoldOut.Hash(System.Text.Encoding.UTF8.GetBytes(kind)));
        var names = new List<string>(count);
        var taken = new HashSet<string>();
        while (names.Count < count)
            if (MakeName(kind, ref random) is var name && !HoldOut.Name(name) && taken.Add(name)) names.Add(name);
        return names;
    }

    static string MakeName(string kind, ref StoryRandom random) => kind switch
    {
        // Two names, so that known people are not confused with the heroes of stories.
        "person" => NameMaker.Make(random.Chance(50) ? NameKind.Woman : NameKind.Man, ref random) + " " + NameMaker.Make(NameKind.Man, ref random),
        "country" => NameMaker.Make(NameKind.Country, ref random),
        "city" => NameMaker.Make(NameKind.City, ref random),
        "language" => NameMaker.Make(NameKind.Language, ref random),
        "coin" => NameMaker.Make(NameKind.Coin, ref random).ToLowerInvariant(),
        "animal" => NameMaker.Make(NameKind.Animal, ref random),
        "thing" => NameMaker.Make(NameKind.Thing, ref random),
        _ => NameMaker.Make(NameKind.City, ref random),
    };

    List<Fact> MakeFacts(IReadOnlyDictionary<string, IReadOnlyList<string>> given)
    {
        var facts = new List<Fact>();
        var random = new StoryRandom(Seed * 0xBF58476D1CE4E5B9 + 12);
        foreach (var relation in Relations)
        {
            if (!Entities.TryGetValue(relation.Subject, out var subjects))
                throw new IngotException($"the relation '{relation.Name}' is about the kind '{relation.Subject}', of which the world has no names; there are: {string.Join(", ", Entities.Keys)}; or give facts");
            // Capitals, languages and coins belong to one country each; other objects may be shared.
            bool isOwn = relation.Object is "city" or "language" or "coin";
            var objects = given.GetValueOrDefault(relation.Object) ?? (isOwn ? MakeNames(relation.Object, subjects.Count, Seed) : Objects(relation.Object));
            for (int i = 0; i < subjects.Count; i++)
                facts.Add(new(relation, subjects[i], isOwn ? objects[i % objects.Count] : objects[random.Below(objects.Count)]));
        }
        return facts;
    }

    IReadOnlyList<string> Objects(string kind)
    {
        if (Entities.TryGetValue(kind, out var names)) return names;
        if (!Words.All.TryGetValue(kind, out var words)) throw new IngotException($"'{kind}' is neither a kind of names nor a word list");
        // "famous for its plums": food is many, everything else one.
        return [.. words.Take(AnswersPerList).Select(w => System.Text.Encoding.UTF8.GetString(w[kind == "food" ? 1 : 0]))];
    }
}
