using Ingot.Llm.Chat;

namespace Ingot.Llm.Corpus.World;

/// <summary>A question of an evaluation set.</summary>
/// <param name="Prompt">Ends with the user's turn.</param>
/// <param name="Answer">The one right answer, without a final stop.</param>
/// <param name="Choices">Answers to choose among, the right one included; empty where the answer is free.</param>
/// <param name="Baselines">What simple-minded rules would answer, by their name, such as "last name mentioned".</param>
public sealed record TaskItem(Conversation Prompt, string Answer, IReadOnlyList<string> Choices, IReadOnlyDictionary<string, string> Baselines)
{
    public TaskItem(string question, string answer) : this(new Conversation([new(Role.User, question)]), answer, [], new Dictionary<string, string>()) { }
}

/// <summary>Questions of one kind.</summary>
public sealed record TaskSet(string Name, IReadOnlyList<TaskItem> Items)
{
    /// <summary>The share that always answering the commonest answer would get.</summary>
    public double MajorityBaseline => Items.Count == 0 ? 0 : Items.GroupBy(i => AnswerText.Plain(i.Answer)).Max(g => g.Count()) / (double)Items.Count;

    /// <summary>The share that a baseline of the items would get.</summary>
    public double BaselineAccuracy(string baseline) =>
        Items.Count == 0 ? 0 : Items.Count(i => i.Baselines.TryGetValue(baseline, out var answer) && AnswerText.Matches(answer, i.Answer)) / (double)Items.Count;
}

/// <summary>Two answers to one prompt, of which the first is better.</summary>
public sealed record PreferencePair(Conversation Prompt, string Chosen, string Rejected);

/// <summary>A task whose answers a program can judge: the reward of reinforcement learning.</summary>
/// <param name="Kind">"add", "reverse", ...</param>
/// <param name="Prompt">Ends with the user's turn.</param>
/// <param name="Expected">The right answer.</param>
public sealed record VerifiableTask(string Kind, Conversation Prompt, string Expected)
{
    /// <summary>1 if the last number or the whole text of the answer is what is expected, else 0. Case, spaces and a final stop do not count.</summary>
    public double Reward(string answer) => AnswerText.Matches(answer, Expected) || long.TryParse(Expected, out _) && AnswerText.LastNumber(answer) == Expected ? 1 : 0;
}

/// <summary>When two answers are the same.</summary>
public static class AnswerText
{
    /// <summary>What counts of an answer: lower case, single spaces, no article before it and no stop behind it.</summary>
    public static string Plain(string answer)
    {
        var text = string.Join(' ', answer.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).TrimEnd('.', '!', ' ').ToLowerInvariant();
        foreach (var article in new[] { "the ", "an ", "a " })
            if (text.StartsWith(article, StringComparison.Ordinal)) return text[article.Length..];
        return text;
    }

    public static bool Matches(string answer, string expected) => Plain(answer) == Plain(expected);

    /// <summary>The last whole number of a text, without grouping commas; null if there is none.</summary>
    public static string? LastNumber(string text)
    {
        var plain = text.Replace(",", "");
        int end = plain.Length;
        while (end > 0 && !char.IsAsciiDigit(plain[end - 1])) end--;
        int start = end;
        while (start > 0 && char.IsAsciiDigit(plain[start - 1])) start--;
        if (start == end) return null;
        // "12.5" ends in no whole number.
        if (start > 1 && plain[start - 1] == '.' && char.IsAsciiDigit(plain[start - 2])) return null;
        var digits = plain[start..end].TrimStart('0') is { Length: > 0 } d ? d : "0";
        return start > 0 && plain[start - 1] == '-' && (start == 1 || plain[start - 2] == ' ') ? "-" + digits : digits;
    }
}
