using Ingot.Llm.Chat;

namespace Ingot.Llm.Evaluation;

/// <summary>Something that is asked of whatever is evaluated.</summary>
/// <param name="Prompt">Ends with the user's turn; or a text, to be continued, as a single turn of <see cref="Request.IsText"/>.</param>
public abstract record Request(Conversation Prompt)
{
    /// <summary>The prompt is no question but the beginning of a text.</summary>
    public bool IsText { get; init; }

    /// <summary>A question.</summary>
    protected static Conversation Ask(string question) => new([new(Role.User, question)]);

    /// <summary>The words of the prompt.</summary>
    public string Text => string.Join('\n', Prompt.Messages.Select(m => string.Concat(m.Parts.Select(p => p.Text))));
}

/// <summary>Answers are to be written.</summary>
/// <param name="Prompt">Ends with the user's turn, or is a text.</param>
/// <param name="Most">The longest right answer; much longer ones are cut. Null: as long as the context lasts.</param>
public sealed record WriteRequest(Conversation Prompt, string? Most) : Request(Prompt)
{
    /// <summary>Answers wanted, each with random choices of its own.</summary>
    public int Samples { get; init; } = 1;

    /// <summary>0: the most likely token at each place.</summary>
    public double Temperature { get; init; }
}

/// <summary>Some continuations are to be weighed.</summary>
/// <param name="Prompt">Ends with the user's turn, or is a text.</param>
/// <param name="Candidates">What may follow.</param>
public sealed record WeighRequest(Conversation Prompt, IReadOnlyList<string> Candidates) : Request(Prompt);

/// <summary>What came.</summary>
/// <param name="Texts">Of a <see cref="WriteRequest"/>: the answers.</param>
/// <param name="LogLikelihoods">Of a <see cref="WeighRequest"/>: nats for each candidate, given the prompt.</param>
public sealed record Reply(IReadOnlyList<string> Texts, IReadOnlyList<double> LogLikelihoods)
{
    public static Reply Of(params IReadOnlyList<string> texts) => new(texts, []);

    public static Reply Weights(IReadOnlyList<double> logLikelihoods) => new([], logLikelihoods);
}

/// <summary>What is evaluated: a model, an oracle, chance.</summary>
public interface IAnswerer
{
    /// <summary>Replies to all requests, in their order. Called once with everything, so that a model can work on hundreds side by side.</summary>
    IReadOnlyList<Reply> Answer(IReadOnlyList<Request> requests, CancellationToken cancellation = default);
}
