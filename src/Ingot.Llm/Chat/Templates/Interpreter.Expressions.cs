namespace Ingot.Llm.Chat.Templates;

/// <summary>Values of expressions.</summary>
sealed partial class Interpreter
{
    object? Evaluate(Expression expression)
    {
        Charge(1);
        Operators.RequireStack();
        Offset = expression.Offset;
        switch (expression)
        {
            case ConstantExpression e: return e.Value;
            case NameExpression e: return scope.TryGet(e.Name, out var value) ? value : new Undefined($"'{e.Name}'");
            case BlockOutputExpression: return blockOutput;
            case ListExpression e: return new TemplateList([.. e.Items.Select(Evaluate)], e.IsTuple);
            case MapExpression e:
                var map = new TemplateMap();
                foreach (var (key, item) in e.Entries) map.Set(Evaluate(key), Evaluate(item));
                return map;
            case AttributeExpression e: return Members.Attribute(At(e, Evaluate(e.Of)), e.Name);
            case ItemExpression e:
                var (of, index) = (Evaluate(e.Of), Evaluate(e.Index));
                Charge(of is MarkedText t ? t.Length / 64 : 0);
                return Members.Item(At(e, of), index);
            case SliceExpression e:
                var (sliced, start, stop, step) = (Evaluate(e.Of), Optional(e.Start), Optional(e.Stop), Optional(e.Step));
                return Charged(Operators.Slice(At(e, sliced), start, stop, step));
            case CallExpression e: return Call(e);
            case FilterExpression e:
                var (filtered, arguments) = (Charged(Evaluate(e.Value)), Arguments(e.Arguments));
                Offset = e.Offset;
                return Charged(Filters.Apply(e.Name, filtered, arguments));
            case TestExpression e:
                var (tested, against) = (Evaluate(e.Value), Arguments(e.Arguments));
                Offset = e.Offset;
                return Tests.Holds(e.Name, tested, against) != e.IsNegated;
            case UnaryExpression e: return Unary(e, Evaluate(e.Value));
            case BinaryExpression { Operator: "and" } e: return Evaluate(e.Left) is var a && Operators.IsTrue(a) ? Evaluate(e.Right) : a;
            case BinaryExpression { Operator: "or" } e: return Evaluate(e.Left) is var b && Operators.IsTrue(b) ? b : Evaluate(e.Right);
            case BinaryExpression e:
                var (left, right) = (Evaluate(e.Left), Evaluate(e.Right));
                Offset = e.Offset;
                return Charged(Operators.Arithmetic(e.Operator, left, right));
            case CompareExpression e: return Compare(e);
            case ConcatExpression e: return Charged(StringMethods.Join(MarkedText.Empty, [.. e.Parts.Select(p => PythonText.Str(Evaluate(p)))]));
            case ChoiceExpression e:
                return Operators.IsTrue(Evaluate(e.Condition)) ? Evaluate(e.Then) : e.Else is null ? new Undefined("the value of an inline if without else") : Evaluate(e.Else);
            default: throw new InvalidOperationException(expression.GetType().Name);
        }
    }

    object? Optional(Expression? expression) => expression is null ? null : Evaluate(expression);

    object? At(Expression place, object? value)
    {
        Offset = place.Offset;
        return value;
    }

    static object? Unary(UnaryExpression e, object? value) => (e.Operator, value) switch
    {
        ("not", _) => !Operators.IsTrue(value),
        ("-", long.MinValue) => throw new TemplateFault("the number is too large"),
        ("-", long n) => -n,
        ("-", double d) => -d,
        ("-", bool b) => b ? -1L : 0L,
        ("+", long or double) => value,
        ("+", bool b) => b ? 1L : 0L,
        (_, Undefined u) => throw Operators.IsUndefined(u),
        _ => throw new TemplateFault($"'{e.Operator}' does not go with {Operators.TypeName(value)}"),
    };

    object? Compare(CompareExpression e)
    {
        object? left = Evaluate(e.First);
        foreach (var (op, operand) in e.Rest)
        {
            object? right = Charged(Evaluate(operand));
            Offset = e.Offset;
            bool holds = op switch
            {
                "==" => Operators.AreEqual(left, right),
                "!=" => !Operators.AreEqual(left, right),
                "in" => Operators.Contains(right, left),
                "not in" => !Operators.Contains(right, left),
                "<" => Operators.Compare(left, right) < 0,
                "<=" => Operators.Compare(left, right) <= 0,
                ">" => Operators.Compare(left, right) > 0,
                _ => Operators.Compare(left, right) >= 0,
            };
            if (!holds) return false;
            left = right;
        }
        return true;
    }

    object? Call(CallExpression e)
    {
        object? callee = Evaluate(e.Callee);
        var arguments = Arguments(e.Arguments);
        Offset = e.Offset;
        if (callee is Undefined u) throw Operators.IsUndefined(u);
        return callee is Callable c ? Charged(c.Call(arguments)) : throw new TemplateFault($"{Operators.TypeName(callee)} cannot be called");
    }

    Arguments Arguments(ArgumentSyntax syntax)
    {
        if (ReferenceEquals(syntax, ArgumentSyntax.None)) return Templates.Arguments.None;
        List<object?> positional = [.. syntax.Positional.Select(Evaluate)];
        var named = new Dictionary<string, object?>();
        foreach (var (name, value) in syntax.Named) named[name] = Evaluate(value);
        if (syntax.Spread is not null) positional.AddRange(Operators.Items(Evaluate(syntax.Spread)));
        if (syntax.SpreadNamed is not null)
        {
            if (Evaluate(syntax.SpreadNamed) is not TemplateMap map) throw new TemplateFault("** needs a map");
            foreach (var (key, value) in map.Entries) named[PythonText.Str(key).Value] = value;
        }
        return new(positional, named);
    }
}
