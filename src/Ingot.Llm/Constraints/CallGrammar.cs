using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ingot.Llm.Chat;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Constraints;

/// <summary>The pieces of which a family's calls of tools are made, in a grammar: a <see cref="ToolFormat"/> puts them together.</summary>
/// <param name="grammar">Where they go.</param>
/// <param name="tokenizer">Of the model: some marks are special tokens in it.</param>
/// <param name="tools">What may be called.</param>
/// <param name="allowsSeveral">More than one call in a turn.</param>
sealed class CallGrammar(Grammar grammar, Tokenizer tokenizer, IReadOnlyList<ToolDefinition> tools, bool allowsSeveral)
{
    readonly Dictionary<string, int> rules = [];

    public bool AllowsSeveral => allowsSeveral;

    public int NewState() => grammar.NewState();

    /// <summary>What is at one state may be at another, too.</summary>
    public void Join(int from, int to) => grammar.Nothing(from, to);

    /// <summary>A mark, as the model writes it: a special token of that name where there is one, its text otherwise.</summary>
    public int Mark(int from, string text) => grammar.Literal(from, BytesOf(tokenizer, text));

    /// <summary>Bytes that stand for a mark: those of a special token are no UTF-8, so that no text can be taken for it.</summary>
    internal static byte[] BytesOf(Tokenizer tokenizer, string mark) =>
        tokenizer.TokenId(mark) is { } id && tokenizer.IsSpecial(id) ? [TokenTrie.SpecialByte, .. Encoding.UTF8.GetBytes(mark)] : Encoding.UTF8.GetBytes(mark);

    /// <summary>Nothing, a space or a line feed.</summary>
    public int Space(int from)
    {
        int to = grammar.NewState();
        grammar.Nothing(from, to);
        grammar.Byte(from, (byte)' ', (byte)' ', to);
        grammar.Byte(from, (byte)'\n', (byte)'\n', to);
        return to;
    }

    /// <summary>Any text of at most 500 characters.</summary>
    public int Text(int from) => RegexGrammar.Add(grammar, from, "[^\\n]{1,500}", isWhole: true, Writing.Plain);

    /// <summary>Calls with commas between them, in brackets.</summary>
    public void List(int from, char open, char close, Action<int, int> call, int to)
    {
        int first = Space(grammar.Literal(from, [(byte)open])), behind = grammar.NewState();
        call(first, behind);
        if (allowsSeveral) grammar.Nothing(Space(grammar.Literal(behind, ","u8)), first);
        grammar.Nothing(grammar.Literal(Space(behind), [(byte)close]), to);
    }

    /// <summary>A call as {"name": ..., "arguments": {...}}.</summary>
    public void Object(int from, string argumentsKey, int to)
    {
        if (!rules.TryGetValue(argumentsKey, out int rule)) rules[argumentsKey] = rule = new SchemaCompiler(grammar, CallSchema.Of(tools, null, argumentsKey)).Compile();
        grammar.Call(from, rule, to);
    }

    /// <summary>A tool's name, a mark, and its arguments as JSON.</summary>
    public void Named(int from, string mark, int to)
    {
        foreach (var (i, tool) in tools.Index())
        {
            string key = $"arguments {i}";
            if (!rules.TryGetValue(key, out int rule)) rules[key] = rule = new SchemaCompiler(grammar, tool.Parameters ?? NoArguments).Compile();
            grammar.Call(Mark(grammar.Literal(from, Encoding.UTF8.GetBytes(tool.Name)), mark), rule, to);
        }
    }

    static readonly JsonElement NoArguments = JsonSerializer.SerializeToElement(new JsonObject { ["type"] = "object", ["properties"] = new JsonObject(), ["additionalProperties"] = false });

    /// <summary>A call as name(key=value, ...), values as in JSON, which the parser takes too; in the order of the schema, of which only named properties can be said.</summary>
    public void Function(int from, int to)
    {
        foreach (var (i, tool) in tools.Index())
        {
            string key = $"function {i}";
            if (!rules.TryGetValue(key, out int rule))
            {
                rules[key] = rule = grammar.NewRule();
                int begun = grammar.Literal(grammar.Start(rule), Encoding.UTF8.GetBytes(tool.Name + "("));
                grammar.Nothing(grammar.Literal(new SchemaCompiler(grammar, tool.Parameters ?? NoArguments).Arguments(begun), ")"u8), grammar.End(rule));
            }
            grammar.Call(from, rule, to);
        }
    }
}
