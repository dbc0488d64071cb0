using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ingot.Llm.Chat;

/// <summary>Follows one literal of Python (or JSON), to know where it ends: strings, numbers, True, False, None, lists, tuples, dictionaries.</summary>
sealed class PythonScanner
{
    const int Deepest = 64;

    public static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    readonly Stack<char> open = [];
    char quote;
    bool isEscaped;

    /// <summary>Within a string or brackets, where commas and parentheses are the literal's own.</summary>
    public bool IsOpen => quote != 0 || open.Count > 0;

    /// <returns>False: brackets do not fit, or it is too deep.</returns>
    public bool Next(char c)
    {
        if (quote != 0)
        {
            if (isEscaped) isEscaped = false;
            else if (c == '\\') isEscaped = true;
            else if (c == quote) quote = '\0';
            return true;
        }
        switch (c)
        {
            case '"' or '\'': quote = c; return true;
            case '[' or '{' or '(':
                open.Push(c switch { '[' => ']', '{' => '}', _ => ')' });
                return open.Count <= Deepest;
            case ']' or '}' or ')': return open.TryPop(out char wanted) && wanted == c;
            default: return true;
        }
    }

    /// <summary>A literal as JSON; null if it is none.</summary>
    public static string? ToJson(string literal)
    {
        int at = 0;
        return TryRead(literal, ref at, 0, out var value) && Skip(literal, at) == literal.Length ? value?.ToJsonString(Plain) ?? "null" : null;
    }

    static int Skip(string s, int at)
    {
        while (at < s.Length && char.IsWhiteSpace(s[at])) at++;
        return at;
    }

    static bool TryRead(string s, ref int at, int depth, out JsonNode? value)
    {
        value = null;
        at = Skip(s, at);
        if (at == s.Length || depth > Deepest) return false;
        return s[at] switch
        {
            '"' or '\'' => TryText(s, ref at, out value),
            '[' => TryList(s, ref at, ']', depth, out value),
            '(' => TryList(s, ref at, ')', depth, out value),
            '{' => TryMap(s, ref at, depth, out value),
            _ => TryWord(s, ref at, out value),
        };
    }

    static bool TryWord(string s, ref int at, out JsonNode? value)
    {
        int start = at;
        while (at < s.Length && !char.IsWhiteSpace(s[at]) && s[at] is not (',' or ']' or '}' or ')' or ':')) at++;
        string word = s[start..at];
        value = null;
        switch (word)
        {
            case "None" or "null": return true;
            case "True" or "true": value = true; return true;
            case "False" or "false": value = false; return true;
        }
        string number = word.Replace("_", "", StringComparison.Ordinal).TrimStart('+');
        if (number.StartsWith('.')) number = "0" + number;
        if (number.EndsWith('.')) number += "0";
        if (word.Length is 0 or > 400 || word.StartsWith('_') || word.EndsWith('_')) return false;
        try
        {
            using var json = JsonDocument.Parse(number); // with all of its digits
            if (json.RootElement.ValueKind != JsonValueKind.Number) return false;
            value = JsonNode.Parse(number);
            return true;
        }
        catch (JsonException) { return false; }
    }

    static bool TryList(string s, ref int at, char end, int depth, out JsonNode? value)
    {
        var list = new JsonArray();
        value = list;
        at = Skip(s, at + 1);
        while (at < s.Length && s[at] != end)
        {
            if (!TryRead(s, ref at, depth + 1, out var item)) return false;
            list.Add(item);
            if (!TryComma(s, ref at, end)) return false;
        }
        return at++ < s.Length;
    }

    static bool TryMap(string s, ref int at, int depth, out JsonNode? value)
    {
        var map = new JsonObject();
        value = map;
        at = Skip(s, at + 1);
        while (at < s.Length && s[at] != '}')
        {
            if (!TryRead(s, ref at, depth + 1, out var key) || key is not JsonValue k || !k.TryGetValue(out string? name)) return false;
            at = Skip(s, at);
            if (at == s.Length || s[at++] != ':' || !TryRead(s, ref at, depth + 1, out var item)) return false;
            map[name] = item;
            if (!TryComma(s, ref at, '}')) return false;
        }
        return at++ < s.Length;
    }

    static bool TryComma(string s, ref int at, char end)
    {
        at = Skip(s, at);
        if (at == s.Length || s[at] != ',' && s[at] != end) return false;
        if (s[at] == ',') at = Skip(s, at + 1);
        return true;
    }

    static bool TryText(string s, ref int at, out JsonNode? value)
    {
        char quote = s[at++];
        var text = new StringBuilder();
        value = null;
        while (at < s.Length && s[at] != quote)
        {
            char c = s[at++];
            if (c != '\\')
            {
                text.Append(c);
                continue;
            }
            if (at == s.Length) return false;
            c = s[at++];
            int digits = c switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
            if (digits > 0)
            {
                if (at + digits > s.Length || !uint.TryParse(s.AsSpan(at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint code) || code > 0x10FFFF) return false;
                at += digits;
                if (code < 0x10000) text.Append((char)code);
                else text.Append(char.ConvertFromUtf32((int)code));
            }
            else if (c == '\n') { } // a line that goes on
            else text.Append(c switch { 'n' => "\n", 't' => "\t", 'r' => "\r", 'b' => "\b", 'f' => "\f", '0' => "\0", '\\' or '\'' or '"' or '/' => c.ToString(), _ => "\\" + c });
        }
        value = Sound(text.ToString());
        return at++ < s.Length;
    }

    /// <summary>Half characters, which escapes can make, are no text.</summary>
    static string Sound(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
}
