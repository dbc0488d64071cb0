namespace Ingot.Llm.Chat.Templates;

/// <summary>Filters of sequences.</summary>
static partial class Filters
{
    /// <summary>What values are ordered by: strings without their case unless asked otherwise.</summary>
    static object? Key(object? value, bool isCaseSensitive) => value is MarkedText t && !isCaseSensitive ? t.With(t.Value.ToLowerInvariant()) : value;

    static string KeyText(object? value, bool isCaseSensitive) => PythonText.Repr(Key(value is double d && d == Math.Floor(d) && Math.Abs(d) < 1e15 ? (long)d : value, isCaseSensitive));

    static List<object?> Sorted(IReadOnlyList<object?> items, Func<object?, object?> key, bool isReversed)
    {
        var order = Comparer<object?>.Create(Operators.Compare);
        try { return [.. isReversed ? items.OrderByDescending(key, order) : items.OrderBy(key, order)]; }
        catch (InvalidOperationException e) when (e.InnerException is TemplateFault fault) { throw fault; }
    }

    static object? DictSort(object? v, Arguments a)
    {
        if (v is not TemplateMap map) throw Wrong("dictsort", v);
        int by = a.Get(1, "by") is MarkedText { Value: "value" } ? 1 : 0;
        return new TemplateList(Sorted(Members.Pairs(map).Items, p => Key(((TemplateList)p!).Items[by], a.Flag(0, "case_sensitive")), a.Flag(2, "reverse")));
    }

    static object? Extreme(object? v, Arguments a, int sign)
    {
        bool isCaseSensitive = a.Flag(0, "case_sensitive"), hasKey = a.TryGet(1, "attribute", out var key) && key is not null;
        object? KeyOf(object? item) => Key(hasKey ? Members.Path(item, key!) : item, isCaseSensitive);
        var items = Operators.Items(v);
        if (items.Count == 0) return new Undefined("an extreme of an empty sequence");
        return items.Skip(1).Aggregate(items[0], (best, item) => Operators.Compare(KeyOf(item), KeyOf(best)) * sign > 0 ? item : best);
    }

    static object? Map(object? v, Arguments a)
    {
        var items = Operators.Items(v);
        if (a.Named.TryGetValue("attribute", out var key) && key is not null)
        {
            bool hasDefault = a.Named.TryGetValue("default", out var otherwise);
            return new TemplateList([.. items.Select(i => Members.Path(i, key) is var x && x is Undefined && hasDefault ? otherwise : x)]);
        }
        string filter = a.Text(0, "filter").Value;
        if (!Exists(filter)) throw new TemplateFault($"there is no filter '{filter}'");
        return new TemplateList([.. items.Select(i => Apply(filter, i, a.Skip(1)))]);
    }

    static object? Chosen(object? v, Arguments a, bool hasAttribute, bool keeps)
    {
        object? key = hasAttribute ? a.Require(0, "attribute") : null;
        var rest = hasAttribute ? a.Skip(1) : a;
        bool Holds(object? item)
        {
            object? value = hasAttribute ? Members.Path(item, key) : item;
            return rest.Positional.Count == 0 ? Operators.IsTrue(value) : Tests.Holds(rest.Text(0, "test").Value, value, rest.Skip(1));
        }
        return new TemplateList([.. Operators.Items(v).Where(i => Holds(i) == keeps)]);
    }

    static object? GroupBy(object? v, Arguments a)
    {
        object? key = a.Require(0, "attribute");
        bool hasDefault = a.TryGet(1, "default", out var otherwise);
        object? Of(object? item) => Members.Path(item, key) is var x && x is Undefined && hasDefault ? otherwise : x;
        List<object?> groups = [];
        foreach (var group in Sorted(Operators.Items(v), i => Key(Of(i), false), false).GroupBy(i => KeyText(Of(i), false)))
        {
            List<object?> items = [.. group];
            groups.Add(new TemplateList([Of(items[0]), new TemplateList(items)], IsTuple: true));
        }
        return new TemplateList(groups);
    }

    static object? Batch(object? v, Arguments a)
    {
        int size = (int)Math.Clamp(a.Integer(0, "linecount", 0), 1, int.MaxValue);
        bool fills = a.TryGet(1, "fill_with", out var filling) && filling is not null;
        return new TemplateList([.. Operators.Items(v).Chunk(size).Select(chunk => new TemplateList(fills ? [.. chunk, .. Enumerable.Repeat(filling, size - chunk.Length)] : chunk))]);
    }

    static object? Slice(object? v, Arguments a)
    {
        int slices = (int)Math.Clamp(a.Integer(0, "slices", 0), 1, 10_000), at = 0;
        bool fills = a.TryGet(1, "fill_with", out var filling) && filling is not null;
        var items = Operators.Items(v);
        List<object?> result = [];
        for (int i = 0; i < slices; i++)
        {
            int count = items.Count / slices + (i < items.Count % slices ? 1 : 0);
            List<object?> part = [.. items.Skip(at).Take(count)];
            if (fills && i >= items.Count % slices) part.Add(filling);
            result.Add(new TemplateList(part));
            at += count;
        }
        return new TemplateList(result);
    }
}
