using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Ingot.Onnx.Operators;

/// <summary>
/// Regular expressions of RE2, which ONNX means, as .NET writes them: \w, \d and \s are ASCII, $ is the very end, [[:alpha:]], \pL, \Q..\E and (?P&lt;name&gt;..) exist.
/// What RE2 does not have, references back and looks around, is refused by <see cref="RegexOptions.NonBacktracking"/>, which takes time linear in the text as RE2 does.
/// </summary>
static class Re2Pattern
{
    /// <summary>What stands inside brackets for each class that a letter names.</summary>
    static readonly Dictionary<char, string> Classes = new()
    {
        ['d'] = "0-9",
        ['D'] = @"\0-/:-\uffff",
        ['w'] = "0-9A-Za-z_",
        ['W'] = @"\0-/:-@\[-\^`{-\uffff",
        ['s'] = @"\t\n\f\r ",
        ['S'] = @"\0-\x08\x0b\x0e-\x1f!-\uffff",
    };

    static readonly Dictionary<string, string> Posix = new(StringComparer.Ordinal)
    {
        ["alnum"] = "0-9A-Za-z",
        ["alpha"] = "A-Za-z",
        ["ascii"] = @"\0-\x7f",
        ["blank"] = @"\t ",
        ["cntrl"] = @"\0-\x1f\x7f",
        ["digit"] = "0-9",
        ["graph"] = "!-~",
        ["lower"] = "a-z",
        ["print"] = " -~",
        ["punct"] = @"!-/:-@\[-`{-~",
        ["space"] = @"\t\n\v\f\r ",
        ["upper"] = "A-Z",
        ["word"] = "0-9A-Za-z_",
        ["xdigit"] = "0-9A-Fa-f",
    };

    /// <summary>An expression that a whole string must match.</summary>
    /// <param name="pattern">As RE2 writes it.</param>
    /// <param name="most">Time for one string.</param>
    /// <exception cref="ArgumentException">It is no regular expression.</exception>
    /// <exception cref="NotSupportedException">It has what RE2 does not have.</exception>
    public static Regex Whole(string pattern, TimeSpan most) => new(@"\A(?:" + Translated(pattern) + @")\z", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, most);

    static string Translated(string pattern)
    {
        var text = new StringBuilder();
        int classStart = -1; // of the class that is open
        for (int at = 0; at < pattern.Length; at++)
        {
            char c = pattern[at];
            bool isInClass = classStart >= 0;
            if (c == '\\' && at + 1 < pattern.Length) at = Escape(pattern, at, isInClass, text);
            else if (!isInClass && c == '[')
            {
                classStart = at + (at + 1 < pattern.Length && pattern[at + 1] == '^' ? 1 : 0);
                text.Append(pattern, at, classStart - at + 1);
                at = classStart;
            }
            else if (isInClass && c == ']' && at > classStart + 1)
            {
                classStart = -1;
                text.Append(c);
            }
            else if (isInClass && c == '[') at = Named(pattern, at, text);
            else if (!isInClass && c == '$' && !pattern.Contains("(?m", StringComparison.Ordinal)) text.Append(@"\z");
            else if (!isInClass && c == '(' && pattern.AsSpan(at).StartsWith("(?P<"))
            {
                text.Append("(?<");
                at += 3;
            }
            else text.Append(c);
        }
        return text.ToString();
    }

    /// <summary>Writes what an escape means.</summary>
    /// <returns>The escape's last character.</returns>
    static int Escape(string pattern, int at, bool isInClass, StringBuilder text)
    {
        char letter = pattern[at + 1];
        if (Classes.TryGetValue(letter, out var members))
        {
            text.Append(isInClass ? members : $"[{members}]");
            return at + 1;
        }
        if (letter is 'p' or 'P' && at + 2 < pattern.Length && pattern[at + 2] != '{')
        {
            text.Append(CultureInfo.InvariantCulture, $@"\{letter}{{{pattern[at + 2]}}}");
            return at + 2;
        }
        if (letter == 'x' && at + 2 < pattern.Length && pattern[at + 2] == '{' && pattern.IndexOf('}', at) is var close && close > at
            && int.TryParse(pattern.AsSpan(at + 3, close - at - 3), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int code) && code is >= 0 and <= 0xffff)
        {
            text.Append(CultureInfo.InvariantCulture, $@"\u{code:x4}");
            return close;
        }
        if (letter == 'Q' && !isInClass)
        {
            int end = pattern.IndexOf(@"\E", at, StringComparison.Ordinal);
            text.Append(Regex.Escape(end < 0 ? pattern[(at + 2)..] : pattern[(at + 2)..end]));
            return end < 0 ? pattern.Length : end + 1;
        }
        text.Append(pattern, at, 2);
        return at + 1;
    }

    /// <summary>A bracket inside a class: [:alpha:] or itself, which .NET would take for a subtraction after a dash.</summary>
    static int Named(string pattern, int at, StringBuilder text)
    {
        int end = pattern.IndexOf(":]", at, StringComparison.Ordinal);
        if (end > at && pattern[at + 1] == ':' && Posix.TryGetValue(pattern[(at + 2)..end], out var members))
        {
            text.Append(members);
            return end + 1;
        }
        text.Append(@"\[");
        return at;
    }
}
