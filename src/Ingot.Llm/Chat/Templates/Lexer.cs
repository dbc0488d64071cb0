using System.Globalization;
using System.Text;

namespace Ingot.Llm.Chat.Templates;

enum TokenKind
{
    /// <summary>Text between tags, as it is written out.</summary>
    Data,
    /// <summary>{{</summary>
    OutputBegin,
    OutputEnd,
    /// <summary>{%</summary>
    BlockBegin,
    BlockEnd,
    Name,
    Text,
    Integer,
    Float,
    Operator,
    End,
}

readonly record struct Token(TokenKind Kind, string Text, int Offset)
{
    public bool Is(string op) => Kind == TokenKind.Operator && Text == op;

    public bool IsName(string name) => Kind == TokenKind.Name && Text == name;

    public override string ToString() => Kind switch
    {
        TokenKind.End => "the end of the template",
        TokenKind.OutputEnd or TokenKind.BlockEnd => "the end of the tag",
        TokenKind.Data => "text",
        _ => $"'{Text}'",
    };
}

/// <summary>
/// A template's text to tokens. Whitespace is treated as Hugging Face has it (trim_blocks and lstrip_blocks): the line feed after a block or comment goes, and so
/// do spaces between the beginning of a line and a block or comment; a minus takes all whitespace on its side, a plus keeps it.
/// </summary>
sealed class Lexer
{
    static readonly string[] Operators = ["**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}", ".", ",", ":", "|", ";"];

    readonly string source;
    readonly List<Token> tokens = [];
    int at;

    public Lexer(string source)
    {
        source = source.ReplaceLineEndings("\n");
        this.source = source.EndsWith('\n') ? source[..^1] : source; // Jinja drops one line feed at the end of a file
    }

    /// <summary>Line and column, from 1.</summary>
    public (int Line, int Column) Place(int offset)
    {
        offset = Math.Min(offset, source.Length);
        int line = 1 + source.AsSpan(0, offset).Count('\n');
        return (line, offset - source.AsSpan(0, offset).LastIndexOf('\n'));
    }

    public FormatException Broken(string what, int offset)
    {
        var (line, column) = Place(offset);
        return new($"chat template, line {line}, column {column}: {what}");
    }

    public List<Token> Read()
    {
        bool startsLine = true; // what was taken away before this text ended in a line feed
        while (at < source.Length)
        {
            int tag = NextTag(at);
            var text = source.AsSpan(at, (tag < 0 ? source.Length : tag) - at);
            if (tag < 0)
            {
                AddData(text, at);
                break;
            }
            char kind = source[tag + 1], sign = tag + 2 < source.Length ? source[tag + 2] : '\0';
            AddData(sign == '-' ? text.TrimEnd() : sign == '+' || kind == '{' ? text : WithoutIndent(text, startsLine), at);
            at = tag + 2 + (sign is '-' or '+' ? 1 : 0);
            startsLine = kind switch
            {
                '#' => Comment(tag),
                '%' when IsRaw(out int body) => Raw(tag, body),
                _ => Tag(kind, tag),
            };
        }
        tokens.Add(new(TokenKind.End, "", source.Length));
        return tokens;
    }

    void AddData(ReadOnlySpan<char> text, int offset)
    {
        if (!text.IsEmpty) tokens.Add(new(TokenKind.Data, text.ToString(), offset));
    }

    int NextTag(int from)
    {
        for (int i = from; (i = source.IndexOf('{', i)) >= 0 && i + 1 < source.Length; i++)
            if (source[i + 1] is '{' or '%' or '#') return i;
        return -1;
    }

    static ReadOnlySpan<char> WithoutIndent(ReadOnlySpan<char> text, bool startsLine)
    {
        int line = text.LastIndexOf('\n') + 1;
        return (line > 0 || startsLine) && text[line..].IsWhiteSpace() ? text[..line] : text;
    }

    /// <summary>Takes away the whitespace after a tag that ends here, as its sign says.</summary>
    /// <returns>What was taken away ends in a line feed.</returns>
    bool AfterTag(char sign, bool isBlock)
    {
        int start = at;
        if (sign == '-') while (at < source.Length && char.IsWhiteSpace(source[at])) at++;
        else if (isBlock && sign != '+' && at < source.Length && source[at] == '\n') at++;
        return at > start && source[at - 1] == '\n';
    }

    bool Comment(int tag)
    {
        int end = source.IndexOf("#}", at, StringComparison.Ordinal);
        if (end < 0) throw Broken("a comment that does not end", tag);
        char sign = end > at || source[end - 1] is '-' ? source[end - 1] : '\0';
        at = end + 2;
        return AfterTag(sign, isBlock: true);
    }

    /// <summary>The block that begins here is <c>raw</c>.</summary>
    bool IsRaw(out int body)
    {
        body = at;
        while (body < source.Length && char.IsWhiteSpace(source[body])) body++;
        if (!source.AsSpan(body).StartsWith("raw")) return false;
        body += 3;
        while (body < source.Length && char.IsWhiteSpace(source[body])) body++;
        return source.AsSpan(body) is ['%', '}', ..] or ['-' or '+', '%', '}', ..];
    }

