using System.Globalization;

namespace Ingot.Llm.Chat.Templates;

/// <summary>Expressions, in the order in which Jinja's operators bind: choice, or, and, not, comparison, + -, ~, * / // %, **, sign, filter and test.</summary>
sealed partial class Parser
{
    /// <summary>An expression, or several separated by commas, which make a tuple.</summary>
    Expression Tuple(bool withChoice = true)
    {
        int offset = Next.Offset;
        var first = withChoice ? Expression() : Or();
        if (!Next.Is(",")) return first;
        List<Expression> items = [first];
        while (TakeOperator(",") && StartsExpression()) items.Add(withChoice ? Expression() : Or());
        return new ListExpression(items, IsTuple: true, offset);
    }

    bool StartsExpression() => Next.Kind is TokenKind.Name or TokenKind.Text or TokenKind.Integer or TokenKind.Float || Next.Is("(") || Next.Is("[") || Next.Is("{") || Next.Is("-") || Next.Is("+");

    Expression Expression()
    {
        Deeper();
        var value = Or();
        while (Next.IsName("if"))
        {
            int offset = Take().Offset;
            var condition = Or();
            value = new ChoiceExpression(value, condition, TakeName("else") ? Expression() : null, offset);
        }
        depth--;
        return value;
    }

    Expression Or()
    {
        var left = And();
        while (Next.IsName("or")) left = new BinaryExpression("or", left, Right(And), left.Offset);
        return left;
    }

    Expression And()
    {
        var left = Not();
        while (Next.IsName("and")) left = new BinaryExpression("and", left, Right(Not), left.Offset);
        return left;
    }

    Expression Right(Func<Expression> operand)
    {
        at++;
        return operand();
    }

    Expression Not()
    {
        if (!Next.IsName("not")) return Comparison();
        int offset = Take().Offset;
        Deeper();
        var value = Not();
        depth--;
        return new UnaryExpression("not", value, offset);
    }

    Expression Comparison()
    {
        var first = Sum();
        List<(string, Expression)> rest = [];
        while (true)
        {
            if (Next.Kind == TokenKind.Operator && Next.Text is "==" or "!=" or "<" or "<=" or ">" or ">=") rest.Add((Take().Text, Sum()));
            else if (TakeName("in")) rest.Add(("in", Sum()));
            else if (Next.IsName("not") && tokens[at + 1].IsName("in"))
            {
                at += 2;
                rest.Add(("not in", Sum()));
            }
            else return rest.Count == 0 ? first : new CompareExpression(first, rest, first.Offset);
        }
    }

    Expression Sum()
    {
        var left = Concatenation();
        while (Next.Is("+") || Next.Is("-"))
        {
            var op = Take();
            left = new BinaryExpression(op.Text, left, Concatenation(), op.Offset);
        }
        return left;
    }

    Expression Concatenation()
    {
        var first = Product();
        if (!Next.Is("~")) return first;
        List<Expression> parts = [first];
        while (TakeOperator("~")) parts.Add(Product());
        return new ConcatExpression(parts, first.Offset);
    }

    Expression Product()
    {
        var left = Power();
        while (Next.Is("*") || Next.Is("/") || Next.Is("//") || Next.Is("%"))
        {
            var op = Take();
            left = new BinaryExpression(op.Text, left, Power(), op.Offset);
        }
        return left;
    }

    Expression Power()
    {
        var left = Signed(withFilters: true);
        while (Next.Is("**"))
        {
            var op = Take();
            left = new BinaryExpression("**", left, Signed(withFilters: true), op.Offset);
        }
        return left;
    }

    Expression Signed(bool withFilters)
    {
        var sign = Next;
        Expression value;
        Deeper();
        if (TakeOperator("-")) value = new UnaryExpression("-", Signed(withFilters: false), sign.Offset);
        else if (TakeOperator("+")) value = new UnaryExpression("+", Signed(withFilters: false), sign.Offset);
        else value = Primary();
        value = Postfix(value);
        depth--;
        return withFilters ? Filters(value, isFirst: false) : value;
    }

    Expression Primary()
    {
        var token = Take();
        switch (token.Kind)
        {
            case TokenKind.Name:
                return token.Text switch
                {
                    "true" or "True" => new ConstantExpression(true, token.Offset),
                    "false" or "False" => new ConstantExpression(false, token.Offset),
                    "none" or "None" => new ConstantExpression(null, token.Offset),
                    _ => new NameExpression(token.Text, token.Offset),
                };
            case TokenKind.Text:
                string text = token.Text;
                while (Next.Kind == TokenKind.Text) text += Take().Text;
                return new ConstantExpression(MarkedText.Own(text), token.Offset);
            case TokenKind.Integer:
                return Integer(token);
            case TokenKind.Float:
                return new ConstantExpression(double.Parse(token.Text, CultureInfo.InvariantCulture), token.Offset);
            case TokenKind.Operator when token.Text == "(":
                if (TakeOperator(")")) return new ListExpression([], IsTuple: true, token.Offset);
                var inner = Tuple();
                RequireOperator(")");
                return inner;
            case TokenKind.Operator when token.Text == "[":
                return new ListExpression(Items("]", Expression), IsTuple: false, token.Offset);
            case TokenKind.Operator when token.Text == "{":
                return new MapExpression(Items("}", () =>
                {
                    var key = Expression();
                    RequireOperator(":");
                    return (key, Expression());
                }), token.Offset);
            default:
                at--;
                throw Unexpected("an expression");
        }
    }

