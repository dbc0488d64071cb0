namespace Ingot.Llm.Chat;

/// <summary>A <see cref="Conversation"/>, where a call of the calculator and its answer are parts of the assistant's turn, as turns of their own, and back.</summary>
static class ConversationTurns
{
    public static List<ChatTurn> Of(Conversation conversation)
    {
        List<ChatTurn> turns = [];
        foreach (var message in conversation.Messages)
        {
            string role = message.Role switch { Role.System => "system", Role.User => "user", _ => "assistant" }, said = "";
            bool isOpen = true; // there is something to say yet
            foreach (var part in message.Parts)
            {
                switch (part.Kind)
                {
                    case PartKind.Text:
                        (said, isOpen) = (said + part.Text, true);
                        break;
                    case PartKind.ToolCall:
                        turns.Add(new(role, said) { ToolCalls = [IngotToolFormat.CallOf(part.Text)] });
                        (said, isOpen) = ("", false);
                        break;
                    default:
                        turns.Add(new("tool", part.Text));
                        isOpen = false;
                        break;
                }
            }
            if (isOpen) turns.Add(new(role, said));
        }
        return turns;
    }

    /// <param name="turns">Of system, user, assistant and tool.</param>
    /// <exception cref="IngotException">There is another role, or a tool's answer without a call.</exception>
    public static Conversation ToConversation(IReadOnlyList<ChatTurn> turns)
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
        return new(messages);
    }
}
