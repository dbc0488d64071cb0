using System.Text.Json;

namespace Ingot.Llm.Constraints;

/// <summary>What form an answer must have.</summary>
public abstract record AnswerForm
{
    /// <summary>A JSON object, whatever is in it.</summary>
    public sealed record AnyJson : AnswerForm;

    /// <summary>JSON that a schema describes.</summary>
    public sealed record Json(JsonElement Schema) : AnswerForm;

    /// <summary>A text that a regular expression matches as a whole.</summary>
    public sealed record Pattern(string Regex) : AnswerForm;

    /// <summary>One of some texts.</summary>
    public sealed record Choice(IReadOnlyList<string> Texts) : AnswerForm;
}
