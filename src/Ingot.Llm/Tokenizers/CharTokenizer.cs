using System.Text;
using System.Text.Json;

namespace Ingot.Llm.Tokenizers;

/// <summary>One token a Unicode code point: the code points of a text, sorted; the id is the place in that order.</summary>
public sealed class CharTokenizer : ITokenizer
{
    readonly Rune[] vocabulary;
    readonly Dictionary<Rune, int> idOf = [];

    CharTokenizer(Rune[] vocabulary)
    {
        this.vocabulary = vocabulary;
        for (int i = 0; i < vocabulary.Length; i++) idOf[vocabulary[i]] = i;
    }

    public int VocabularySize => vocabulary.Length;

    /// <summary>The vocabulary of exactly what occurs in the text.</summary>
    /// <exception cref="IngotException">The text is empty.</exception>
    public static CharTokenizer Train(string text)
    {
        if (text.Length == 0) throw new IngotException("a vocabulary cannot be made from an empty text");
        var seen = new HashSet<Rune>();
        foreach (var r in text.EnumerateRunes()) seen.Add(r);
        return new([.. seen.Order()]);
    }

    public int[] Encode(string text)
    {
        var result = new List<int>(text.Length);
        int at = 0;
        foreach (var r in text.EnumerateRunes())
        {
            if (!idOf.TryGetValue(r, out int id))
                throw new IngotException($"the character {Describe(r)} at position {at} does not occur in the text this model was trained on; leave it out");
            result.Add(id);
            at++;
        }
        return [.. result];
    }

    public string Decode(ReadOnlySpan<int> ids)
    {
        var text = new StringBuilder(ids.Length);
        foreach (int t in ids)
        {
            if (t < 0 || t >= vocabulary.Length) throw new IngotException($"token {t} is not in a vocabulary of {vocabulary.Length}");
            text.Append(vocabulary[t].ToString());
        }
        return text.ToString();
    }

    /// <summary>{"kind": "char", "vocabulary": "..."}: the vocabulary as one string, in the order of the ids.</summary>
    public string ToJson() => JsonSerializer.Serialize(new Saved("char", string.Concat(vocabulary.Select(r => r.ToString()))), JsonSerializerOptions.Web);

    /// <exception cref="FormatException">Not what <see cref="ToJson"/> writes.</exception>
    public static CharTokenizer FromJson(string json, string path)
    {
        Saved? saved;
        try { saved = JsonSerializer.Deserialize<Saved>(json, JsonSerializerOptions.Web); }
        catch (JsonException e) { throw new FormatException($"{path} is not a tokenizer file: {e.Message}", e); }
        if (saved is not { Kind: "char", Vocabulary.Length: > 0 }) throw new FormatException($"{path} is not a tokenizer file: \"kind\" must be \"char\" and \"vocabulary\" not empty");
        Rune[] runes = [.. saved.Vocabulary.EnumerateRunes()];
        if (runes.Distinct().Count() != runes.Length) throw new FormatException($"{path} is not a tokenizer file: its vocabulary has a character twice");
        return new(runes);
    }

    static string Describe(Rune r) => Rune.IsControl(r) || Rune.IsWhiteSpace(r) ? $"U+{r.Value:X4}" : $"'{r}' (U+{r.Value:X4})";

    sealed record Saved(string Kind, string Vocabulary);
}
