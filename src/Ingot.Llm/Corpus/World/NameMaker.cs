namespace Ingot.Llm.Corpus.World;

/// <summary>What a name is for; each kind has endings of its own.</summary>
public enum NameKind { Woman, Man, Country, City, Language, Coin, Animal, Thing }

/// <summary>Invented names, by syllables. Known and unknown ones are made the same way: only memory can tell them apart.</summary>
static class NameMaker
{
    static readonly string[] Onsets = ["b", "br", "c", "d", "dr", "f", "g", "gr", "h", "j", "k", "kl", "l", "m", "n", "p", "pr", "qu", "r", "s", "sk", "st", "t", "th", "tr", "v", "w", "y", "z", "sh", "fl", "gl"];
    static readonly string[] Vowels = ["a", "e", "i", "o", "u", "ai", "ea", "io", "ou", "a", "e", "i", "o"];
    static readonly string[] Middles = ["l", "m", "n", "r", "s", "t", "v", "d", "b", "lm", "nd", "rd", "rv", "st", "nt", "lt", "ss", "ll", "mb", "rk", "nk", "x", "z", "g"];

    static readonly string[][] Endings =
    [
        ["a", "ie", "ela", "ina", "wen", "issa", "ara", "yn", "ela", "ora"],
        ["o", "en", "ik", "or", "us", "ard", "im", "el", "an", "os"],
        ["ia", "and", "ovia", "una", "estan", "mark", "aria", "onia", "eth", "avia"],
        ["burg", "ton", "vik", "opolis", "ford", "haven", "grad", "minster", "um", "dorp"],
        ["ish", "ese", "ic", "ari", "ano", "ul", "ek", "ois", "ini", "uan"],
        ["ar", "ello", "ing", "une", "ak", "ound", "ira", "ot", "een", "ule"],
        ["ling", "oo", "ix", "upine", "ador", "eagle", "otter", "ark", "umbat", "ail"],
        ["ometer", "ophone", "oscope", "ograph", "iscope", "amat", "otron", "ewheel", "olamp", "ikon"],
    ];

    /// <summary>A name of the kind, lower case for animals and things.</summary>
    public static string Make(NameKind kind, ref StoryRandom random)
    {
        string stem = Onsets[random.Below(Onsets.Length)] + Vowels[random.Below(Vowels.Length)] + Middles[random.Below(Middles.Length)];
        if (kind is not (NameKind.Woman or NameKind.Man) && random.Chance(30)) stem += Vowels[random.Below(Vowels.Length)] + Middles[random.Below(Middles.Length)][..1];
        string ending = Endings[(int)kind][random.Below(Endings[(int)kind].Length)], name = stem + ending;
        return kind is NameKind.Animal or NameKind.Thing ? name : char.ToUpperInvariant(name[0]) + name[1..];
    }

    /// <summary>Distinct names on the wanted side of the split.</summary>
    public static string[] MakeMany(NameKind kind, int count, Split split, ulong seed, ISet<string>? taken = null)
    {
        var random = new StoryRandom(seed * 0xD1342543DE82EF95 + (ulong)kind);
        var names = new List<string>(count);
        taken ??= new HashSet<string>();
        while (names.Count < count)
            if (Make(kind, ref random) is var name && HoldOut.Name(name) == (split == Split.HeldOut) && taken.Add(name)) names.Add(name);
        return [.. names];
    }
}
