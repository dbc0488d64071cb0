namespace Ingot.Llm.Chat.Templates;

/// <summary>What stands behind a point or in square brackets. Only what is listed here can be reached.</summary>
static class Members
{
    /// <summary>x.name: a method if there is one of that name, otherwise an entry.</summary>
    public static object? Attribute(object? of, string name) => of switch
    {
        Undefined u => throw Operators.IsUndefined(u),
        TemplateMap m => Method(m, name) ?? (m.TryGet(name, out var value) ? value : Missing(of, name)),
        MarkedText t => (object?)StringMethods.Find(t, name) ?? Missing(of, name),
        TemplateList l => (object?)Method(l, name) ?? Missing(of, name),
        Namespace n => n.Attributes.TryGetValue(name, out var value) ? value : Missing(of, name),
        _ => Missing(of, name),
    };

    /// <summary>x[index]: an entry or item if there is one, otherwise a method.</summary>
    public static object? Item(object? of, object? index)
    {
        switch (of)
        {
            case Undefined u: throw Operators.IsUndefined(u);
            case TemplateMap m when m.TryGet(index, out var value): return value;
            case TemplateList or MarkedText when index is long or bool:
                long i = index is long n ? n : (bool)index ? 1 : 0, length = Operators.Length(of);
                if (i < 0) i += length;
                if (i < 0 || i >= length) return new Undefined($"item {index} of {Operators.TypeName(of)} of {length}");
                return of is MarkedText t ? t.Length == length ? t.Slice((int)i, 1) : t.Characters().ElementAt((int)i) : ((TemplateList)of).Items[(int)i];
        }
        return index is MarkedText name ? Attribute(of, name.Value) : Missing(of, PythonText.Repr(index));
    }

    /// <summary>An attribute as filters take it: a name, an index, or several joined by points.</summary>
    public static object? Path(object? of, object? path)
    {
        if (path is not MarkedText text) return Item(of, path);
        foreach (string part in text.Value.Split('.')) of = Item(of, part.Length > 0 && part.All(char.IsAsciiDigit) && part.Length < 10 ? long.Parse(part) : MarkedText.Own(part));
        return of;
    }

    static Undefined Missing(object? of, string name) => new($"'{name}' of {Operators.TypeName(of)}");

    static Callable? Method(TemplateMap m, string name) => name switch
    {
        "items" => new(name, _ => Pairs(m)),
        "keys" => new(name, _ => new TemplateList([.. m.Keys])),
        "values" => new(name, _ => new TemplateList([.. m.Values])),
        "get" => new(name, a => m.TryGet(a.Require(0, "key"), out var value) ? value : a.Get(1, "default")),
        "copy" => new(name, _ => m),
        "update" or "pop" or "clear" or "setdefault" or "popitem" => throw new TemplateFault($"a template may not change a map ('{name}')"),
        _ => null,
    };

    static Callable? Method(TemplateList l, string name) => name switch
    {
        "index" => new(name, a => a.Require(0, "value") is var item && l.Items.ToList().FindIndex(i => Operators.AreEqual(i, item)) is >= 0 and var at ? (long)at : throw new TemplateFault("the list does not have that item")),
        "count" => new(name, a => a.Require(0, "value") is var item ? (long)l.Items.Count(i => Operators.AreEqual(i, item)) : 0L),
        "copy" => new(name, _ => l),
        "append" or "extend" or "insert" or "pop" or "remove" or "clear" or "reverse" or "sort" => throw new TemplateFault($"a template may not change a list ('{name}'); lists are joined with +"),
        _ => null,
    };

    public static TemplateList Pairs(TemplateMap m) => new([.. m.Entries.Select(e => new TemplateList([e.Key, e.Value], IsTuple: true))]);
}
