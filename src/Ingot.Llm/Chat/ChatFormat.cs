using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Chat;

/// <summary>A conversation as tokens.</summary>
/// <param name="Tokens">Of the whole conversation.</param>
/// <param name="IsOwn">True for the tokens that the assistant is to say itself: its words, its calls of tools, and the end of its turn.</param>
public sealed record ChatTokens(int[] Tokens, bool[] IsOwn);

/// <summary>
/// How a conversation becomes tokens: <c>&lt;|bos|&gt;</c>, then for each turn a start, the text and an end. A call of a tool stands between <c>&lt;|tool_start|&gt;</c> and
/// <c>&lt;|tool_end|&gt;</c> within the assistant's turn, the tool's answer between <c>&lt;|output_start|&gt;</c> and <c>&lt;|output_end|&gt;</c>.
/// </summary>
/// <remarks>Text is never read as special tokens, whatever it contains. A system message is put before the first user's words, two line feeds between them.</remarks>
public sealed class ChatFormat
{
    readonly Tokenizer tokenizer;

    /// <exception cref="IngotException">The tokenizer lacks one of the special tokens; the message names it.</exception>
    public ChatFormat(Tokenizer tokenizer)
    {
        this.tokenizer = tokenizer;
        int Special(string text) => tokenizer.TokenId(text) is { } id && tokenizer.IsSpecial(id) ? id
            : throw new IngotException($"the tokenizer has no special token {text}: it was not made for conversations in Ingot's format");
        Begin = Special("<|bos|>");
        (UserStart, UserEnd) = (Special("<|user_start|>"), Special("<|user_end|>"));
        (AssistantStart, AssistantEnd) = (Special("<|assistant_start|>"), Special("<|assistant_end|>"));
        (ToolStart, ToolEnd) = (Special("<|tool_start|>"), Special("<|tool_end|>"));
        (OutputStart, OutputEnd) = (Special("<|output_start|>"), Special("<|output_end|>"));
    }

    /// <summary>True if a tokenizer has the special tokens.</summary>
    public static bool Fits(Tokenizer tokenizer) => tokenizer.TokenId("<|assistant_start|>") is not null && tokenizer.TokenId("<|user_start|>") is not null;

    public int Begin { get; }

    public int UserStart { get; }

    public int UserEnd { get; }

    public int AssistantStart { get; }

    public int AssistantEnd { get; }

    public int ToolStart { get; }

    public int ToolEnd { get; }

    public int OutputStart { get; }

    public int OutputEnd { get; }

    /// <summary>Text as tokens, none of them special.</summary>
    public int[] Encode(string text) => tokenizer.Encode(text, addSpecial: false, parseSpecial: false);

    /// <summary>The conversation, to learn from.</summary>
    /// <exception cref="IngotException">Turns are out of order; the message says which.</exception>
    public ChatTokens Render(Conversation conversation)
    {
        var (tokens, own) = (new List<int>(), new List<bool>());
        void Put(bool isOwn, params ReadOnlySpan<int> ids)
        {
            foreach (int id in ids)
            {
                tokens.Add(id);
                own.Add(isOwn);
            }
        }

        Put(false, Begin);
        string system = "";
        var expected = Role.User;
        foreach (var (i, message) in conversation.Messages.Index())
        {
            if (message.Role == Role.System)
            {
                if (i != 0) throw new IngotException($"message {i} is the system's, which can only be the first");
                system = TextOf(message) + "\n\n";
                continue;
            }
            if (message.Role != expected) throw new IngotException($"message {i} is the {message.Role}'s, but it is the {expected}'s turn");
            if (message.Role == Role.User)
            {
                Put(false, [UserStart, .. Encode(system + TextOf(message)), UserEnd]);
                (system, expected) = ("", Role.Assistant);
                continue;
            }
            Put(false, AssistantStart);
            foreach (var part in message.Parts)
            {
                var ids = Encode(part.Text);
                if (part.Kind == PartKind.Text) Put(true, ids);
                else if (part.Kind == PartKind.ToolCall) Put(true, [ToolStart, .. ids, ToolEnd]);
                else Put(false, [OutputStart, .. ids, OutputEnd]);
            }
            Put(true, AssistantEnd);
            expected = Role.User;
        }
        return new([.. tokens], [.. own]);
    }

    /// <summary>The conversation up to the user's last words, and the start of the assistant's answer.</summary>
    /// <param name="conversation">It ends with the user's turn.</param>
    /// <param name="words">What the assistant's answer is to begin with.</param>
    /// <exception cref="IngotException">Turns are out of order.</exception>
    public int[] Prompt(Conversation conversation, string words = "") =>
        conversation.Messages is [.., { Role: Role.User }] ? [.. Render(conversation).Tokens, AssistantStart, .. Encode(words)]
        : throw new IngotException("the assistant can only answer the user; the conversation must end with the user's turn");

    static string TextOf(Message message) =>
        message.Parts.All(p => p.Kind == PartKind.Text) ? string.Concat(message.Parts.Select(p => p.Text)) : throw new IngotException($"a {message.Role}'s message has calls of tools; only the assistant's may");
}