    ConstantExpression Integer(Token token) => new ConstantExpression(long.TryParse(token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out long n) ? n : throw lexer.Broken($"{token.Text} is too large", token.Offset), token.Offset);

    /// <summary>Items separated by commas up to a bracket; a comma may stand before it.</summary>
    List<T> Items<T>(string end, Func<T> item)
    {
        List<T> items = [];
        while (!TakeOperator(end))
        {
            if (items.Count > 0)
            {
                RequireOperator(",");
                if (TakeOperator(end)) break;
            }
            items.Add(item());
        }
        return items;
    }

    Expression Postfix(Expression value)
    {
        while (true)
        {
            var token = Next;
            if (TakeOperator("."))
            {
                var name = Take();
                value = name.Kind switch
                {
                    TokenKind.Name => new AttributeExpression(value, name.Text, token.Offset),
                    TokenKind.Integer => new ItemExpression(value, Integer(name), token.Offset),
                    _ => throw lexer.Broken($"a name expected after '.', {name} found", name.Offset),
                };
            }
            else if (TakeOperator("[")) value = Subscript(value, token.Offset);
            else if (Next.Is("(")) value = new CallExpression(value, Arguments(), token.Offset);
            else return value;
        }
    }

    Expression Subscript(Expression of, int offset)
    {
        Expression? start = Next.Is(":") ? null : Tuple(), stop = null, step = null;
        if (!TakeOperator(":"))
        {
            RequireOperator("]");
            return new ItemExpression(of, start!, offset);
        }
        if (!Next.Is(":") && !Next.Is("]")) stop = Expression();
        if (TakeOperator(":") && !Next.Is("]")) step = Expression();
        RequireOperator("]");
        return new SliceExpression(of, start, stop, step, offset);
    }

    /// <summary>Filters and tests behind a value, and calls behind them.</summary>
    /// <param name="value">What they are of.</param>
    /// <param name="isFirst">A filter's name comes next, without a |.</param>
    Expression Filters(Expression value, bool isFirst)
    {
        for (; ; isFirst = false)
        {
            var token = Next;
            if (isFirst || TakeOperator("|"))
            {
                string name = RequireName("a filter");
                if (!Templates.Filters.Exists(name)) throw lexer.Broken($"there is no filter '{name}' in chat templates", token.Offset);
                value = new FilterExpression(value, name, Next.Is("(") ? Arguments() : ArgumentSyntax.None, token.Offset);
            }
            else if (TakeName("is")) value = Test(value, token.Offset);
            else if (Next.Is("(")) value = new CallExpression(value, Arguments(), token.Offset);
            else return value;
        }
    }

    TestExpression Test(Expression value, int offset)
    {
        bool isNegated = TakeName("not");
        string name = Next.Kind == TokenKind.Operator ? Take().Text : RequireName("a test");
        if (!Tests.Exists(name)) throw lexer.Broken($"there is no test '{name}' in chat templates", offset);
        var arguments = ArgumentSyntax.None;
        if (Next.Is("(")) arguments = Arguments();
        else if (Next.Kind is TokenKind.Name or TokenKind.Text or TokenKind.Integer or TokenKind.Float && !Next.IsName("else") && !Next.IsName("or") && !Next.IsName("and") && !Next.IsName("is")
            && !Next.IsName("if") && !Next.IsName("not") && !Next.IsName("in") || Next.Is("[") || Next.Is("{"))
            arguments = new([Postfix(Primary())], []);
        return new(value, name, arguments, isNegated, offset);
    }

    ArgumentSyntax Arguments()
    {
        RequireOperator("(");
        List<Expression> positional = [];
        List<(string, Expression)> named = [];
        Expression? spread = null, spreadNamed = null;
        for (bool isFirst = true; !TakeOperator(")"); isFirst = false)
        {
            if (!isFirst)
            {
                RequireOperator(",");
                if (TakeOperator(")")) break;
            }
            if (TakeOperator("**")) spreadNamed = Expression();
            else if (TakeOperator("*")) spread = Expression();
            else if (Next.Kind == TokenKind.Name && tokens[at + 1].Is("="))
            {
                string name = Take().Text;
                at++;
                named.Add((name, Expression()));
            }
            else if (named.Count > 0) throw lexer.Broken("an argument without a name after one with a name", Next.Offset);
            else positional.Add(Expression());
        }
        return new(positional, named, spread, spreadNamed);
    }
}
