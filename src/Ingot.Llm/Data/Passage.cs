using Ingot.Llm.Chat;
using Ingot.Llm.Corpus;
using Ingot.Llm.Corpus.World;

namespace Ingot.Llm.Data;

/// <summary>Some sentences of a text, and the exercises that can be made of any text: what comes next, which word is missing, which word follows.</summary>
sealed class Passage
{
    /// <summary>Characters: so that a passage and a question about it fit into a small model's context.</summary>
    const int Longest = 500, LongestSentence = 240;

    const string Gap = "____";

    static readonly string[] NextRequests = ["Continue this text:\n{0}", "What comes next?\n{0}", "How does this go on?\n{0}"];

    readonly IReadOnlyList<string> sentences;

    Passage(IReadOnlyList<string> sentences) => this.sentences = sentences;

    public string Text => string.Join(' ', sentences);

    /// <summary>Sentences that follow each other from a random place of a text.</summary>
    public static Passage From(string text, ref StoryRandom random)
    {
        const int window = 3 * Longest;
        int start = text.Length <= window ? 0 : random.Below(text.Length - window);
        var found = Sentences(text.AsSpan(start, Math.Min(window, text.Length - start)));
        // The first may have begun before the window, the last ended behind it.
        if (start > 0 && found.Count > 1) found.RemoveAt(0);
        if (start + window < text.Length && found.Count > 1) found.RemoveAt(found.Count - 1);
        int first = random.Below(Math.Max(1, found.Count - 3)), length = 0;
        return new([.. found.Skip(first).TakeWhile(s => (length += s.Length) <= Longest)]);
    }

    /// <summary>Lines, cut behind full stops, question and exclamation marks; very long ones where a word ends.</summary>
    internal static List<string> Sentences(ReadOnlySpan<char> text)
    {
        var sentences = new List<string>();
        int start = 0;
        for (int i = 0; i < text.Length; i++)
        {
            bool isEnd = text[i] == '\n' || (text[i] is '.' or '!' or '?' or '。' or '"' or '”' && (i + 1 == text.Length || char.IsWhiteSpace(text[i + 1]) || text[i] == '。')
                && (text[i] is not ('"' or '”') || (i > 0 && text[i - 1] is '.' or '!' or '?')));
            bool isLong = i - start >= LongestSentence && char.IsWhiteSpace(text[i]) || i - start >= 2 * LongestSentence && !char.IsLowSurrogate(text[Math.Min(i + 1, text.Length - 1)]);
            if (!isEnd && !isLong) continue;
            Add(text[start..(i + 1)]);
            start = i + 1;
        }
        Add(text[start..]);
        return sentences;

        void Add(ReadOnlySpan<char> sentence)
        {
            if (sentence.Trim() is { Length: > 1 } trimmed) sentences.Add(trimmed.ToString());
        }
    }

    /// <summary>The begin of the passage, and the sentence that follows it.</summary>
    public (string Prompt, string Answer)? Next(ref StoryRandom random)
    {
        if (sentences.Count < 2) return null;
        int cut = 1 + random.Below(sentences.Count - 1);
        return (string.Format(null, NextRequests[random.Below(NextRequests.Length)], string.Join(' ', sentences.Take(cut))), sentences[cut]);
    }

    /// <summary>A sentence with a gap, and the word that is missing; nothing else says which.</summary>
    public (string Prompt, string Answer)? MissingWord(ref StoryRandom random)
    {
        if (sentences.Count == 0 || WithGap(sentences[random.Below(sentences.Count)], ref random) is not { } gap) return null;
        return ($"Which word is missing?\n{gap.Sentence}", gap.Word);
    }

    /// <summary>A question that the passage in the prompt answers with one word: the one in a gap, or the one behind two others.</summary>
    public TaskItem? OpenBookQuestion(ref StoryRandom random)
    {
        if (sentences.Count < 2) return null;
        string text = Text;
        var words = Words(text);
        if ((random.Chance(50) ? Filled(ref random) : Following(words, ref random)) is not { } asked) return null;
        // Among the words of the passage, by likelihood.
        var others = words.Where(w => w.Length >= 3 && !AnswerText.Matches(w, asked.Answer)).DistinctBy(AnswerText.Plain).ToList();
        if (others.Count < 3) return null;
        OpenBook.Shuffle(others, ref random);
        List<string> choices = [.. others.Take(3), asked.Answer];
        OpenBook.Shuffle(choices, ref random);
        return new(new([new(Role.User, $"{text}\n{asked.Question}")]), asked.Answer, choices, new Dictionary<string, string> { ["longest word"] = words.MaxBy(w => w.Length)! });
    }

    (string Question, string Answer)? Filled(ref StoryRandom random)
    {
        string sentence = sentences[random.Below(sentences.Count)];
        if (WithGap(sentence, ref random) is not { } gap) return null;
        // Another sentence that differs in that word alone would make two answers right.
        int at = gap.Sentence.IndexOf(Gap, StringComparison.Ordinal);
        string before = gap.Sentence[..at], after = gap.Sentence[(at + Gap.Length)..];
        return sentences.Count(s => s.StartsWith(before, StringComparison.Ordinal) && s.EndsWith(after, StringComparison.Ordinal)) == 1 ? ($"Fill the gap: {gap.Sentence}", gap.Word) : null;
    }

    static (string Question, string Answer)? Following(List<string> words, ref StoryRandom random)
    {
        if (words.Count < 8) return null;
        int at = random.Below(words.Count - 2);
        string first = words[at], second = words[at + 1], answer = words[at + 2];
        if (answer.Length < 3) return null;
        for (int i = 0; i + 1 < words.Count; i++)
            if (i != at && words[i].Equals(first, StringComparison.OrdinalIgnoreCase) && words[i + 1].Equals(second, StringComparison.OrdinalIgnoreCase)) return null;
        return ($"Which word follows \"{first} {second}\"?", answer);
    }

    static (string Sentence, string Word)? WithGap(string sentence, ref StoryRandom random)
    {
        var places = WordPlaces(sentence).Where(p => p.Length >= 3).ToList();
        if (places.Count < 3) return null;
        var (start, length) = places[1 + random.Below(places.Count - 1)]; // not the first: its capital tells
        return (string.Concat(sentence.AsSpan(0, start), Gap, sentence.AsSpan(start + length)), sentence.Substring(start, length));
    }

    static List<string> Words(string text) => [.. WordPlaces(text).Select(p => text.Substring(p.Start, p.Length))];

    /// <summary>Runs of letters and digits; an apostrophe or hyphen between two of them belongs to the word.</summary>
    static List<(int Start, int Length)> WordPlaces(string text)
    {
        var places = new List<(int, int)>();
        for (int i = 0; i < text.Length; i++)
        {
            if (!char.IsLetterOrDigit(text[i])) continue;
            int start = i;
            while (i < text.Length && (char.IsLetterOrDigit(text[i]) || (text[i] is '\'' or '’' or '-' && i + 1 < text.Length && char.IsLetterOrDigit(text[i + 1])))) i++;
            places.Add((start, i - start));
        }
        return places;
    }
}
