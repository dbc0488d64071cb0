using System.Globalization;

namespace Ingot.Llm.Tools;

/// <summary>
/// Works out + - * / and brackets on decimal numbers, exactly as far as 28 digits go. A recursive-descent parser over the text: nothing is run, and an
/// expression is limited in length and depth.
/// </summary>
public static class Calculator
{
    /// <summary>Characters of an expression.</summary>
    public const int MostCharacters = 200;

    /// <summary>Brackets and signs inside each other.</summary>
    public const int MostDepth = 32;

    /// <summary>The value as text: without an exponent, without zeros at the end; or "error: " and what is wrong, in a few words.</summary>
    /// <param name="expression">Such as <c>(1.5 + 2) * -4</c>.</param>
    public static string Answer(string expression)
    {
        try { return Evaluate(expression).ToString("0.############################", CultureInfo.InvariantCulture); }
        catch (IngotException e) { return $"error: {e.Message}"; }
    }

    /// <exception cref="IngotException">It is no expression, is too long or deep, divides by zero, or a value has more than 28 digits before its point.</exception>
    public static decimal Evaluate(string expression)
    {
        if (expression.Length > MostCharacters) throw new IngotException($"more than {MostCharacters} characters");
        var parser = new Parser(expression);
        try
        {
            decimal value = parser.Sum(0);
            return parser.IsAtEnd ? value : throw parser.Unexpected();
        }
        catch (OverflowException) { throw new IngotException("number too large"); }
    }

    ref struct Parser(ReadOnlySpan<char> text)
    {
        readonly ReadOnlySpan<char> text = text;
        int at;

        public bool IsAtEnd => Peek() == '\0' && at == text.Length;

        /// <summary>product { (+ | -) product }</summary>
        public decimal Sum(int depth)
        {
            decimal value = Product(depth);
            while (true)
            {
                if (Skip('+')) value += Product(depth);
                else if (Skip('-')) value -= Product(depth);
                else return value;
            }
        }

        /// <summary>factor { (* | /) factor }</summary>
        decimal Product(int depth)
        {
            decimal value = Factor(depth);
            while (true)
            {
                if (Skip('*')) value *= Factor(depth);
                else if (Skip('/')) value = Factor(depth) is var d && d != 0 ? value / d : throw new IngotException("division by zero");
                else return value;
            }
        }

        /// <summary>number | ( sum ) | (+ | -) factor</summary>
        decimal Factor(int depth)
        {
            if (depth == MostDepth) throw new IngotException($"more than {MostDepth} brackets deep");
            if (Skip('-')) return -Factor(depth + 1);
            if (Skip('+')) return Factor(depth + 1);
            if (!Skip('(')) return Number();
            decimal value = Sum(depth + 1);
            return Skip(')') ? value : throw Unexpected();
        }

        /// <summary>digits, perhaps with a point among them.</summary>
        decimal Number()
        {
            Peek();
            int start = at, points = 0;
            while (at < text.Length && (char.IsAsciiDigit(text[at]) || text[at] == '.' && points++ == 0)) at++;
            var digits = text[start..at];
            if (digits.IsEmpty || digits is ".") throw Unexpected();
            return decimal.Parse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
        }

        /// <summary>The next character that is no space; '\0' at the end.</summary>
        char Peek()
        {
            while (at < text.Length && text[at] == ' ') at++;
            return at < text.Length ? text[at] : '\0';
        }

        bool Skip(char c)
        {
            if (Peek() != c || at == text.Length) return false;
            at++;
            return true;
        }

        public IngotException Unexpected() => new(at < text.Length ? $"unexpected '{text[at]}'" : "unexpected end");
    }
}
