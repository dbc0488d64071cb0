namespace Ingot.Llm.Corpus.World;

/// <summary>A way to say a fact and to ask for it; {s} stands for the subject, {o} for the object.</summary>
public sealed record Phrasing(string Statement, string Question)
{
    /// <summary>The statement about a subject, as a sentence.</summary>
    public string State(string subject, string thing) => Sentence(Statement.Replace("{s}", subject).Replace("{o}", thing));

    /// <summary>The question about a subject, as a sentence.</summary>
    public string Ask(string subject) => Sentence(Question.Replace("{s}", subject));

    static string Sentence(string text)
    {
        text = char.ToUpperInvariant(text[0]) + text[1..];
        // "a owl": the word behind the article is known only now. "uni", "use", "one" begin with a consonant.
        for (int at = 0; (at = text.IndexOf("a ", at, StringComparison.OrdinalIgnoreCase)) >= 0; at += 2)
            if ((at == 0 || text[at - 1] == ' ') && at + 2 < text.Length && "aeiouAEIOU".Contains(text[at + 2]) && !text[(at + 2)..].StartsWith("uni", StringComparison.OrdinalIgnoreCase)
                && !text[(at + 2)..].StartsWith("eu", StringComparison.OrdinalIgnoreCase)) text = text.Insert(at + 1, "n");
        return text;
    }
}

/// <summary>What is said of every subject of a kind.</summary>
/// <param name="Name">"capital".</param>
/// <param name="Subject">The kind of the subjects: country, person, animal, thing, or a kind of the user's.</param>
/// <param name="Object">A kind of names (city, language, coin, country, person) or a word list (food, job, ...).</param>
/// <param name="Phrasings">Ten; the last three are held out.</param>
public sealed record Relation(string Name, string Subject, string Object, IReadOnlyList<Phrasing> Phrasings)
{
    /// <summary>The phrasings on one side of the split.</summary>
    public IEnumerable<Phrasing> On(Split split) => Phrasings.Where((_, i) => HoldOut.Phrasing(i) == (split == Split.HeldOut));

    /// <summary>One of those on one side of the split: of ten, the last three are held out.</summary>
    internal Phrasing Any(Split split, ref StoryRandom random) => Phrasings[split == Split.Train ? random.Below(7) : 7 + random.Below(3)];

    /// <summary>Reads relations.txt.</summary>
    internal static List<Relation> Parse(string text)
    {
        var relations = new List<Relation>();
        var phrasings = new List<Phrasing>();
        foreach (var line in text.Split('\n').Where(l => l.Length > 0 && l[0] != '#'))
        {
            if (line[0] != ' ')
            {
                var (name, rest) = Cut(line, ": ");
                var (subject, target) = Cut(rest, " -> ");
                relations.Add(new(name, subject, target, phrasings = []));
            }
            else
            {
                var (statement, question) = Cut(line.Trim(), " = ");
                phrasings.Add(new(statement, question));
            }
        }
        return relations;
    }

    static (string, string) Cut(string text, string at) =>
        text.IndexOf(at, StringComparison.Ordinal) is var i and >= 0 ? (text[..i], text[(i + at.Length)..]) : throw new FormatException($"'{text}' lacks '{at}'");
}

/// <summary>Something true in the world.</summary>
public sealed record Fact(Relation Relation, string Subject, string Object);
