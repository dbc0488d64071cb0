namespace Ingot.Llm.Chat.Templates;

/// <summary>Tokens to statements. Tags that chat templates have no use for (import, include, extends, call, do) are refused by name.</summary>
sealed partial class Parser
{
    readonly Lexer lexer;
    readonly List<Token> tokens;
    readonly int mostDepth;
    int at, depth, loops, opened;

    public Parser(Lexer lexer, int mostDepth) => (this.lexer, tokens, this.mostDepth) = (lexer, lexer.Read(), mostDepth);

    public IReadOnlyList<Statement> Parse() => Body("the template");

    Token Next => tokens[at];

    FormatException Unexpected(string expected) => lexer.Broken($"{expected} expected, {Next} found", Next.Offset);

    Token Take() => tokens[at++];

    bool TakeOperator(string op)
    {
        if (!Next.Is(op)) return false;
        at++;
        return true;
    }

    bool TakeName(string name)
    {
        if (!Next.IsName(name)) return false;
        at++;
        return true;
    }

    void RequireOperator(string op) { if (!TakeOperator(op)) throw Unexpected($"'{op}'"); }

    string RequireName(string what) => Next.Kind == TokenKind.Name ? Take().Text : throw Unexpected(what);

    void RequireBlockEnd() { if (Take().Kind != TokenKind.BlockEnd) { at--; throw Unexpected("the end of the tag"); } }

    void Deeper() { if (++depth > mostDepth) throw lexer.Broken($"more than {mostDepth} expressions or blocks inside each other", Next.Offset); }

    /// <summary>Statements up to one of some tags, whose name is taken; up to the end of the template if none are given.</summary>
    IReadOnlyList<Statement> Body(string of, params ReadOnlySpan<string> ends)
    {
        Deeper();
        int begin = opened;
        List<Statement> body = [];
        while (true)
        {
            var token = Take();
            switch (token.Kind)
            {
                case TokenKind.Data: body.Add(new DataStatement(MarkedText.Own(token.Text), token.Offset)); break;
                case TokenKind.OutputBegin:
                    body.Add(new OutputStatement(Tuple(), token.Offset));
                    if (Take().Kind != TokenKind.OutputEnd) { at--; throw Unexpected("'}}'"); }
                    break;
                case TokenKind.BlockBegin:
                    if (Next.Kind == TokenKind.Name && ends.Contains(Next.Text))
                    {
                        depth--;
                        return body;
                    }
                    body.Add(Block());
                    break;
                default:
                    at--;
                    if (ends.Length > 0) throw lexer.Broken($"{of} that begins here has no {string.Join(" or ", ends.ToArray())}", begin);
                    depth--;
                    return body;
            }
        }
    }

    Statement Block()
    {
        int offset = opened = Next.Offset;
        string tag = RequireName("the name of a tag");
        switch (tag)
        {
            case "if": return If(offset);
            case "for": return For(offset);
            case "set": return Set(offset);
            case "macro": return Macro(offset);
            case "filter":
                {
                    var value = Filters(new BlockOutputExpression(offset), isFirst: true);
                    RequireBlockEnd();
                    return new FilterStatement(Closed("filter", "endfilter"), value, offset);
                }
            case "with": return With(offset);
            case "generation":
                RequireBlockEnd();
                return new PlainBlock(Closed("generation", "endgeneration"), offset);
            case "break" or "continue":
                if (loops == 0) throw lexer.Broken($"{tag} outside of a loop", offset);
                RequireBlockEnd();
                return tag == "break" ? new BreakStatement(offset) : new ContinueStatement(offset);
            case "import" or "include" or "extends" or "from" or "block" or "call" or "do" or "autoescape":
                throw lexer.Broken($"the tag '{tag}' is not supported in chat templates", offset);
            default: throw lexer.Broken($"there is no tag '{tag}' that could stand here", offset);
        }
    }