    bool Raw(int tag, int body)
    {
        char sign = source[body];
        at = body + (sign == '%' ? 2 : 3);
        AfterTag(sign, isBlock: false);
        for (int i = at; (i = source.IndexOf("{%", i, StringComparison.Ordinal)) >= 0; i++)
        {
            int name = i + 2;
            char begin = name < source.Length ? source[name] : '\0';
            if (begin is '-' or '+') name++;
            while (name < source.Length && char.IsWhiteSpace(source[name])) name++;
            if (!source.AsSpan(name).StartsWith("endraw")) continue;
            name += 6;
            while (name < source.Length && char.IsWhiteSpace(source[name])) name++;
            if (source.AsSpan(name) is not (['%', '}', ..] or ['-' or '+', '%', '}', ..])) continue;
            var text = source.AsSpan(at, i - at);
            AddData(begin == '-' ? text.TrimEnd() : begin == '+' ? text : WithoutIndent(text, startsLine: false), at);
            char end = source[name];
            at = name + (end == '%' ? 2 : 3);
            return AfterTag(end, isBlock: true);
        }
        throw Broken("a raw block that does not end", tag);
    }

    bool Tag(char kind, int tag)
    {
        bool isBlock = kind == '%';
        char close = isBlock ? '%' : '}';
        tokens.Add(new(isBlock ? TokenKind.BlockBegin : TokenKind.OutputBegin, "", tag));
        var brackets = new Stack<char>();
        while (true)
        {
            while (at < source.Length && char.IsWhiteSpace(source[at])) at++;
            if (at >= source.Length) throw Broken("a tag that does not end", tag);
            char c = source[at];
            int sign = c is '-' or '+' ? 1 : 0;
            if (brackets.Count == 0 && at + sign + 1 < source.Length && source[at + sign] == close && source[at + sign + 1] == '}' && !(c == '+' && !isBlock))
            {
                tokens.Add(new(isBlock ? TokenKind.BlockEnd : TokenKind.OutputEnd, "", at));
                at += sign + 2;
                return AfterTag(sign == 1 ? c : '\0', isBlock);
            }
            if (c == '_' || char.IsLetter(c)) Name();
            else if (char.IsAsciiDigit(c)) Number();
            else if (c is '"' or '\'') Quoted(c);
            else
            {
                string op = Array.Find(Operators, o => string.CompareOrdinal(source, at, o, 0, o.Length) == 0) ?? throw Broken($"unexpected character '{c}'", at);
                if (op is "(" or "[" or "{") brackets.Push(op[0]);
                else if (op is ")" or "]" or "}" && (!brackets.TryPop(out char open) || (open, op[0]) is not (('(', ')') or ('[', ']') or ('{', '}')))) throw Broken($"unexpected '{op}'", at);
                tokens.Add(new(TokenKind.Operator, op, at));
                at += op.Length;
            }
        }
    }

    void Name()
    {
        int start = at;
        while (at < source.Length && (source[at] == '_' || char.IsLetterOrDigit(source[at]))) at++;
        tokens.Add(new(TokenKind.Name, source[start..at], start));
    }

    void Number()
    {
        int start = at;
        void Digits() { while (at < source.Length && (char.IsAsciiDigit(source[at]) || source[at] == '_' && at + 1 < source.Length && char.IsAsciiDigit(source[at + 1]))) at++; }
        Digits();
        bool isFloat = false;
        // A point after a point is an attribute's: "x.0.1" counts items.
        bool isAttribute = tokens[^1].Is(".");
        if (!isAttribute && at + 1 < source.Length && source[at] == '.' && char.IsAsciiDigit(source[at + 1]))
        {
            isFloat = true;
            at++;
            Digits();
        }
        if (!isAttribute && at < source.Length && source[at] is 'e' or 'E')
        {
            int exponent = at + 1;
            if (exponent < source.Length && source[exponent] is '+' or '-') exponent++;
            if (exponent < source.Length && char.IsAsciiDigit(source[exponent]))
            {
                isFloat = true;
                at = exponent;
                Digits();
            }
        }
        tokens.Add(new(isFloat ? TokenKind.Float : TokenKind.Integer, source[start..at].Replace("_", "", StringComparison.Ordinal), start));
    }

    void Quoted(char quote)
    {
        int start = at++;
        var text = new StringBuilder();
        for (; ; at++)
        {
            if (at >= source.Length) throw Broken("a string that does not end", start);
            if (source[at] == quote) break;
            if (source[at] == '\\' && at + 1 < source.Length) Escape(text);
            else text.Append(source[at]);
        }
        at++;
        tokens.Add(new(TokenKind.Text, text.ToString(), start));
    }

    /// <summary>Python's escapes; at the backslash before, at its last character after.</summary>
    void Escape(StringBuilder text)
    {
        int start = at;
        char c = source[++at];
        int hex = c switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
        if (hex > 0)
        {
            if (at + hex >= source.Length || !int.TryParse(source.AsSpan(at + 1, hex), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int code) || code is < 0 or > 0x10FFFF)
                throw Broken($"\\{c} needs {hex} hexadecimal digits", start);
            text.Append(code is >= 0xD800 and < 0xE000 ? ((char)code).ToString() : char.ConvertFromUtf32(code));
            at += hex;
            return;
        }
        if (c is >= '0' and <= '7')
        {
            int code = 0, end = Math.Min(at + 3, source.Length);
            for (; at < end && source[at] is >= '0' and <= '7'; at++) code = code * 8 + source[at] - '0';
            at--;
            text.Append((char)code);
            return;
        }
        switch (c)
        {
            case '\n': break; // a line goes on
            case '\\' or '\'' or '"': text.Append(c); break;
            case 'n': text.Append('\n'); break;
            case 't': text.Append('\t'); break;
            case 'r': text.Append('\r'); break;
            case 'b': text.Append('\b'); break;
            case 'f': text.Append('\f'); break;
            case 'v': text.Append('\v'); break;
            case 'a': text.Append('\a'); break;
            default: text.Append('\\').Append(c); break;
        }
    }
}
