using System.Text;
using System.Text.Json;
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

    readonly IReadOnlyList<int> endTokens;
    readonly Lazy<TokenTrie> trie;
    readonly Dictionary<(string Kind, string Text), TokenGrammar> kept = [];
    readonly Lock gate = new();

    /// <param name="tokenizer">Of the model.</param>
    /// <param name="endTokens">Tokens that end a text; at least one.</param>
    /// <exception cref="IngotException">There is no end token, or the tokenizer's tokens are not pieces of text that are joined as they are (WordPiece).</exception>
    public TokenConstraints(Tokenizer tokenizer, IReadOnlyList<int> endTokens)
    {
        if (endTokens.Count == 0) throw new IngotException("without a token that ends a text, no constrained text could end");
        foreach (int id in endTokens)
            if ((uint)id >= (uint)tokenizer.VocabularySize) throw new IngotException($"end token {id} is not in a vocabulary of {tokenizer.VocabularySize}");
        if (tokenizer.Kind is "WordPiece" or "WordLevel") throw new IngotException($"output of a {tokenizer.Kind} tokenizer cannot be constrained: its decoder puts spaces between tokens");
        this.endTokens = endTokens;
        trie = new(() => new(tokenizer, [.. endTokens]));
    }

    /// <summary>JSON that a schema describes; docs/templates.md lists what of JSON Schema can be honoured.</summary>
    /// <exception cref="IngotException">The schema cannot be honoured: the message has the keyword and its place.</exception>
    public ITokenConstraint JsonSchema(JsonElement schema) => Of("schema", RawText(schema), grammar => new SchemaCompiler(grammar, schema).Compile());

    internal static string RawText(JsonElement json)
    {
        try { return json.GetRawText(); }
        catch (InvalidOperationException e) { throw new IngotException($"the JSON schema is broken: {e.Message}", e); } // bytes that are no UTF-8
    }

    /// <summary>Any JSON object.</summary>
    public ITokenConstraint JsonObject() => Of("object", "", grammar =>
    {
        using var schema = JsonDocument.Parse("""{"type": "object"}""");
        return new SchemaCompiler(grammar, schema.RootElement).Compile();
    });

    /// <summary>A text that a regular expression matches as a whole.</summary>
    /// <param name="pattern">ECMAScript's syntax without look-around, word borders and back-references.</param>
    /// <exception cref="IngotException">It is broken, or not regular.</exception>
    public ITokenConstraint Regex(string pattern) => Of("pattern", pattern, grammar =>
    {
        int root = grammar.NewRule();
        grammar.Nothing(RegexGrammar.Add(grammar, grammar.Start(root), pattern, isWhole: true, Writing.Plain), grammar.End(root));
        return root;
    });

    /// <summary>One of some texts.</summary>
    /// <exception cref="IngotException">There are none.</exception>
    public ITokenConstraint Choice(IReadOnlyList<string> texts)
    {
        if (texts.Count == 0 || texts.Any(t => t.Length == 0)) throw new IngotException("a choice needs texts, none of them empty");
        return Of("choice", JsonSerializer.Serialize(texts), grammar =>
        {
            int root = grammar.NewRule();
            foreach (string text in texts) grammar.Nothing(grammar.Literal(grammar.Start(root), Encoding.UTF8.GetBytes(text)), grammar.End(root));
            return root;
        });
    }

    AutomatonConstraint Of(string kind, string text, Func<Grammar, int> compile)
    {
        lock (gate)
        {
            if (!kept.TryGetValue((kind, text), out var grammar))
            {
                var rules = new Grammar();
                int root = compile(rules);
                rules.Finish(root);
                if (kept.Count >= MostKept || kept.Values.Sum(g => g.Bytes) > MostBytes) kept.Clear();
                kept[(kind, text)] = grammar = new(trie.Value, new(rules, root, $"the {kind} {RegexGrammar.Short(text)}".TrimEnd()), endTokens);
            }
            return new(grammar, grammar.Start);
        }
    }
}
