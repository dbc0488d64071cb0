using System.Text;
using Ingot.Llm.Chat;

namespace Ingot.Llm.Corpus.World;

/// <summary>Whose names a story in a prompt has.</summary>
public enum BookNames
{
    /// <summary>Names of training text.</summary>
    Seen,
    /// <summary>Names made like those of training text, which training text never has.</summary>
    Unseen,
    /// <summary>Letters that no rule of the names would put together.</summary>
    Nonce,
}

/// <summary>Questions about a short text that stands in the prompt: the answer is there, and nowhere else.</summary>
static class OpenBook
{
    // {p} a person, {q} another, {l} a place, {o} a thing. The last three of ten are held out.
    static readonly string[] At =
    [
        "{p} is in the {l}.", "{p} went to the {l}.", "{p} lives in the {l}.", "{p} waits in the {l}.", "{p} sits in the {l}.", "{p} works in the {l}.", "{p} walked to the {l}.",
        "{p} stayed in the {l}.", "one finds {p} in the {l}.", "{p} stands in the {l}.",
    ];

    static readonly string[] Has =
    [
        "{p} has the {o}.", "{p} carries the {o}.", "{p} found the {o}.", "{p} took the {o}.", "{p} holds the {o}.", "{p} picked up the {o}.", "{p} keeps the {o}.",
        "the {o} belongs to {p}.", "{p} bought the {o}.", "{p} brought the {o}.",
    ];

    static readonly string[] Knows =
    [
        "{p} is a friend of {q}.", "{q} is the best friend of {p}.", "{p} likes {q}.", "{p} is a cousin of {q}.", "{p} often visits {q}.", "{p} plays with {q}.", "{p} writes letters to {q}.",
        "{p} trusts {q}.", "{p} sings with {q}.", "{p} admires {q}.",
    ];

    static readonly string[] WhereIs =
    [
        "where is {p}?", "where can one find {p}?", "in which place is {p}?", "tell me where {p} is.", "where should one look for {p}?", "what is the place where {p} is?", "do you know where {p} is?",
        "in what place would one meet {p}?", "which place is {p} in?", "please say where {p} can be found.",
    ];

    static readonly string[] WhoHas =
    [
        "who has the {o}?", "with whom is the {o}?", "tell me who has the {o}.", "who is the one with the {o}?", "which person has the {o}?", "do you know who has the {o}?", "who holds the {o} now?",
        "in whose hands is the {o}?", "please name the one who has the {o}.", "whose is the {o} now?",
    ];

    static readonly string[] WhereIsThing =
    [
        "where is the {o}?", "where can one find the {o}?", "in which place is the {o}?", "tell me where the {o} is.", "where should one look for the {o}?", "what is the place where the {o} is?",
        "do you know where the {o} is?", "in what place would one see the {o}?", "which place is the {o} in?", "please say where the {o} can be found.",
    ];

    /// <summary>The place of the one who has the thing, and who has the thing in that place: both need two of the sentences.</summary>
    static readonly string[] WhoIsAt =
    [
        "what does the one in the {l} have?", "which thing is in the {l}?", "tell me which thing is in the {l}.", "what can one find in the {l}?", "what is there in the {l}?", "which thing could one see in the {l}?",
        "do you know what is in the {l}?", "what would one find in the {l}?", "please name the thing in the {l}.", "what has the one who is in the {l}?",
    ];

    /// <summary>A text and a question about it. Three to five people, their places and things, in any order; the sentence that answers is seldom the last.</summary>
    /// <remarks>One hop: one sentence answers; two: two sentences are needed.</remarks>
    public static TaskItem Make(WorldDefinition world, BookNames names, int hops, Split split, ref StoryRandom random)
    {
        int people = 3 + random.Below(3);
        var persons = Distinct(people, names, world, ref random);
        var places = DistinctWords(world.Words["landmark"], people, ref random);
        var things = DistinctWords(world.Words["toy"], people, ref random);
        int who = random.Below(people);
        // Each person: where, and what; one line that speaks of two people and answers nothing.
        var lines = new List<(string Text, int Person)>();
        for (int i = 0; i < people; i++)
        {
            lines.Add((Fill(Template(At, split, ref random), persons[i], "", places[i], ""), i));
            lines.Add((Fill(Template(Has, split, ref random), persons[i], "", "", things[i]), i));
        }
        int one = random.Below(people), two = (one + 1 + random.Below(people - 1)) % people;
        lines.Add((Fill(Template(Knows, split, ref random), persons[one], persons[two], "", ""), -1));
        Shuffle(lines, ref random);
        // "The last name mentioned" should not do: nine times in ten another's line ends the text.
        if (lines[^1].Person == who && random.Chance(90))
        {
            int other = lines.FindIndex(l => l.Person >= 0 && l.Person != who);
            (lines[^1], lines[other]) = (lines[other], lines[^1]);
        }
        var text = string.Join(' ', lines.Select(l => l.Text));
        var (template, answer, candidates) = (hops, random.Below(2)) switch
        {
            (1, 0) => (Fill(Template(WhereIs, split, ref random), persons[who], "", "", ""), places[who], places),
            (1, _) => (Fill(Template(WhoHas, split, ref random), "", "", "", things[who]), persons[who], persons),
            (_, 0) => (Fill(Template(WhereIsThing, split, ref random), "", "", "", things[who]), places[who], places),
            _ => (Fill(Template(WhoIsAt, split, ref random), "", "", places[who], ""), things[who], things),
        };
        var last = candidates.MaxBy(c => text.LastIndexOf(c, StringComparison.Ordinal))!;
        return new(new Conversation([new(Role.User, text + "\n" + template)]), answer, candidates, new Dictionary<string, string> { ["last name mentioned"] = last });
    }

