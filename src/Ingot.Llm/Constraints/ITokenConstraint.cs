namespace Ingot.Llm.Generation;

/// <summary>Says token by token what a text may go on with, so that it has a given form when it ends. Belongs to one sequence.</summary>
public interface ITokenConstraint
{
    /// <summary>Makes the logits of tokens that cannot follow minus infinity. Tokens that end a text are left only where the text is complete; there is always at least one token left.</summary>
    /// <param name="logits">One a token; may be longer than the tokenizer's vocabulary, what is beyond is never allowed.</param>
    void Mask(Span<float> logits);

    /// <summary>Takes note of the token that was chosen.</summary>
    /// <exception cref="IngotException">It was not allowed.</exception>
    void Accept(int token);

    /// <summary>The text so far has the form, and may end here.</summary>
    bool IsComplete { get; }

    /// <summary>The same state, for another continuation of the text (speculation, several answers).</summary>
    ITokenConstraint Clone();
}
