namespace Ingot.Llm.Chat.Templates;

/// <summary>
/// A chat template in the part of Jinja that models' templates use: an interpreter over its own values only. A template can compute and write text; it cannot
/// reach anything of .NET, files, or the network, and what it takes is limited. Safe for use from several threads at once.
/// </summary>
sealed class ChatTemplate
{
    readonly Lexer lexer;
    readonly IReadOnlyList<Statement> statements;
    readonly TemplateLimits limits;

    /// <param name="source">The template.</param>
    /// <param name="limits">What it may use.</param>
    /// <exception cref="FormatException">It is broken or uses what is not supported; the message has line and column.</exception>
    public ChatTemplate(string source, TemplateLimits? limits = null)
    {
        this.limits = limits ?? new();
        if (source.Length > this.limits.SourceCharacters) throw new FormatException($"the chat template has {source.Length} characters; more than {this.limits.SourceCharacters} are refused");
        (Source, lexer) = (source, new(source));
        statements = new Parser(lexer, this.limits.Depth).Parse();
    }

    public string Source { get; }

    /// <summary>What the template writes.</summary>
    /// <param name="variables">Values of the kinds that Values.cs lists.</param>
    /// <param name="clock">For strftime_now.</param>
    /// <exception cref="IngotException">The template refuses the conversation, does what cannot be done, or exceeds its limits; the message has line and column.</exception>
    public MarkedText Render(IEnumerable<KeyValuePair<string, object?>> variables, TimeProvider? clock = null)
    {
        var interpreter = new Interpreter(limits, clock ?? TimeProvider.System, variables);
        try { return interpreter.Run(statements); }
        catch (TemplateRefusal e) { throw new IngotException($"the model's chat template refuses the conversation: {e.Message}"); }
        catch (TemplateFault e)
        {
            var (line, column) = lexer.Place(interpreter.Offset);
            throw new IngotException($"chat template, line {line}, column {column}: {e.Message}");
        }
    }
}
