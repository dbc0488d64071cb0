using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ingot.Formats.Fuzzing;

/// <summary>Changes JSON as a tree, so that it stays JSON: values of the wrong type, at their limits, missing, doubled, exchanged.</summary>
public static class JsonMutation
{
    static readonly string[] Values =
    [
        "null", "true", "false", "0", "-1", "1", "2147483647", "2147483648", "-9223372036854775809", "1e308", "0.5", "\"\"", "\"a\"", "\"\\u0000\"", "\"HALF\"", "[]", "{}", "[[]]", "[0]", "[1,2]", "[\"a\",\"b\"]", "{\"type\":\"ByteLevel\"}", "[9223372036854775807,2]",
    ];

    /// <summary>One to four changes to a JSON text; broken text is returned as it is.</summary>
    public static byte[] Apply(string json, Random random)
    {
        JsonNode? root;
        try { root = JsonNode.Parse(json); }
        catch (JsonException) { return Encoding.UTF8.GetBytes(json); }
        for (int n = random.Next(1, 5); n > 0; n--) Change(root, random);
        // JsonNode cannot hold half a character, files can.
        return Encoding.UTF8.GetBytes((root?.ToJsonString() ?? "null").Replace("\"HALF\"", "\"\\ud83d\"", StringComparison.Ordinal));
    }

    static void Change(JsonNode? root, Random random)
    {
        var nodes = new List<JsonNode>();
        Collect(root, nodes);
        if (nodes.Count == 0) return;
        // Near the root more often: there the structure is, at the leaves long lists of the same.
        var parent = nodes[random.Next(2) == 0 ? random.Next(nodes.Count) : random.Next(Math.Min(nodes.Count, 12))];
        var donor = nodes[random.Next(nodes.Count)].DeepClone();
        if (parent is JsonObject o)
        {
            if (o.Count == 0) { o["a"] = Random(random); return; }
            string key = o.ElementAt(random.Next(o.Count)).Key;
            switch (random.Next(6))
            {
                case 0: o.Remove(key); break;
                case 1: o[key] = donor; break;
                case 2:
                    var value = o[key]?.DeepClone();
                    o.Remove(key);
                    o[random.Next(2) == 0 ? "" : key + "x"] = value;
                    break;
                case 3 when o[key] is JsonValue v && v.GetValueKind() == JsonValueKind.String: o[key] = Text(v.GetValue<string>(), random); break;
                default: o[key] = Random(random); break;
            }
        }
        else if (parent is JsonArray a)
        {
            if (a.Count == 0) { a.Add(Random(random)); return; }
            int i = random.Next(a.Count);
            switch (random.Next(5))
            {
                case 0: a.RemoveAt(i); break;
                case 1: a.Insert(i, a[random.Next(a.Count)]?.DeepClone()); break;
                case 2: a[i] = donor; break;
                case 3 when a[i] is JsonValue v && v.GetValueKind() == JsonValueKind.String: a[i] = Text(v.GetValue<string>(), random); break;
                default: a[i] = Random(random); break;
            }
        }
    }

    static JsonNode? Random(Random random)
    {
        if (random.Next(40) != 0) return JsonNode.Parse(Values[random.Next(Values.Length)]);
        JsonNode deep = new JsonArray();
        for (int depth = random.Next(20, 80); depth > 0; depth--) deep = random.Next(2) == 0 ? new JsonArray(deep) : new JsonObject { ["type"] = "Sequence", ["normalizers"] = new JsonArray(deep) };
        return deep;
    }

    static string Text(string text, Random random) => random.Next(5) switch
    {
        0 => text + text,
        1 => text.Length > 0 ? text[..random.Next(text.Length)] : "x",
        2 => text + "()[*"[random.Next(4)],
        3 => text.Insert(random.Next(text.Length + 1), "\u0130"),
        _ => new string('a', 1 << random.Next(12)),
    };

    static void Collect(JsonNode? node, List<JsonNode> nodes)
    {
        var open = new Queue<JsonNode?>([node]); // by levels
        while (open.TryDequeue(out var n) && nodes.Count < 2000)
        {
            if (n is JsonObject or JsonArray) nodes.Add(n);
            if (n is JsonObject o) foreach (var (_, v) in o) open.Enqueue(v);
            if (n is JsonArray a) foreach (var v in a) open.Enqueue(v);
        }
    }
}
