namespace Ingot.Llm.Chat.Templates;

/// <summary>A piece of a template.</summary>
/// <param name="Offset">Where it is, in characters.</param>
abstract record Syntax(int Offset);

abstract record Statement(int Offset) : Syntax(Offset);

sealed record DataStatement(MarkedText Text, int Offset) : Statement(Offset);

sealed record OutputStatement(Expression Value, int Offset) : Statement(Offset);

/// <param name="Branches">Condition and what is done if it holds; the condition of else is null.</param>
/// <param name="Offset">Where it is.</param>
sealed record IfStatement(IReadOnlyList<(Expression? Condition, IReadOnlyList<Statement> Body)> Branches, int Offset) : Statement(Offset);

sealed record ForStatement(Target Target, Expression Items, Expression? Filter, IReadOnlyList<Statement> Body, IReadOnlyList<Statement> Else, int Offset) : Statement(Offset);

sealed record SetStatement(Target Target, Expression Value, int Offset) : Statement(Offset);

/// <summary>The output of a block, through filters, as a variable's value.</summary>
sealed record SetBlockStatement(Target Target, IReadOnlyList<Statement> Body, Expression Value, int Offset) : Statement(Offset);

/// <summary>The output of a block through filters, written out.</summary>
sealed record FilterStatement(IReadOnlyList<Statement> Body, Expression Value, int Offset) : Statement(Offset);

sealed record WithStatement(IReadOnlyList<(Target Target, Expression Value)> Values, IReadOnlyList<Statement> Body, int Offset) : Statement(Offset);

/// <summary>A block that changes nothing: generation.</summary>
sealed record PlainBlock(IReadOnlyList<Statement> Body, int Offset) : Statement(Offset);

sealed record MacroStatement(string Name, IReadOnlyList<(string Name, Expression? Default)> Parameters, IReadOnlyList<Statement> Body, int Offset) : Statement(Offset);

sealed record BreakStatement(int Offset) : Statement(Offset);

sealed record ContinueStatement(int Offset) : Statement(Offset);

/// <summary>What is assigned to: a name, an attribute of a namespace, or several.</summary>
abstract record Target(int Offset) : Syntax(Offset);

sealed record NameTarget(string Name, int Offset) : Target(Offset);

sealed record AttributeTarget(string Name, string Attribute, int Offset) : Target(Offset);

sealed record TupleTarget(IReadOnlyList<Target> Items, int Offset) : Target(Offset);

abstract record Expression(int Offset) : Syntax(Offset);

sealed record ConstantExpression(object? Value, int Offset) : Expression(Offset);

sealed record NameExpression(string Name, int Offset) : Expression(Offset);

/// <summary>The output of the block that a filter stands over.</summary>
sealed record BlockOutputExpression(int Offset) : Expression(Offset);

sealed record ListExpression(IReadOnlyList<Expression> Items, bool IsTuple, int Offset) : Expression(Offset);

sealed record MapExpression(IReadOnlyList<(Expression Key, Expression Value)> Entries, int Offset) : Expression(Offset);

sealed record AttributeExpression(Expression Of, string Name, int Offset) : Expression(Offset);

sealed record ItemExpression(Expression Of, Expression Index, int Offset) : Expression(Offset);

sealed record SliceExpression(Expression Of, Expression? Start, Expression? Stop, Expression? Step, int Offset) : Expression(Offset);

sealed record CallExpression(Expression Callee, ArgumentSyntax Arguments, int Offset) : Expression(Offset);

sealed record FilterExpression(Expression Value, string Name, ArgumentSyntax Arguments, int Offset) : Expression(Offset);

sealed record TestExpression(Expression Value, string Name, ArgumentSyntax Arguments, bool IsNegated, int Offset) : Expression(Offset);

sealed record UnaryExpression(string Operator, Expression Value, int Offset) : Expression(Offset);

sealed record BinaryExpression(string Operator, Expression Left, Expression Right, int Offset) : Expression(Offset);

/// <summary>a &lt; b &lt;= c: all must hold, each operand evaluated once.</summary>
sealed record CompareExpression(Expression First, IReadOnlyList<(string Operator, Expression Right)> Rest, int Offset) : Expression(Offset);

sealed record ConcatExpression(IReadOnlyList<Expression> Parts, int Offset) : Expression(Offset);

/// <param name="Then">Its value if the condition holds.</param>
/// <param name="Condition">What is asked.</param>
/// <param name="Else">Its value otherwise; null: undefined.</param>
/// <param name="Offset">Where it is.</param>
sealed record ChoiceExpression(Expression Then, Expression Condition, Expression? Else, int Offset) : Expression(Offset);

/// <param name="Positional">In order.</param>
/// <param name="Named">name=value.</param>
/// <param name="Spread">*list.</param>
/// <param name="SpreadNamed">**map.</param>
sealed record ArgumentSyntax(IReadOnlyList<Expression> Positional, IReadOnlyList<(string Name, Expression Value)> Named, Expression? Spread = null, Expression? SpreadNamed = null)
{
    public static readonly ArgumentSyntax None = new([], []);
}
