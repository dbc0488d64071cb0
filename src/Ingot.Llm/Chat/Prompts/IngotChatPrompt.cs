using System.Text.Json;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Chat;

/// <summary>Prompts in Ingot's own format, of <see cref="ChatFormat"/>: turns of user and assistant, a calculator's calls and answers within the assistant's.</summary>
sealed class IngotChatPrompt(Tokenizer tokenizer, ChatPromptOptions options) : ChatPrompt
{
    readonly ChatFormat format = new(tokenizer);

    public override ToolFormat ToolFormat => IngotToolFormat.Instance;

    public override IReadOnlyList<int> EndTokens => [.. options.EndTokens.Append(format.AssistantEnd).Append(format.AssistantStart).Append(format.UserStart).Append(format.Begin).Distinct()];

    public override int[] Render(IReadOnlyList<ChatTurn> turns, IReadOnlyList<ToolDefinition>? tools = null, bool addGenerationPrompt = true, string? prefill = null, IReadOnlyDictionary<string, JsonElement>? variables = null)
    {
        bool opens = addGenerationPrompt || !string.IsNullOrEmpty(prefill);
        List<int> tokens = [.. format.Render(ConversationOf(turns, out bool isOpen)).Tokens];
        if (opens && isOpen) tokens.RemoveAt(tokens.Count - 1); // the assistant goes on behind a tool's answer
        else if (opens) tokens.Add(format.AssistantStart);
        if (opens && prefill is not null) tokens.AddRange(format.Encode(prefill));
        return [.. tokens];
    }

    public override string RenderText(IReadOnlyList<ChatTurn> turns, IReadOnlyList<ToolDefinition>? tools = null, bool addGenerationPrompt = true, string? prefill = null, IReadOnlyDictionary<string, JsonElement>? variables = null) =>
        tokenizer.Decode(Render(turns, tools, addGenerationPrompt, prefill, variables), skipSpecial: false);

    public override AssistantReader NewReader(IReadOnlyList<int>? prompt = null, IReadOnlyList<ToolDefinition>? tools = null, IReadOnlyList<string>? stop = null) =>
        new TokenReader(tokenizer, ToolFormat, EndTokens, tools, stop ?? [], null, startsInThought: false);

    /// <param name="turns">As an API gives them.</param>
    /// <param name="isOpen">The conversation ends with a tool's answer, after which the assistant's turn goes on.</param>
    static Conversation ConversationOf(IReadOnlyList<ChatTurn> turns, out bool isOpen)
    {
        List<Message> messages = [];
        foreach (var turn in turns)
        {
            switch (turn.Role)
            {
                case "system" or "developer": messages.Add(new(Role.System, turn.Content ?? "")); break;
                case "user": messages.Add(new(Role.User, turn.Content ?? "")); break;
                case "assistant" or "tool":
                    List<Part> parts = [];
                    if (turn.Role == "tool") parts.Add(new(PartKind.ToolResult, turn.Content ?? ""));
                    else if (!string.IsNullOrEmpty(turn.Content) || turn.ToolCalls.Count == 0) parts.Add(new(PartKind.Text, turn.Content ?? ""));
                    parts.AddRange(turn.ToolCalls.Select(c => new Part(PartKind.ToolCall, IngotToolFormat.ExpressionOf(c))));
                    if (messages is [.., { Role: Role.Assistant } last]) messages[^1] = last with { Parts = [.. last.Parts, .. parts] };
                    else if (turn.Role == "tool") throw new IngotException("a tool answers a call that no assistant's turn before it has");
                    else messages.Add(new(Role.Assistant, parts));
                    break;
                default: throw new IngotException($"the role '{turn.Role}' is not one of system, user, assistant and tool, which Ingot's format has");
            }
        }
        isOpen = turns is [.., { Role: "tool" }];
        return new(messages);
    }
}
