using System.Text.RegularExpressions;

namespace Ingot.Llm.Corpus.World;

/// <summary>What a story does wrong; empty lists: nothing.</summary>
/// <param name="MissingTopics">Words it should have had.</param>
/// <param name="NotIntroduced">Names that act before anybody says who they are.</param>
/// <param name="NotOwned">Things given, lent, held, shown, used, raised or lost by someone who did not have them, as "Mira: lantern".</param>
public sealed record StoryVerdict(IReadOnlyList<string> MissingTopics, IReadOnlyList<string> NotIntroduced, IReadOnlyList<string> NotOwned)
{
    public bool IsConsistent => MissingTopics.Count == 0 && NotIntroduced.Count == 0 && NotOwned.Count == 0;
}

/// <summary>
/// Judges a story without knowing how it was made: is it about what was asked for, is everyone introduced before acting, and does nobody give away or use what they do not have?
/// It reads sentences by rules, so it judges the simple English of the stories, and finds nothing to blame in texts that never speak of who has what.
/// </summary>
public sealed partial class StoryChecker
{
    static readonly HashSet<string> Acquire = ["owned", "had", "found", "bought", "borrowed", "took", "got", "received", "carried", "kept", "has", "picked", "made"];
    static readonly HashSet<string> Transfer = ["gave", "lent", "handed"];
    static readonly HashSet<string> Need = ["gave", "lent", "handed", "held", "showed", "used", "raised", "lost", "waved"];

    readonly HashSet<string> things;

    /// <param name="world">Its word lists say which words are things.</param>
    public StoryChecker(WorldDefinition world) => things = [.. world.Words["goods"].Select(w => w.ToString()).Where(w => !w.Contains(' '))];

    /// <param name="story">The text.</param>
    /// <param name="topics">Words it must have, such as the hero's kind and the thing.</param>
    public StoryVerdict Check(string story, params IReadOnlyList<string> topics)
    {
        var missing = topics.Where(t => !Regex.IsMatch(story, $@"\b{Regex.Escape(t)}", RegexOptions.IgnoreCase)).ToList();
        var introduced = new HashSet<string>();
        var notIntroduced = new List<string>();
        var notOwned = new List<string>();
        var has = new HashSet<(string Who, string Thing)>();
        var others = new HashSet<string>(); // capitalized words that are no names: what starts sentences and also stands in lower case
        foreach (Match lower in LowerWord().Matches(story)) others.Add(lower.Value);
        string? lastName = null;
        foreach (var sentence in Sentences().Split(story))
        {
            var outside = Quoted().Replace(sentence, " ");
            var words = Words().Matches(outside);
            for (int i = 0; i < words.Count; i++)
            {
                string word = words[i].Value;
                if (!IsName(word, i == 0, others)) continue;
                // "the mill of Tulum", "beyond Tulum": a place, which does not act.
                if (i > 0 && words[i - 1].Value is "of" or "near" or "beyond" or "in" or "at" or "from" && !introduced.Contains(word)) continue;
                bool isIntroduction = i > 0 && words[i - 1].Value is "named" or "called" || i > 0 && words[i - 1].Value == "friend" || Introduced(outside, words[i]);
                if (isIntroduction) introduced.Add(word);
                else if (introduced.Count == 0 || !introduced.Contains(word) && IsFollowedByVerb(words, i)) notIntroduced.Add(word);
            }
            Possession(words, introduced, has, notOwned, ref lastName);
        }
        return new(missing, [.. notIntroduced.Distinct()], notOwned);
    }

    /// <summary>"Mira, a kind fox, ...".</summary>
    static bool Introduced(string sentence, Match name) =>
        sentence.AsSpan(name.Index + name.Length).StartsWith(", a ") || sentence.AsSpan(name.Index + name.Length).StartsWith(", an ");

    static bool IsFollowedByVerb(MatchCollection words, int i) => i + 1 < words.Count && (words[i + 1].Value.EndsWith("ed") || Acquire.Contains(words[i + 1].Value) || Need.Contains(words[i + 1].Value) || words[i + 1].Value is "was" or "ran" or "said");

