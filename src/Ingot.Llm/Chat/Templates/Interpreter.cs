namespace Ingot.Llm.Chat.Templates;

/// <summary>Walks a template's statements and writes its output, within limits.</summary>
sealed partial class Interpreter
{
    enum Flow { Next, Break, Continue }

    /// <summary>Variables of a template, a loop's turn, a macro's call.</summary>
    sealed class Scope(Scope? outer)
    {
        readonly Dictionary<string, object?> variables = [];

        public object? this[string name] { set => variables[name] = value; }

        public bool TryGet(string name, out object? value)
        {
            for (var s = this; s is not null; s = s.Outer)
                if (s.variables.TryGetValue(name, out value)) return true;
            value = null;
            return false;
        }

        Scope? Outer { get; } = outer;
    }

    readonly TemplateLimits limits;
    readonly TimeProvider clock;
    MarkedTextBuilder output = new();
    MarkedText blockOutput = MarkedText.Empty;
    Scope scope = new(null);
    long steps;
    int depth;

    public Interpreter(TemplateLimits limits, TimeProvider clock, IEnumerable<KeyValuePair<string, object?>> variables)
    {
        (this.limits, this.clock) = (limits, clock);
        AddFunctions();
        foreach (var (name, value) in variables) scope[name] = value;
        scope = new(scope);
    }

    /// <summary>The place that was last evaluated, for errors.</summary>
    public int Offset { get; private set; }

    public MarkedText Run(IReadOnlyList<Statement> template)
    {
        Execute(template);
        return output.Build();
    }

    void Charge(long cost)
    {
        if ((steps += cost) > limits.Steps) throw new TemplateFault($"the template takes more than {limits.Steps} steps");
    }

    /// <summary>Work on a value and the memory it takes.</summary>
    object? Charged(object? value)
    {
        int size = value switch { MarkedText t => t.Length / 64, TemplateList l => l.Items.Count, TemplateMap m => m.Count, _ => 0 };
        if (value is MarkedText text && text.Length > limits.Characters) throw new TemplateFault($"the template makes a text of more than {limits.Characters} characters");
        Charge(size);
        return value;
    }

    void Write(MarkedText text)
    {
        if (output.Length + (long)text.Length > limits.Characters) throw new TemplateFault($"the template writes more than {limits.Characters} characters");
        Charge(text.Length / 64);
        output.Append(text);
    }

    Flow Execute(IReadOnlyList<Statement> statements)
    {
        Operators.RequireStack();
        foreach (var statement in statements)
        {
            Charge(1);
            Offset = statement.Offset;
            switch (statement)
            {
                case DataStatement s: Write(s.Text); break;
                case OutputStatement s: Write(PythonText.Str(Evaluate(s.Value))); break;
                case IfStatement s:
                    if (s.Branches.FirstOrDefault(b => b.Condition is null || Operators.IsTrue(Evaluate(b.Condition))) is { Body: { } body } && Execute(body) is not Flow.Next and var flow) return flow;
                    break;
                case ForStatement s: Loop(s); break;
                case SetStatement s: Assign(s.Target, Evaluate(s.Value)); break;
                case SetBlockStatement s: Assign(s.Target, OutputOf(s.Body, s.Value)); break;
                case FilterStatement s: Write(PythonText.Str(OutputOf(s.Body, s.Value))); break;
                case WithStatement s: With(s); break;
                case PlainBlock s:
                    if (Execute(s.Body) is not Flow.Next and var inner) return inner;
                    break;
                case MacroStatement s: Define(s); break;
                case BreakStatement: return Flow.Break;
                case ContinueStatement: return Flow.Continue;
            }
        }
        return Flow.Next;
    }

    void With(WithStatement s)
    {
        var inner = new Scope(scope);
        var values = s.Values.Select(v => (v.Target, Evaluate(v.Value))).ToList();
        In(inner, () =>
        {
            foreach (var (target, value) in values) Assign(target, value);
            return Execute(s.Body);
        });
    }

    T In<T>(Scope inner, Func<T> body)
    {
        var outer = scope;
        scope = inner;
        try { return body(); }
        finally { scope = outer; }
    }

    /// <summary>What statements write.</summary>
    MarkedText Captured(Func<Flow> body)
    {
        var outer = output;
        output = new();
        try
        {
            body();
            return output.Build();
        }
        finally { output = outer; }
    }

