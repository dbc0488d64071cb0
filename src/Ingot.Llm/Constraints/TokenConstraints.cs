using System.Text.Json;
using Ingot.Llm.Generation;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Constraints;

/// <summary>Makes constraints for the tokens of a model. Make one a model: it holds the vocabulary as a tree of bytes. Safe for use from several threads at once; the constraints it makes are not.</summary>
/// <param name="tokenizer">Of the model.</param>
/// <param name="endTokens">Tokens that end a text; at least one.</param>
public sealed class TokenConstraints(Tokenizer tokenizer, IReadOnlyList<int> endTokens)
{
    /// <summary>JSON that a schema describes.</summary>
    /// <exception cref="IngotException">The schema cannot be honoured: the message has the keyword and its JSON path.</exception>
    public ITokenConstraint JsonSchema(JsonElement schema) => throw new NotSupportedException($"{tokenizer} {endTokens} {schema}");

    /// <summary>Any JSON object.</summary>
    public ITokenConstraint JsonObject() => throw new NotSupportedException();

    /// <summary>A text that a regular expression matches as a whole.</summary>
    /// <exception cref="IngotException">It is broken, or not regular (look-around, back-references).</exception>
    public ITokenConstraint Regex(string pattern) => throw new NotSupportedException(pattern);

    /// <summary>One of some texts.</summary>
    public ITokenConstraint Choice(IReadOnlyList<string> texts) => throw new NotSupportedException($"{texts}");
}
