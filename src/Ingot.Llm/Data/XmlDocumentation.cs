using System.Text;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

namespace Ingot.Llm.Data;

/// <summary>A member of an API and what its documentation says.</summary>
/// <param name="Name">"Dictionary.TryGetValue".</param>
/// <param name="Summary">One or more sentences.</param>
/// <param name="Returns">What is returned; empty where nothing is said.</param>
public sealed record ApiMember(string Name, string Summary, string Returns);

/// <summary>A type of an API with its members, as plain English.</summary>
/// <param name="Name">With its namespace.</param>
/// <param name="Text">The whole documentation.</param>
/// <param name="Members">The members that have a summary.</param>
public sealed record ApiType(string Name, string Text, IReadOnlyList<ApiMember> Members);

/// <summary>Reads the XML files that the C# compiler writes from documentation comments: one text a type.</summary>
public static partial class XmlDocumentation
{
    /// <summary>Whether an XML text is such a file.</summary>
    internal static bool IsOne(string text) => text.AsSpan(0, Math.Min(text.Length, 400)).Contains("<doc>", StringComparison.Ordinal);

    /// <exception cref="IngotException">The XML is broken.</exception>
    public static IEnumerable<ApiType> Read(string source, string text)
    {
        XDocument xml;
        try { xml = XDocument.Parse(text, LoadOptions.PreserveWhitespace); }
        catch (XmlException e) { throw new IngotException($"{source} is not XML: {e.Message}", e); }
        var types = new Dictionary<string, List<(string Kind, string Id, XElement Element)>>();
        foreach (var member in xml.Descendants("member"))
        {
            if (member.Attribute("name")?.Value is not [var kind, ':', .. var id]) continue;
            string head = id.Split('(')[0];
            string type = kind == 'T' || !head.Contains('.') ? head : head[..head.LastIndexOf('.')];
            if (!types.TryGetValue(type, out var members)) types.Add(type, members = []);
            members.Add((kind.ToString(), id, member));
        }
        return types.OrderBy(t => t.Key, StringComparer.Ordinal).Select(t => Describe(t.Key, t.Value)).Where(t => t.Text.Length > 0);
    }

    static ApiType Describe(string type, List<(string Kind, string Id, XElement Element)> entries)
    {
        var text = new StringBuilder();
        var members = new List<ApiMember>();
        string shortName = Short(type[(type.LastIndexOf('.') + 1)..]);
        var own = entries.FirstOrDefault(e => e.Kind == "T").Element;
        if (own is not null && Words(own.Element("summary")) is { Length: > 0 } about) text.Append(CleanName(type)).Append(": ").Append(about).Append('\n');
        if (own is not null && Words(own.Element("remarks")) is { Length: > 0 } remarks) text.Append(remarks).Append('\n');
        foreach (var (kind, id, element) in entries.Where(e => e.Kind != "T"))
        {
            if (Words(element.Element("summary")) is not { Length: > 0 } summary) continue;
            string head = id.Split('(')[0], member = Short(head[(head.LastIndexOf('.') + 1)..]).Replace("#ctor", "constructor");
            string name = $"{shortName}.{member}", returns = Words(element.Element("returns"));
            text.Append(name).Append(": ").Append(summary);
            foreach (var parameter in element.Elements("param"))
                if (Words(parameter) is { Length: > 0 } p) text.Append(' ').Append(parameter.Attribute("name")?.Value).Append(": ").Append(p);
            if (returns.Length > 0) text.Append(" Returns: ").Append(returns);
            foreach (var exception in element.Elements("exception"))
                if (Words(exception) is { Length: > 0 } e) text.Append(" Throws ").Append(Reference(exception.Attribute("cref")?.Value ?? "")).Append(": ").Append(e);
            text.Append('\n');
            members.Add(new(name, summary, returns));
        }
        return new(CleanName(type), text.ToString().TrimEnd(), members);
    }

    /// <summary>The words of an element: references by their name, code as it is, white space as one space.</summary>
    static string Words(XElement? element)
    {
        if (element is null) return "";
        var text = new StringBuilder();
        foreach (var node in element.DescendantNodes())
        {
            if (node is XText plain) text.Append(plain.Value);
            else if (node is XElement { IsEmpty: true } e)
                text.Append(e.Name.LocalName switch
                {
                    "see" or "seealso" => e.Attribute("langword")?.Value ?? Reference(e.Attribute("cref")?.Value ?? e.Attribute("href")?.Value ?? ""),
                    "paramref" or "typeparamref" => e.Attribute("name")?.Value,
                    "para" or "br" => " ",
                    _ => "",
                });
            else if (node is XElement { Name.LocalName: "para" or "item" or "description" }) text.Append(' ');
        }
        return Space().Replace(text.ToString(), " ").Trim();
    }

    /// <summary>"T:System.Collections.Generic.List`1" as "List".</summary>
    static string Reference(string id)
    {
        if (id.Length > 2 && id[1] == ':') id = id[2..];
        if (id.StartsWith("http", StringComparison.Ordinal)) return id;
        var parts = id.Split('(')[0].Split('.');
        return Short(parts.Length > 1 && char.IsUpper(parts[^1][0]) && id.Contains('(') ? $"{parts[^2]}.{parts[^1]}" : parts[^1]);
    }

    static string CleanName(string name) => Arity().Replace(name, "");

    static string Short(string name) => Arity().Replace(name, "");

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();

    [GeneratedRegex(@"`+\d+")]
    private static partial Regex Arity();
}
