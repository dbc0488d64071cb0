using System.Text;

namespace Ingot.Llm.Corpus.World;

/// <summary>A story and what it was asked to be about.</summary>
/// <param name="Text">Three lines: how it begins, what happens, how it ends.</param>
/// <param name="Kind">What the hero is: "fox", "girl".</param>
/// <param name="Name">The hero's name.</param>
/// <param name="Thing">The thing the story turns on.</param>
public sealed record StoryRecord(string Text, string Kind, string Name, string Thing);

/// <summary>
/// Writes the stories of stories.txt: a hero, a friend and someone who helps; a thing; and one of six families of plots. Much faster than composing strings
/// (40 to 90 MB/s on two busy cores of 2021), since everything is bytes from the start.
/// </summary>
sealed class StoryTeller
{
    static readonly string[] Families = ["lost", "broken", "gift", "learn", "rescue", "journey"];

    readonly Telling telling;
    readonly Grammar.Rule opening, companion, scene, lesson, closing;
    readonly Grammar.Rule[][] families; // [family][problem, effort, help, end]
    readonly int hero, friend, helper, thing, where;
    readonly Word[] kinds, jobs, toys, landmarks;
    readonly (byte[] Name, bool IsFemale)[] names;
    readonly Word girl = Word.Noun("girl"), boy = Word.Noun("boy");
    readonly Split split;

    public StoryTeller(WorldDefinition world, Split split)
    {
        var words = world.Words;
        var grammar = world.Stories;
        telling = new(grammar, words, split);
        this.split = split;
        (opening, companion, scene, lesson, closing) = (grammar["opening"], grammar["companion"], grammar["scene"], grammar["lesson"], grammar["closing"]);
        families = [.. Families.Select(f => new[] { grammar[f + ".problem"], grammar[f + ".effort"], grammar[f == "broken" ? "help.tools" : f + ".help"], grammar[f + ".end"] })];
        (hero, friend, helper, thing, where) = (grammar.Variable("hero"), grammar.Variable("friend"), grammar.Variable("helper"), grammar.Variable("thing"), grammar.Variable("where"));
        (kinds, jobs, toys, landmarks) = (words["kind"], words["job"], words["toy"], words["landmark"]);
        names = [.. world.StoryNames(split).Select(n => (Encoding.UTF8.GetBytes(n.Name), n.IsFemale))];
    }

    /// <summary>What was told since <see cref="Clear"/>.</summary>
    public ReadOnlySpan<byte> Bytes => telling.Bytes;

    /// <summary>The entropy of the choices made since <see cref="Clear"/>, in bits; an upper bound on the text's.</summary>
    public double Bits => telling.Bits;

    public void Clear() => telling.Clear();

    /// <summary>A grammar with the variables that a story sets before it begins.</summary>
    internal static Grammar Compile(WordLists words) => Grammar.Parse(WorldText.Read("stories.txt"), words.All, "hero", "friend", "helper", "thing", "where", "deed", "object");

    /// <summary>Tells one story; a line feed ends it, and another one where a story follows.</summary>
    public void Tell(StoryRandom random, bool separated = false)
    {
        telling.Begin(random);
        telling[hero] = NewCharacter();
        do telling[friend] = NewCharacter(); while (telling[friend]![0].SequenceEqual(telling[hero]![0]));
        var job = telling.Pick(jobs);
        do telling[helper] = Word.Character(telling.Pick(names).Name, job, false); while (telling[helper]![0].SequenceEqual(telling[hero]![0]) || telling[helper]![0].SequenceEqual(telling[friend]![0]));
        (telling[thing], telling[where]) = (telling.Pick(toys), telling.Pick(landmarks));

        int family = telling.Random.Below(families.Length);
        var parts = families[family];
        Span<int> skeleton = stackalloc int[5];
        do
        {
            skeleton[0] = telling.Random.Below(opening.Alternatives.Length);
            for (int i = 0; i < 4; i++) skeleton[i + 1] = telling.Random.Below(parts[i].Alternatives.Length);
        }
        while (HoldOut.Skeleton(family, skeleton) != (split == Split.HeldOut));
        telling.Spend(Math.Log2(families.Length) + opening.Bits + parts.Sum(p => p.Bits));

        telling.Write(opening, skeleton[0]);
        telling.Write(companion);
        telling.EndParagraph();
        telling.Write(parts[0], skeleton[1]);
        telling.Write(parts[1], skeleton[2]);
        if (telling.Random.Chance(50)) telling.Write(scene);
        telling.Spend(1);
        telling.EndParagraph();
        telling.Write(parts[2], skeleton[3]);
        telling.Write(parts[3], skeleton[4]);
        telling.Write(lesson);
        telling.Write(closing);
        telling.EndParagraph();
        if (separated) telling.EndParagraph();
    }

    /// <summary>One story with what it is about.</summary>
    public StoryRecord TellOne(StoryRandom random)
    {
        Clear();
        Tell(random);
        return new(Encoding.UTF8.GetString(Bytes).TrimEnd('\n'), telling[hero]!.ToString(4), telling[hero]!.ToString(), telling[thing]!.ToString());
    }

    Word NewCharacter()
    {
        var (name, isFemale) = telling.Pick(names);
        telling.Spend(1);
        return Word.Character(name, telling.Random.Chance(50) ? isFemale ? girl : boy : telling.Pick(kinds), isFemale);
    }
}
