using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace Ingot.Nn;

/// <summary>
/// What a model has in it. A module is any class: its tensors are found in its fields and properties, in those of the objects it holds,
/// and in arrays, lists, tuples and dictionaries of them, in the order they are declared (a base class first). Collections without an order or a name for their
/// elements, such as sets and queues, must not hold any: that is an error.
/// </summary>
/// <remarks>
/// Names are dotted and spelled as PyTorch's: a property <c>RunningMean</c> is <c>running_mean</c>, an element of a list its number: <c>layers.0.weight</c>.
/// A tensor with <see cref="Tensor.RequiresGrad"/> is a parameter, another one a buffer (running statistics); both are in the state dict.
/// <see cref="NotStateAttribute"/> keeps a field out: a table that is computed anew, for one.
/// </remarks>
public static class Module
{
    /// <summary>All tensors that are trained, each once.</summary>
    public static IReadOnlyList<Tensor> Parameters(object model) => [.. NamedParameters(model).Values];

    /// <summary>All tensors that are trained, each once, by the first name it is found under.</summary>
    public static IReadOnlyDictionary<string, Tensor> NamedParameters(object model)
    {
        var seen = new HashSet<Tensor>(ReferenceEqualityComparer.Instance);
        var found = new OrderedDictionary<string, Tensor>();
        foreach (var (name, tensor) in StateDict(model))
            if (tensor.RequiresGrad && seen.Add(tensor)) found[name] = tensor;
        return found;
    }

    /// <summary>All tensors of a model by name, in order; the tensors themselves, not copies. A tensor that two names share is listed under both.</summary>
    public static IReadOnlyDictionary<string, Tensor> StateDict(object model)
    {
        var found = new OrderedDictionary<string, Tensor>();
        Visit(model, "", [], (path, value) =>
        {
            if (value is Tensor t && !found.TryAdd(path, t)) throw new IngotException($"two tensors of {model.GetType().Name} have the name '{path}'; rename one of the fields");
        });
        return found;
    }

    /// <summary>Takes on the values of a state dict, cast to the model's dtypes.</summary>
    /// <param name="model">The model to load into.</param>
    /// <param name="state">Tensors by name.</param>
    /// <param name="strict">Names must agree; otherwise only those in both are loaded.</param>
    /// <exception cref="IngotException">A name is missing or unknown, or a shape differs: all of them are listed, and nothing is loaded.</exception>
    public static void LoadStateDict(object model, IReadOnlyDictionary<string, Tensor> state, bool strict = true) =>
        StateLoading.Load(StateDict(model), state, strict, model.GetType().Name);

    /// <summary>Sets every property <c>Training</c> in a model: dropout draws and batch norm measures only in training.</summary>
    public static void Train(object model, bool training = true) => Visit(model, "", [], (_, value) =>
    {
        if (value.GetType().GetProperty("Training", typeof(bool)) is { CanWrite: true } property) property.SetValue(value, training);
    });

    /// <summary>The model as it is used, not trained.</summary>
    public static void Eval(object model) => Train(model, false);

    /// <summary>Calls back for every object of a model with its path; <paramref name="above"/> holds the objects on the way, so that a reference back ends there.</summary>
    static void Visit(object? value, string path, HashSet<object> above, Action<string, object> visitor)
    {
        if (value is null or string || value.GetType().IsPrimitive || value.GetType().IsEnum || value.GetType().GetElementType() is { IsPrimitive: true }) return;
        if (value is Tensor)
        {
            visitor(path, value);
            return;
        }
        if (!value.GetType().IsValueType && above.Contains(value, ReferenceEqualityComparer.Instance)) return;
        above = new(above, ReferenceEqualityComparer.Instance) { value };
        visitor(path, value);
        switch (value)
        {
            case Delegate f: // a layer given as a method, or what a lambda has captured
                Visit(f.Target, path, above, visitor);
                break;
            case IDictionary map:
                foreach (DictionaryEntry entry in map) Visit(entry.Value, Join(path, entry.Key.ToString()!), above, visitor);
                break;
            case IList list:
                for (int i = 0; i < list.Count; i++) Visit(list[i], Join(path, i.ToString()), above, visitor);
                break;
            case ITuple tuple:
                for (int i = 0; i < tuple.Length; i++) Visit(tuple[i], Join(path, i.ToString()), above, visitor);
                break;
            case IEnumerable collection when IsNameless(value.GetType()):
                foreach (var element in collection)
                    Visit(element, path, above, (_, found) =>
                    {
                        if (found is Tensor t)
                            throw new IngotException($"a tensor {t.DType.Name}{t.Shape} of the model is in '{path}', a {value.GetType().Name.Split('`')[0]}, where it has no name; use a list, an array or a dictionary, or [NotState]");
                    });
                break;
            case Sequential layers:
                for (int i = 0; i < layers.Count; i++) Visit(layers[i], Join(path, i.ToString()), above, visitor);
                break;
            default:
                foreach (var field in FieldsOf(value.GetType())) Visit(field.Info.GetValue(value), Join(path, field.Name), above, visitor);
                break;
        }
    }

