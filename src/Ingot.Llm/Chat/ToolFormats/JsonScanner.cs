namespace Ingot.Llm.Chat;

/// <summary>Checks JSON character by character, as it comes.</summary>
sealed class JsonScanner
{
    const int MostDepth = 64;

    public enum Place { Value, FirstItem, AfterValue, FirstKey, Key, KeyText, Colon, Text, Escape, KeyEscape, Number, Word, Done }

    readonly Stack<char> open = new();
    string word = "", number = "";
    int hex;

    public Place At { get; private set; } = Place.Value;

    /// <summary>Brackets that are open.</summary>
    public int Depth => open.Count;

    public bool IsDone => At == Place.Done;

    /// <summary>Takes the next character.</summary>
    /// <returns>False if it cannot stand here.</returns>
    public bool Next(char c)
    {
        if (At is Place.Text or Place.KeyText) return InText(c);
        if (At is Place.Escape or Place.KeyEscape) return InEscape(c);
        if (At == Place.Number)
        {
            if (char.IsAsciiDigit(c) || c is '.' or 'e' or 'E' or '+' or '-')
            {
                number += c;
                return number.Length < 400;
            }
            if (!IsNumber(number)) return false;
            EndValue();
        }
        if (At == Place.Word)
        {
            if (c != word[0]) return false;
            if ((word = word[1..]).Length == 0) EndValue();
            return true;
        }
        if (c is ' ' or '\t' or '\n' or '\r') return true;
        switch (At)
        {
            case Place.FirstItem when c == ']': return Close('[');
            case Place.Value or Place.FirstItem: return Value(c);
            case Place.FirstKey when c == '}': return Close('{');
            case Place.FirstKey or Place.Key:
                At = Place.KeyText;
                return c == '"';
            case Place.Colon:
                At = Place.Value;
                return c == ':';
            case Place.AfterValue when c == ',':
                At = open.Peek() == '{' ? Place.Key : Place.Value;
                return true;
            case Place.AfterValue when c == '}': return Close('{');
            case Place.AfterValue when c == ']': return Close('[');
            default: return false;
        }
    }

    bool Value(char c)
    {
        switch (c)
        {
            case '{' or '[':
                if (open.Count == MostDepth) return false;
                open.Push(c);
                At = c == '{' ? Place.FirstKey : Place.FirstItem;
                return true;
            case '"': At = Place.Text; return true;
            case '-' or (>= '0' and <= '9'):
                (At, number) = (Place.Number, c.ToString());
                return true;
            case 't': (At, word) = (Place.Word, "rue"); return true;
            case 'f': (At, word) = (Place.Word, "alse"); return true;
            case 'n': (At, word) = (Place.Word, "ull"); return true;
            default: return false;
        }
    }

    bool InText(char c)
    {
        if (c == '\\') At = At == Place.Text ? Place.Escape : Place.KeyEscape;
        else if (c == '"' && At == Place.KeyText) At = Place.Colon;
        else if (c == '"') EndValue();
        else return c >= ' ';
        return true;
    }

    bool InEscape(char c)
    {
        if (hex > 0)
        {
            if (!char.IsAsciiHexDigit(c)) return false;
            hex--;
        }
        else if (c == 'u') hex = 4;
        else if (c is not ('"' or '\\' or '/' or 'b' or 'f' or 'n' or 'r' or 't')) return false;
        if (hex == 0) At = At == Place.Escape ? Place.Text : Place.KeyText;
        return true;
    }

    bool Close(char bracket)
    {
        if (!open.TryPop(out char opened) || opened != bracket) return false;
        EndValue();
        return true;
    }

    void EndValue() => At = open.Count == 0 ? Place.Done : Place.AfterValue;

    static bool IsNumber(string n)
    {
        int at = n[0] == '-' ? 1 : 0, digits = Digits(n, ref at);
        if (digits == 0 || digits > 1 && n[at - digits] == '0') return false;
        if (at < n.Length && n[at] == '.')
        {
            at++;
            if (Digits(n, ref at) == 0) return false;
        }
        if (at < n.Length && n[at] is 'e' or 'E')
        {
            at++;
            if (at < n.Length && n[at] is '+' or '-') at++;
            if (Digits(n, ref at) == 0) return false;
        }
        return at == n.Length;
    }

    static int Digits(string n, ref int at)
    {
        int start = at;
        while (at < n.Length && char.IsAsciiDigit(n[at])) at++;
        return at - start;
    }
}
