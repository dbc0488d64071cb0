namespace Ingot.Llm.Chat.Templates;

/// <summary>What can be asked with <c>is</c>.</summary>
static class Tests
{
    static readonly Dictionary<string, Func<object?, Arguments, bool>> All = new()
    {
        ["defined"] = (v, _) => v is not Undefined,
        ["undefined"] = (v, _) => v is Undefined,
        ["none"] = (v, _) => v is null,
        ["boolean"] = (v, _) => v is bool,
        ["true"] = (v, _) => v is true,
        ["false"] = (v, _) => v is false,
        ["integer"] = (v, _) => v is long,
        ["float"] = (v, _) => v is double,
        ["number"] = (v, _) => v is bool or long or double,
        ["string"] = (v, _) => v is MarkedText,
        ["mapping"] = (v, _) => v is TemplateMap,
        ["sequence"] = (v, _) => v is MarkedText or TemplateList or TemplateMap or Undefined,
        ["iterable"] = (v, _) => v is MarkedText or TemplateList or TemplateMap or Undefined,
        ["callable"] = (v, _) => v is Callable or Undefined,
        ["even"] = (v, _) => Operators.AreEqual(Operators.Arithmetic("%", v, 2L), 0L),
        ["odd"] = (v, _) => Operators.AreEqual(Operators.Arithmetic("%", v, 2L), 1L),
        ["divisibleby"] = (v, a) => Operators.AreEqual(Operators.Arithmetic("%", v, a.Require(0, "num")), 0L),
        ["in"] = (v, a) => Operators.Contains(a.Require(0, "seq"), v),
        ["sameas"] = (v, a) => a.Require(0, "other") is var o && (ReferenceEquals(v, o) || v is bool or long && v.Equals(o)),
        ["lower"] = (v, _) => PythonText.Str(v).Value is var s && s.Any(char.IsLower) && !s.Any(char.IsUpper),
        ["upper"] = (v, _) => PythonText.Str(v).Value is var s && s.Any(char.IsUpper) && !s.Any(char.IsLower),
        ["escaped"] = (_, _) => false,
        ["filter"] = (v, _) => v is MarkedText t && Filters.Exists(t.Value),
        ["test"] = (v, _) => v is MarkedText t && Exists(t.Value),
    };

    static Tests()
    {
        void Add(Func<object?, Arguments, bool> test, params ReadOnlySpan<string> names) { foreach (string name in names) All[name] = test; }
        Add((v, a) => Operators.AreEqual(v, a.Require(0, "other")), "eq", "equalto", "==");
        Add((v, a) => !Operators.AreEqual(v, a.Require(0, "other")), "ne", "!=");
        Add((v, a) => Operators.Compare(v, a.Require(0, "other")) < 0, "lt", "lessthan", "<");
        Add((v, a) => Operators.Compare(v, a.Require(0, "other")) <= 0, "le", "<=");
        Add((v, a) => Operators.Compare(v, a.Require(0, "other")) > 0, "gt", "greaterthan", ">");
        Add((v, a) => Operators.Compare(v, a.Require(0, "other")) >= 0, "ge", ">=");
    }

    public static bool Exists(string name) => All.ContainsKey(name);

    public static bool Holds(string name, object? value, Arguments arguments) => All.TryGetValue(name, out var test) ? test(value, arguments) : throw new TemplateFault($"there is no test '{name}'");
}