    /// <summary>A collection of the framework's that is none of those above: a set, a queue, a stack. Sequences that compute their elements are none.</summary>
    static bool IsNameless(Type type) => type.Namespace?.StartsWith("System.Collections", StringComparison.Ordinal) == true
        && Array.Exists(type.GetInterfaces(), i => i == typeof(ICollection) || i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IReadOnlyCollection<>));

    static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    static readonly ConditionalWeakTable<Type, List<(string Name, FieldInfo Info)>> Fields = [];

    /// <summary>The fields that hold a type's state, in order of declaration; a property stands for the field behind it, so that computed ones do not count.</summary>
    static List<(string Name, FieldInfo Info)> FieldsOf(Type type) => Fields.GetValue(type, static type =>
    {
        var fields = new List<(string, FieldInfo)>();
        if (type.Namespace is "System" || type.Namespace?.StartsWith("System.", StringComparison.Ordinal) == true) return fields;
        if (type.BaseType is { } parent && parent != typeof(object)) fields.AddRange(FieldsOf(parent));
        const BindingFlags own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        foreach (var field in type.GetFields(own).OrderBy(f => f.MetadataToken))
        {
            var (name, property) = Declared(type, field, own);
            bool isState = !field.IsDefined(typeof(NotStateAttribute)) && property?.IsDefined(typeof(NotStateAttribute)) != true;
            if (isState && !field.FieldType.IsPrimitive && !field.FieldType.IsEnum && field.FieldType != typeof(string)) fields.Add((SnakeCase(name), field));
        }
        return fields;
    });

    /// <summary>The name in the source: <c>&lt;Weight&gt;k__BackingField</c> is a property's field, <c>&lt;weight&gt;P</c> that of a primary constructor's parameter.</summary>
    static (string Name, PropertyInfo? Property) Declared(Type type, FieldInfo field, BindingFlags own)
    {
        int end = field.Name.IndexOf('>');
        if (!field.Name.StartsWith('<') || end < 2) return (field.Name.TrimStart('_'), null);
        string name = field.Name[1..end];
        return (name, field.Name.EndsWith("BackingField", StringComparison.Ordinal) ? type.GetProperty(name, own | BindingFlags.Static) : null);
    }

    /// <summary>RunningMean to running_mean, InputIDs to input_ids; a name that is in lower case already stays.</summary>
    static string SnakeCase(string name)
    {
        var text = new StringBuilder();
        for (int i = 0; i < name.Length; i++)
        {
            bool startsWord = i > 0 && char.IsUpper(name[i]) && (!char.IsUpper(name[i - 1]) || (i + 1 < name.Length && char.IsLower(name[i + 1]) && name[i + 1] != 's'));
            if (startsWord && name[i - 1] != '_') text.Append('_');
            text.Append(char.ToLowerInvariant(name[i]));
        }
        return text.ToString();
    }
}

/// <summary>Keeps a field or property of a module out of its state: neither saved nor trained.</summary>
[AttributeUsage(AttributeTargets.Field | AttributeTargets.Property)]
public sealed class NotStateAttribute : Attribute;
