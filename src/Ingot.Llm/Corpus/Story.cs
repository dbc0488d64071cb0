using System.Text;
using static Ingot.Llm.Corpus.StoryWords;

namespace Ingot.Llm.Corpus;

/// <summary>
/// Tells one story: a hero and a friend, a wish, something in the way and its cause, help, and an ending that follows from it.
/// The plots are in Story.Plots.cs; here are the sentences that any plot may use, and the small grammar under them.
/// </summary>
sealed partial class Story
{
    readonly Character hero, friend;
    readonly string worker; // "the old baker"
    readonly StringBuilder text = new();
    StoryRandom random;
    bool friendIsKnown;

    public Story(StoryRandom random)
    {
        this.random = random;
        hero = NewCharacter();
        do friend = NewCharacter(); while (friend.Name == hero.Name || friend.Kind == hero.Kind && hero.Kind is not ("girl" or "boy"));
        worker = $"the {Pick(WorkerTraits)} {Pick(Workers)}";
    }

    public string Tell()
    {
        Opening();
        Action<Story> plot = Plots[random.Below(Plots.Length)];
        plot(this);
        Ending();
        return text.ToString();
    }

    // ---- sentences for any plot ----

    void Opening()
    {
        string home = $"{A($"{Pick(HomeTraits)} {Pick(Homes)}")} {Pick(Whereabouts)}";
        string who = $"{A($"{Pick(Traits)} {(random.Chance(50) ? "little " : random.Chance(30) ? "young " : "")}{hero.Kind}")} named {hero}";
        Say(random.Below(5) switch
        {
            0 => $"once upon a time, in {home}, there lived {who}",
            1 => $"there once was {who} who lived in {home}",
            2 => $"in {home} lived {who}",
            3 => $"{who} lived in {home}",
            _ => $"long ago, {who} had a home in {home}",
        });
        int about = random.Below(5);
        friendIsKnown = about is 2 or 3;
        var (trait, trait2) = PickTwo(Traits);
        Say(about switch
        {
            0 => $"{hero} loved {Pick(Pastimes)} {Pick(Occasions)}",
            1 => $"nothing made {hero} as {Pick("happy", "glad", "cheerful")} as {Pick(Pastimes)} {Pick(Occasions)}",
            2 => $"{Pick(Occasions)}, {hero} liked {Pick(Pastimes)} with {hero.His} friend {friend}, {A($"{Pick(Traits)} {friend.Kind}")}",
            3 => $"{hero} had a friend, {A($"{Pick(Traits)} {friend.Kind}")} named {friend}, and together they enjoyed {Pick(Pastimes)}",
            _ => $"everyone knew that {hero} was {trait} and {trait2}, and that {hero.He} was always {Pick(Pastimes)}",
        });
        if (random.Chance(35)) Scenery();
    }

    void Scenery()
    {
        var ((who, did), (who2, did2)) = (Pick(Nature), Pick(Nature));
        if (who == who2) (who2, did2) = ("the wind", ["blew", "was still", "played with the grass", "turned cold", "sang in the chimney"]);
        Say(random.Below(4) switch
        {
            0 => $"it was {A($"{Pick(Weather)} {Pick(DayTimes)}")}, and {who} {Pick(did)}",
            1 => $"{who} {Pick(did)} and {who2} {Pick(did2)}",
            2 => $"while {who} {Pick(did)}, {who2} {Pick(did2)}",
            _ => $"{who} {Pick(did)} {Pick(Whereabouts)}",
        });
    }

    /// <summary>They go somewhere; the name of whoever goes is the subject.</summary>
    void Travel(string who, (string At, string Place) to)
    {
        string road = Pick(Roads), went = Pick(Went);
        Say(random.Below(4) switch
        {
            0 => $"so {who} {went} {road} to {to.Place}",
            1 => $"{road}, {who} {went} {Pick("all the way", "without a stop", "as fast as the wind", "step by step")} to {to.Place}",
            2 => $"{who} {went} {road} and {Pick(Roads.Where(r => r != road).ToArray())} until {to.Place} came into view",
            _ => $"{Pick("soon", "then", "after a while", "at last")}, {who} {went} {road} and came to {to.Place}",
        });
    }

    void Feel(Character who, string because, params string[] moods)
    {
        string mood = Pick(moods.Length > 0 ? moods : BadFeelings);
        Say(random.Below(4) switch
        {
            0 => $"{who} was {mood} because {because}",
            1 => $"because {because}, {who} felt {mood}",
            2 => $"{who} felt {mood}, for {because}",
            _ => $"{because}, and that made {who} {mood}",
        });
    }