    object? OutputOf(IReadOnlyList<Statement> body, Expression filtered)
    {
        var (text, outer) = (Captured(() => In(new Scope(scope), () => Execute(body))), blockOutput);
        blockOutput = text;
        try { return Evaluate(filtered); }
        finally { blockOutput = outer; }
    }

    void Assign(Target target, object? value)
    {
        Offset = target.Offset;
        switch (target)
        {
            case NameTarget t: scope[t.Name] = value; break;
            case AttributeTarget t:
                if (!scope.TryGet(t.Name, out var of) || of is not Namespace n) throw new TemplateFault($"only a namespace's attributes can be set, and '{t.Name}' is none");
                n.Attributes[t.Attribute] = value;
                break;
            case TupleTarget t:
                if (value is Undefined u) throw Operators.IsUndefined(u);
                var items = Operators.Items(value);
                if (items.Count != t.Items.Count) throw new TemplateFault($"{items.Count} values for {t.Items.Count} names");
                foreach (var (i, item) in t.Items.Index()) Assign(item, items[i]);
                break;
        }
    }

    void Loop(ForStatement s)
    {
        var items = Operators.Items(Evaluate(s.Items));
        Charge(items.Count);
        if (s.Filter is not null)
        {
            items = [.. items.Where(item => In(new Scope(scope), () =>
            {
                Assign(s.Target, item);
                return Operators.IsTrue(Evaluate(s.Filter));
            }))];
        }
        if (items.Count == 0)
        {
            In(new Scope(scope), () => Execute(s.Else));
            return;
        }
        object? lastChanged = null;
        for (int i = 0; i < items.Count; i++)
        {
            int index = i;
            Charge(1);
            var flow = In(new Scope(scope), () =>
            {
                scope["loop"] = LoopVariable(items, index, ref lastChanged);
                Assign(s.Target, items[index]);
                return Execute(s.Body);
            });
            if (flow == Flow.Break) break;
        }

        Namespace LoopVariable(IReadOnlyList<object?> items, int i, ref object? changed)
        {
            // The last arguments of changed() live with the loop, not with its turn.
            var cell = changed as StrongReference ?? new StrongReference();
            changed = cell;
            var loop = new Namespace();
            foreach (var (name, value) in new (string, object?)[]
            {
                ("index", i + 1L), ("index0", (long)i), ("revindex", (long)(items.Count - i)), ("revindex0", items.Count - i - 1L),
                ("first", i == 0), ("last", i == items.Count - 1), ("length", (long)items.Count), ("depth", 1L), ("depth0", 0L),
                ("previtem", i > 0 ? items[i - 1] : new Undefined("the item before the first")), ("nextitem", i + 1 < items.Count ? items[i + 1] : new Undefined("the item after the last")),
                ("cycle", new Callable("cycle", a => a.Positional.Count > 0 ? a.Positional[i % a.Positional.Count] : throw new TemplateFault("cycle needs values"))),
                ("changed", new Callable("changed", a => cell.Changes(new TemplateList(a.Positional)))),
            }) loop.Attributes[name] = value;
            return loop;
        }
    }

    sealed class StrongReference
    {
        TemplateList? last;

        public bool Changes(TemplateList value)
        {
            bool isChanged = last is null || !last.Equals(value);
            last = value;
            return isChanged;
        }
    }

    void Define(MacroStatement s)
    {
        var outer = scope;
        scope[s.Name] = new Callable(s.Name, arguments =>
        {
            if (++depth > limits.Depth) throw new TemplateFault($"macros call each other more than {limits.Depth} deep");
            var inner = new Scope(outer);
            foreach (string name in arguments.Named.Keys)
                if (!s.Parameters.Any(p => p.Name == name)) throw new TemplateFault($"macro '{s.Name}' has no parameter '{name}'");
            if (arguments.Positional.Count > s.Parameters.Count) throw new TemplateFault($"macro '{s.Name}' takes {s.Parameters.Count} arguments, not {arguments.Positional.Count}");
            var text = Captured(() => In(inner, () =>
            {
                foreach (var (i, (name, otherwise)) in s.Parameters.Index())
                    scope[name] = arguments.TryGet(i, name, out var value) ? value : otherwise is not null ? Evaluate(otherwise) : new Undefined($"parameter '{name}'");
                return Execute(s.Body);
            }));
            depth--;
            return text;
        });
    }
}
