using System.Text;

namespace Ingot.Llm.Corpus.World;

/// <summary>A word and the forms in which a text may need it, as UTF-8 bytes, since texts are written as bytes.</summary>
/// <remarks>Forms of a noun: one, many. Of a verb: plain, past, -ing. Of someone: name, he, him, his, kind.</remarks>
sealed class Word(params byte[][] forms)
{
    static readonly byte[][] Her = [.. new[] { "she", "her", "her" }.Select(Encoding.UTF8.GetBytes)], His = [.. new[] { "he", "him", "his" }.Select(Encoding.UTF8.GetBytes)];

    public Word(string one, string two, params ReadOnlySpan<string> more) : this([.. new[] { one, two }.Concat(more.ToArray()).Select(Encoding.UTF8.GetBytes)]) { }

    /// <summary>The form a name after the colon stands for: {thing:many}.</summary>
    public static int Form(string name) => name switch
    {
        "" => 0,
        "many" or "past" or "he" => 1,
        "ing" or "him" => 2,
        "his" => 3,
        "kind" => 4,
        _ => throw new FormatException($"no form is called '{name}'; there are: many, past, ing, he, him, his, kind"),
    };

    public ReadOnlySpan<byte> this[int form] => forms[form];

    /// <summary>Of the plain form.</summary>
    public ulong Hash { get; private init; }

    /// <summary>Of what someone is.</summary>
    public ulong KindHash { get; private init; }

    public override string ToString() => Encoding.UTF8.GetString(forms[0]);

    public string ToString(int form) => Encoding.UTF8.GetString(forms[form]);

    /// <summary>Someone with a name; the kind is a noun.</summary>
    public static Word Character(byte[] name, Word kind, bool isFemale)
    {
        var forms = isFemale ? Her : His;
        return new(name, forms[0], forms[1], forms[2], kind.Plain) { KindHash = kind.Hash };
    }

    byte[] Plain => forms[0];

    /// <summary>"box" or "mouse/mice".</summary>
    public static Word Noun(string entry)
    {
        var parts = entry.Replace('_', ' ').Split('/');
        return new(parts[0], parts.Length > 1 ? parts[1] : Many(parts[0])) { Hash = HoldOut.Hash(Encoding.UTF8.GetBytes(parts[0])) };
    }

    /// <summary>"walk", "stop/stopped", "run/ran/running".</summary>
    public static Word Verb(string entry)
    {
        var parts = entry.Replace('_', ' ').Split('/');
        // The particle of "hang up" stays behind the verb: "hunted for".
        int space = parts[0].IndexOf(' ', StringComparison.Ordinal);
        string verb = space < 0 ? parts[0] : parts[0][..space], rest = space < 0 ? "" : parts[0][space..];
        string past = parts.Length > 1 ? parts[1] : Past(verb) + rest;
        return new(parts[0], past, parts.Length > 2 ? parts[2] : Ing(verb, past) + rest) { Hash = HoldOut.Hash(Encoding.UTF8.GetBytes(parts[0])) };
    }

    static string Many(string noun) =>
        EndsInConsonantY(noun) ? noun[..^1] + "ies" : noun.EndsWith('s') || noun.EndsWith('x') || noun.EndsWith("ch") || noun.EndsWith("sh") ? noun + "es" : noun + "s";

    static string Past(string verb) => verb.EndsWith('e') ? verb + "d" : EndsInConsonantY(verb) ? verb[..^1] + "ied" : verb + "ed";

    static string Ing(string verb, string past)
    {
        // A doubled letter in the past (stopped) is doubled here, too.
        if (past.StartsWith(verb + verb[^1] + "ed")) return verb + verb[^1] + "ing";
        if (verb.EndsWith("ie")) return verb[..^2] + "ying";
        return (verb.EndsWith('e') && !verb.EndsWith("ee") && !verb.EndsWith("oe") && !verb.EndsWith("ye") ? verb[..^1] : verb) + "ing";
    }

    static bool EndsInConsonantY(string s) => s.EndsWith('y') && s.Length > 1 && !"aeiou".Contains(s[^2]);
}