    /// <summary>A long text in which one line tells where someone is: it stands at a given place, the rest speaks of others.</summary>
    /// <param name="world">Names and words.</param>
    /// <param name="names">Whose names.</param>
    /// <param name="place">Of the line that answers: 0 first, 1 last.</param>
    /// <param name="split">Of the templates.</param>
    /// <param name="random">Draws.</param>
    public static TaskItem Long(WorldDefinition world, BookNames names, double place, Split split, ref StoryRandom random)
    {
        const int Most = 12;
        int people = Math.Min(Most, Math.Min(world.Words["landmark"].Length, world.Words["toy"].Length) / 2); // a user's world may have few words
        var (persons, places) = (Distinct(people, names, world, ref random), DistinctWords(world.Words["landmark"], people, ref random));
        var lines = new List<(string Text, int Person)>();
        for (int i = 1; i < people; i++) lines.Add((Fill(Template(At, split, ref random), persons[i], "", places[i], ""), i));
        Shuffle(lines, ref random);
        lines.Insert((int)Math.Round(place * lines.Count), (Fill(Template(At, split, ref random), persons[0], "", places[0], ""), 0));
        var text = string.Join(' ', lines.Select(l => l.Text));
        return new(new Conversation([new(Role.User, text + "\n" + Fill(Template(WhereIs, split, ref random), persons[0], "", "", ""))]), places[0], places,
            new Dictionary<string, string> { ["last name mentioned"] = places[lines[^1].Person] });
    }

    static string Template(string[] templates, Split split, ref StoryRandom random) => templates[split == Split.Train ? random.Below(7) : 7 + random.Below(3)];

    static string Fill(string template, string p, string q, string l, string o)
    {
        var text = template.Replace("{p}", p).Replace("{q}", q).Replace("{l}", l).Replace("{o}", o);
        return char.ToUpperInvariant(text[0]) + text[1..];
    }

    static string[] Distinct(int count, BookNames names, WorldDefinition world, ref StoryRandom random)
    {
        var result = new List<string>();
        var pool = names == BookNames.Nonce ? [] : world.StoryNames(names == BookNames.Seen ? Split.Train : Split.HeldOut);
        while (result.Count < count)
        {
            var name = names == BookNames.Nonce ? Nonce(ref random) : pool[random.Below(pool.Length)].Name;
            // No name is a part of another one, or the last mention could not be told.
            if (!result.Any(r => r.Contains(name) || name.Contains(r))) result.Add(name);
        }
        return [.. result];
    }

    static string[] DistinctWords(Word[] words, int count, ref StoryRandom random)
    {
        var result = new List<string>();
        while (result.Count < count)
            if (words[random.Below(words.Length)].ToString() is var word && !result.Any(r => r.Contains(word) || word.Contains(r))) result.Add(word);
        return [.. result];
    }

    /// <summary>Four to seven letters in no order a name maker would choose: "Xuqzo".</summary>
    static string Nonce(ref StoryRandom random)
    {
        var name = new StringBuilder();
        int length = 4 + random.Below(4);
        for (int i = 0; i < length; i++) name.Append(i % 2 == 0 ? "xzqjvkwbpf"[random.Below(10)] : random.Chance(60) ? "uoyia"[random.Below(5)] : "zxkqv"[random.Below(5)]);
        name[0] = char.ToUpperInvariant(name[0]);
        return name.ToString();
    }

    internal static void Shuffle<T>(IList<T> list, ref StoryRandom random)
    {
        for (int i = list.Count - 1; i > 0; i--)
        {
            int j = random.Below(i + 1);
            (list[i], list[j]) = (list[j], list[i]);
        }
    }
}
