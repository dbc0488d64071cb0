using System.Text.Json;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Chat;

/// <summary>What a chat prompt needs to know about a model besides its tokenizer and template.</summary>
public sealed record ChatPromptOptions
{
    /// <summary>The token that begins a text; null: the one that the tokenizer puts there, if any.</summary>
    public int? BeginToken { get; init; }

    /// <summary>Tokens that end a text, the main one first.</summary>
    public IReadOnlyList<int> EndTokens { get; init; } = [];

    /// <summary>Today's date for templates that tell it.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}

/// <summary>
/// How conversations become the tokens that a model was trained on, and how what it answers is to be read: Ingot's own format, or a Jinja template that came with
/// the model. Text of messages never becomes special tokens, whatever it contains; only the format's own marks do. Safe for use from several threads at once.
/// </summary>
public abstract class ChatPrompt
{
    /// <summary>The prompt format of a model.</summary>
    /// <param name="tokenizer">Of the model.</param>
    /// <param name="jinja">The text of its chat template; null: Ingot's own format, which the tokenizer must have the special tokens for.</param>
    /// <param name="options">What the model's files say besides.</param>
    /// <exception cref="FormatException">The template is broken or uses what is not supported; the message has line and column.</exception>
    /// <exception cref="IngotException">There is neither a template nor Ingot's special tokens.</exception>
    public static ChatPrompt Of(Tokenizer tokenizer, string? jinja = null, ChatPromptOptions? options = null) => jinja is not null
        ? new JinjaChatPrompt(tokenizer, jinja, options ?? new()) : new IngotChatPrompt(tokenizer, options ?? new());

    /// <summary>How the model writes calls of tools.</summary>
    public abstract ToolFormat ToolFormat { get; }

    /// <summary>Tokens that end the assistant's turn: those that end texts and the template's mark behind an assistant's words.</summary>
    public abstract IReadOnlyList<int> EndTokens { get; }

    /// <summary>The prompt's tokens, the one that begins a text among them where the format has it.</summary>
    /// <param name="turns">The conversation.</param>
    /// <param name="tools">What the model may call.</param>
    /// <param name="addGenerationPrompt">Put behind it what the assistant's turn begins with.</param>
    /// <param name="prefill">What the assistant's answer is to begin with; implies the generation prompt.</param>
    /// <param name="variables">More variables for the template, such as enable_thinking (chat_template_kwargs).</param>
    /// <exception cref="IngotException">The template refuses the conversation (its own words are in the message), or exceeds its limits.</exception>
    public abstract int[] Render(IReadOnlyList<ChatTurn> turns, IReadOnlyList<ToolDefinition>? tools = null, bool addGenerationPrompt = true, string? prefill = null,
        IReadOnlyDictionary<string, JsonElement>? variables = null);

    /// <summary>The prompt as text, to look at: text of messages that looks like special tokens cannot be told from them here.</summary>
    /// <inheritdoc cref="Render"/>
    public abstract string RenderText(IReadOnlyList<ChatTurn> turns, IReadOnlyList<ToolDefinition>? tools = null, bool addGenerationPrompt = true, string? prefill = null,
        IReadOnlyDictionary<string, JsonElement>? variables = null);

    /// <summary>Reads the tokens of one answer.</summary>
    /// <param name="prompt">The tokens before it; where they end within a thought, the answer begins with one.</param>
    /// <param name="tools">Those that were offered; none: all text is content.</param>
    /// <param name="stop">Texts that end the answer and are not part of it.</param>
    public abstract AssistantReader NewReader(IReadOnlyList<int>? prompt = null, IReadOnlyList<ToolDefinition>? tools = null, IReadOnlyList<string>? stop = null);
}

/// <summary>Tokens of one assistant's turn in, events out. End tokens need not be taken away before.</summary>
public abstract class AssistantReader
{
    /// <summary>A stop string was met: nothing more comes but from <see cref="Finish"/>.</summary>
    public abstract bool IsStopped { get; }

    /// <summary>Takes the next token.</summary>
    public abstract IReadOnlyList<AssistantEvent> Add(int token);

    /// <summary>No more tokens come.</summary>
    public abstract IReadOnlyList<AssistantEvent> Finish();
}
