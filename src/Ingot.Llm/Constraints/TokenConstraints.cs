using System.Text;
using System.Text.Json;
using Ingot.Llm.Chat;
using Ingot.Llm.Generation;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Constraints;

/// <summary>
/// Makes constraints for the tokens of a model. Make one a model: it holds the vocabulary as a tree of bytes, and what was found out about earlier schemas. Safe
/// for use from several threads at once; a constraint that it makes belongs to one text.
/// </summary>
public sealed class TokenConstraints
{
    /// <summary>Grammars kept for requests with the same schema.</summary>
    const int MostKept = 32;

    /// <summary>What they take together before a new one replaces them all.</summary>
    const long MostBytes = 256L << 20;

    readonly Tokenizer tokenizer;
    readonly IReadOnlyList<int> endTokens;
    readonly ToolFormat? format;
    readonly Lazy<TokenTrie> trie;
    readonly Dictionary<(string Kind, string Text), TokenGrammar> kept = [];
    readonly Lock gate = new();

    /// <param name="tokenizer">Of the model.</param>
    /// <param name="endTokens">Tokens that end a text; at least one.</param>
    /// <param name="format">How the model writes calls of tools; null: it writes none.</param>
    /// <exception cref="IngotException">There is no end token, or the tokenizer's tokens are not pieces of text that are joined as they are (WordPiece).</exception>
    public TokenConstraints(Tokenizer tokenizer, IReadOnlyList<int> endTokens, ToolFormat? format = null)
    {
        if (endTokens.Count == 0) throw new IngotException("without a token that ends a text, no constrained text could end");
        foreach (int id in endTokens)
            if ((uint)id >= (uint)tokenizer.VocabularySize) throw new IngotException($"end token {id} is not in a vocabulary of {tokenizer.VocabularySize}");
        if (tokenizer.Kind is "WordPiece" or "WordLevel") throw new IngotException($"output of a {tokenizer.Kind} tokenizer cannot be constrained: its decoder puts spaces between tokens");
        (this.tokenizer, this.endTokens, this.format) = (tokenizer, endTokens, format);
        trie = new(() => new(tokenizer, [.. endTokens], format?.Markers ?? []));
    }

    /// <summary>JSON that a schema describes; docs/templates.md lists what of JSON Schema can be honoured.</summary>
    /// <exception cref="IngotException">The schema cannot be honoured: the message has the keyword and its place.</exception>
    public ITokenConstraint JsonSchema(JsonElement schema) => Of(new AnswerForm.Json(schema));

    internal static string RawText(JsonElement json)
    {
        try { return json.GetRawText(); }
        catch (InvalidOperationException e) { throw new IngotException($"the JSON schema is broken: {e.Message}", e); } // bytes that are no UTF-8
    }

    /// <summary>Any JSON object.</summary>
    public ITokenConstraint JsonObject() => Of(new AnswerForm.AnyJson());

    /// <summary>A text that a regular expression matches as a whole.</summary>
    /// <param name="pattern">ECMAScript's syntax without look-around, word borders and back-references.</param>
    /// <exception cref="IngotException">It is broken, or not regular.</exception>
    public ITokenConstraint Regex(string pattern) => Of(new AnswerForm.Pattern(pattern));

    /// <summary>One of some texts.</summary>
    /// <exception cref="IngotException">There are none.</exception>
    public ITokenConstraint Choice(IReadOnlyList<string> texts) => Of(new AnswerForm.Choice(texts));

    /// <summary>Text of a form.</summary>
    /// <exception cref="IngotException">The form cannot be honoured.</exception>
    public ITokenConstraint Of(AnswerForm form) => Of(Kind(form), Text(form), $"the {Kind(form)} {RegexGrammar.Short(Text(form))}".TrimEnd(), grammar => RuleOf(grammar, form));

    /// <summary>Text of a form, or calls of tools as the model's family writes them, and nothing beside them.</summary>
    /// <param name="form">Of text.</param>
    /// <param name="tools">At least one.</param>
    /// <param name="allowsSeveral">More than one call in a turn.</param>
    /// <exception cref="IngotException">The form or a tool's parameters cannot be honoured.</exception>
    public ITokenConstraint FormOrCalls(AnswerForm form, IReadOnlyList<ToolDefinition> tools, bool allowsSeveral)
    {
        string text = $"{allowsSeveral} {Text(form)}\n{string.Join('\n', tools.Select(t => $"{t.Name} {(t.Parameters is { } p ? RawText(p) : "")}"))}";
        return Of($"{Kind(form)} or calls", text, $"the {Kind(form)} {RegexGrammar.Short(Text(form))} or a call", grammar =>
        {
            int root = grammar.NewRule(), start = grammar.Start(root);
            grammar.Call(start, RuleOf(grammar, form), grammar.End(root));
            // Joined back to where they begin, several calls would come out as text, too: they have a beginning of their own.
            int calls = grammar.NewState();
            grammar.Nothing(start, calls);
            grammar.Byte(start, (byte)' ', (byte)' ', calls);
            grammar.Byte(start, (byte)'\n', (byte)'\n', calls);
            (format ?? throw new InvalidOperationException("a model that writes no calls")).Describe(new(grammar, tokenizer, tools, allowsSeveral), calls, grammar.End(root));
            return root;
        });
    }

    static string Kind(AnswerForm form) => form switch { AnswerForm.Json => "schema", AnswerForm.AnyJson => "object", AnswerForm.Pattern => "pattern", _ => "choice" };

    static string Text(AnswerForm form) => form switch
    {
        AnswerForm.Json { Schema: var schema } => RawText(schema),
        AnswerForm.Pattern { Regex: var pattern } => pattern,
        AnswerForm.Choice { Texts: var texts } => JsonSerializer.Serialize(texts),
        _ => "",
    };

    static int RuleOf(Grammar grammar, AnswerForm form)
    {
        switch (form)
        {
            case AnswerForm.Json { Schema: var schema }:
                return new SchemaCompiler(grammar, schema).Compile();
            case AnswerForm.AnyJson:
                using (var schema = JsonDocument.Parse("""{"type": "object"}""")) return new SchemaCompiler(grammar, schema.RootElement).Compile();
            case AnswerForm.Pattern { Regex: var pattern }:
                int root = grammar.NewRule();
                grammar.Nothing(RegexGrammar.Add(grammar, grammar.Start(root), pattern, isWhole: true, Writing.Plain), grammar.End(root));
                return root;
            case AnswerForm.Choice { Texts: var texts }:
                if (texts.Count == 0 || texts.Any(t => t.Length == 0)) throw new IngotException("a choice needs texts, none of them empty");
                int choice = grammar.NewRule();
                foreach (string text in texts) grammar.Nothing(grammar.Literal(grammar.Start(choice), Encoding.UTF8.GetBytes(text)), grammar.End(choice));
                return choice;
            default:
                throw new IngotException($"there is no form {form.GetType().Name}");
        }
    }

    AutomatonConstraint Of(string kind, string text, string what, Func<Grammar, int> compile)
    {
        lock (gate)
        {
            if (!kept.TryGetValue((kind, text), out var grammar))
            {
                var rules = new Grammar();
                int root = compile(rules);
                rules.Finish(root);
                if (kept.Count >= MostKept || kept.Values.Sum(g => g.Bytes) > MostBytes) kept.Clear();
                kept[(kind, text)] = grammar = new(trie.Value, new(rules, root, what), endTokens);
            }
            return new(grammar, grammar.Start);
        }
    }
}