    /// <summary>A body up to its end tag, which is taken whole.</summary>
    IReadOnlyList<Statement> Closed(string of, string end)
    {
        var body = Body($"a {of}", end);
        at++;
        RequireBlockEnd();
        return body;
    }

    IfStatement If(int offset)
    {
        List<(Expression?, IReadOnlyList<Statement>)> branches = [];
        Expression? condition = Tuple(withChoice: false);
        while (true)
        {
            RequireBlockEnd();
            var body = condition is null ? Body("an else", "endif") : Body("an if", "elif", "else", "endif");
            branches.Add((condition, body));
            string tag = Take().Text;
            if (tag == "endif")
            {
                RequireBlockEnd();
                return new(branches, offset);
            }
            condition = tag == "elif" ? Tuple(withChoice: false) : null;
        }
    }

    ForStatement For(int offset)
    {
        var target = Targets();
        if (!TakeName("in")) throw Unexpected("'in'");
        var items = Tuple(withChoice: false);
        var filter = TakeName("if") ? Expression() : null;
        if (Next.IsName("recursive")) throw lexer.Broken("recursive loops are not supported in chat templates", Next.Offset);
        RequireBlockEnd();
        loops++;
        var body = Body("a for", "else", "endfor");
        loops--;
        IReadOnlyList<Statement> otherwise = [];
        if (Take().Text == "else")
        {
            RequireBlockEnd();
            otherwise = Body("an else", "endfor");
            at++;
        }
        RequireBlockEnd();
        return new(target, items, filter, body, otherwise, offset);
    }

    Statement Set(int offset)
    {
        var target = Targets();
        if (TakeOperator("="))
        {
            var value = Tuple();
            RequireBlockEnd();
            return new SetStatement(target, value, offset);
        }
        Expression output = new BlockOutputExpression(offset);
        if (Next.Is("|")) output = Filters(output, isFirst: false);
        RequireBlockEnd();
        return new SetBlockStatement(target, Closed("set", "endset"), output, offset);
    }

    WithStatement With(int offset)
    {
        List<(Target, Expression)> values = [];
        while (Next.Kind != TokenKind.BlockEnd)
        {
            if (values.Count > 0) RequireOperator(",");
            var target = SingleTarget();
            RequireOperator("=");
            values.Add((target, Expression()));
        }
        RequireBlockEnd();
        return new(values, Closed("with", "endwith"), offset);
    }

    MacroStatement Macro(int offset)
    {
        string name = RequireName("the macro's name");
        RequireOperator("(");
        List<(string, Expression?)> parameters = [];
        while (!TakeOperator(")"))
        {
            if (parameters.Count > 0) RequireOperator(",");
            string parameter = RequireName("a parameter");
            if (TakeOperator("=")) parameters.Add((parameter, Expression()));
            else if (parameters.Count > 0 && parameters[^1].Item2 is not null) throw lexer.Broken($"parameter '{parameter}' needs a default, as the one before it has one", Next.Offset);
            else parameters.Add((parameter, null));
        }
        RequireBlockEnd();
        (int outer, loops) = (loops, 0);
        var body = Closed("macro", "endmacro");
        loops = outer;
        return new(name, parameters, body, offset);
    }

    Target Targets()
    {
        int offset = Next.Offset;
        var first = SingleTarget();
        if (!Next.Is(",")) return first;
        List<Target> items = [first];
        while (TakeOperator(",") && Next.Kind is TokenKind.Name && !Next.IsName("in") || Next.Is("(")) items.Add(SingleTarget());
        return new TupleTarget(items, offset);
    }

    Target SingleTarget()
    {
        int offset = Next.Offset;
        if (TakeOperator("("))
        {
            var inner = Targets();
            RequireOperator(")");
            return inner;
        }
        string name = RequireName("a name to assign to");
        if (name is "true" or "false" or "none" or "True" or "False" or "None" or "loop") throw lexer.Broken($"'{name}' cannot be assigned to", offset);
        return TakeOperator(".") ? new AttributeTarget(name, RequireName("an attribute"), offset) : new NameTarget(name, offset);
    }
}