    /// <summary>Someone says something. The words are a clause without a final stop.</summary>
    void Speak(string who, string words)
    {
        string said = Pick(Said);
        bool hasAdverb = random.Chance(40);
        string how = hasAdverb ? " " + Pick(said is "cried" or "called" or "shouted" or "laughed" ? LoudAdverbs : Adverbs) : "";
        bool asks = words.EndsWith('?');
        if (asks) said = Pick("asked", "wondered", "asked", "said");
        text.Append(text.Length == 0 || text[^1] == '\n' ? "" : " ");
        text.Append(random.Below(3) switch
        {
            0 when !asks => $"{Capital(who)} {said}{how}, \"{Capital(words)}.\"",
            1 when !asks => $"\"{Capital(words)},\" {who} {said}{how}.",
            _ => asks ? $"\"{Capital(words)}\" {said} {who}{how}." : $"\"{Capital(words)},\" {said} {who}{how}.",
        });
    }

    void Ending()
    {
        NextPart();
        var (lesson, claims) = Pick(Lessons);
        string and = random.Chance(50) ? $"{hero} and {friend}" : hero.Name, that = $"that {lesson} {Pick(claims)}";
        string good = Pick(GoodFeelings);
        var (closing, closing2) = PickTwo(Closings);
        Say(random.Below(4) switch
        {
            0 => $"that {Pick("evening", "night")}, {and} {Pick(Closings)} and felt {good}",
            1 => $"back at home, {and} {closing} while {hero.His} {Pick(Elders)} {closing2}",
            2 => $"when the {Pick(Weather)} day was over, {and} {Pick(Closings)}",
            _ => $"{and} went home {Pick(Roads)} and {Pick(Closings)}",
        });
        Say(random.Below(5) switch
        {
            0 => $"from that day on, {hero} knew {that}",
            1 => $"{hero} had learned {that}, and {hero.He} told {friend} so",
            2 => $"and whenever {hero} {Pick("saw", "thought of", "passed", "dreamed of")} {Pick(Places).Place}, {hero.He} remembered {that}",
            3 => $"\"now I know {that},\" {hero} {Pick("said", "whispered", "thought", "wrote")}, and {friend} {Pick("nodded", "smiled", "laughed", "agreed")}",
            _ => $"{hero.His} {Pick(Elders)} {Pick("smiled", "nodded", "was proud")} and told {hero} {that}",
        });
        if (random.Chance(30)) Say($"{hero} and {friend} {Pick("stayed friends", "were never lonely", "went back many times", "often laughed about it")}, and {hero.He} {Pick("kept", "loved", "never forgot")} {Pick(Pastimes)} {Pick(Occasions)}");
    }

    // ---- the grammar underneath ----

    Character NewCharacter()
    {
        bool female = random.Chance(50);
        return new(Pick(female ? GirlNames : BoyNames), random.Chance(50) ? female ? "girl" : "boy" : Pick(Animals), female);
    }

    T Pick<T>(params ReadOnlySpan<T> options) => options[random.Below(options.Length)];

    (T, T) PickTwo<T>(T[] options)
    {
        int i = random.Below(options.Length), j = random.Below(options.Length - 1);
        return (options[i], options[j < i ? j : j + 1]);
    }

    /// <summary>"a shiny key", "an old key".</summary>
    static string A(string noun) => (noun[0] is 'a' or 'e' or 'i' or 'o' or 'u' || noun.StartsWith("honest", StringComparison.Ordinal) ? "an " : "a ") + noun;

    static string Capital(string s) => s[0] == '"' ? $"\"{char.ToUpperInvariant(s[1])}{s[2..]}" : char.ToUpperInvariant(s[0]) + s[1..];

    /// <summary>Adds a sentence, with its capital and its full stop.</summary>
    void Say(string sentence)
    {
        if (text.Length > 0 && text[^1] != '\n') text.Append(' ');
        text.Append(Capital(sentence)).Append('.');
    }

    /// <summary>Beginning, middle and end are lines of their own. By the end of the beginning we know the friend.</summary>
    void NextPart()
    {
        if (!friendIsKnown)
            Say(Pick($"{hero.His} best friend was {A($"{Pick(Traits)} {friend.Kind}")} named {friend}", $"{friend}, {A($"{Pick(Traits)} {friend.Kind}")}, lived {Pick(Whereabouts)} and was {hero.His} friend",
                $"{hero} and {friend}, {A($"{Pick(Traits)} {friend.Kind}")}, did everything together"));
        friendIsKnown = true;
        text.Append('\n');
    }
}