    static bool IsName(string word, bool isFirst, HashSet<string> lowerWords) =>
        char.IsUpper(word[0]) && word.Length > 2 && !NotNames.Contains(word) && (!isFirst || !lowerWords.Contains(word.ToLowerInvariant()) && !Starters.Contains(word));

    static readonly HashSet<string> NotNames =
    [
        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
        "Easter", "Christmas",
    ];

    /// <summary>Words that begin a sentence and are no names, where the story has them nowhere in lower case.</summary>
    static readonly HashSet<string> Starters =
    [
        .. WordLists.BuiltIn["adverb"].Select(w => Capital(w.ToString())), .. WordLists.BuiltIn["number"].Select(w => Capital(w.ToString())),
        "Once", "There", "Far", "Every", "People", "His", "Her", "Nobody", "Nothing", "The", "They", "She", "Then", "When", "While", "After", "Beside", "Near", "Behind", "Past", "Together", "Side", "Next", "Not", "And", "But",
        "With", "Without", "From", "That", "This", "For", "All", "One", "Now", "Under", "Between", "First", "Until", "Before", "Everyone", "Everybody", "Somebody", "Suddenly", "Soon", "Finally", "Later", "Long", "Inside",
        "Outside", "What", "Where", "Who", "Why", "How", "Some", "Many", "Each", "Both", "Even", "Still", "Just", "Only", "Yes", "You", "Our", "Their", "Its", "Your", "These", "Those", "Let",
    ];

    static string Capital(string word) => char.ToUpperInvariant(word[0]) + word[1..];

    /// <summary>Follows who has what: "X found a kite", "X gave the kite to Y", "Y's aunt gave Y a kite", "X lost the kite".</summary>
    void Possession(MatchCollection words, HashSet<string> names, HashSet<(string, string)> has, List<string> notOwned, ref string? lastName)
    {
        string? subject = null;
        for (int i = 0; i < words.Count; i++)
        {
            string word = words[i].Value;
            bool isVerb = Acquire.Contains(word) || Need.Contains(word);
            if (names.Contains(word)) subject = lastName = word;
            else if (word is "he" or "she" or "He" or "She" && lastName is not null) subject = lastName;
            if (!isVerb || i == 0) continue;
            string before = words[i - 1].Value;
            // The subject stands right before the verb; "his aunt gave Mira a kite" has one without a name.
            string? who = names.Contains(before) ? before : before is "he" or "she" or "He" or "She" ? lastName : before == "and" ? subject : null;
            int end = i + 1;
            string? receiver = null, thing = null;
            bool isDefinite = false;
            for (; end < words.Count && end - i <= 8; end++)
            {
                string next = words[end].Value;
                if (Acquire.Contains(next) || Need.Contains(next)) break;
                if (names.Contains(next) && (thing is null || words[end - 1].Value == "to")) receiver = next;
                if (thing is null && next is "the" or "a" or "an") isDefinite = next == "the";
                if (thing is null && things.Contains(next) && (end + 1 == words.Count || !things.Contains(words[end + 1].Value))) thing = next;
                if (thing is not null && receiver is not null) break;
                if (thing is not null && next != "to" && (end + 1 >= words.Count || words[end + 1].Value != "to")) break;
            }
            if (thing is null) continue;
            // Only what the story has spoken of as someone's is followed: "the kettle" of a stranger's kitchen is nobody's.
            if (Need.Contains(word) && who is not null && isDefinite && !has.Contains((who, thing))) notOwned.Add($"{who}: {thing}");
            if (Acquire.Contains(word) && who is not null) has.Add((who, thing));
            if (Transfer.Contains(word) && receiver is not null)
            {
                has.Add((receiver, thing));
                if (who is not null) has.Remove((who, thing));
            }
            if (word == "lost" && who is not null) has.Remove((who, thing));
        }
    }

    [GeneratedRegex("(?<=[.!?][\"]?)\\s+|\\n")]
    private static partial Regex Sentences();

    [GeneratedRegex("\"[^\"]*\"")]
    private static partial Regex Quoted();

    [GeneratedRegex("[A-Za-z'-]+")]
    private static partial Regex Words();

    [GeneratedRegex(@"\b[a-z]+\b")]
    private static partial Regex LowerWord();
}
