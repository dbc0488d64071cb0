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
        bool isOpen = turns is [.., { Role: "tool" }]; // after a tool's answer the assistant's turn goes on
        List<int> tokens = [.. format.Render(ConversationTurns.ToConversation(turns)).Tokens];
        if (opens && isOpen) tokens.RemoveAt(tokens.Count - 1); // the assistant goes on behind a tool's answer
        else if (opens) tokens.Add(format.AssistantStart);
        if (opens && prefill is not null) tokens.AddRange(format.Encode(prefill));
        return [.. tokens];
    }

    public override string RenderText(IReadOnlyList<ChatTurn> turns, IReadOnlyList<ToolDefinition>? tools = null, bool addGenerationPrompt = true, string? prefill = null, IReadOnlyDictionary<string, JsonElement>? variables = null) =>
        tokenizer.Decode(Render(turns, tools, addGenerationPrompt, prefill, variables), skipSpecial: false);

    public override AssistantReader NewReader(IReadOnlyList<int>? prompt = null, IReadOnlyList<ToolDefinition>? tools = null, IReadOnlyList<string>? stop = null) =>
        new TokenReader(tokenizer, ToolFormat, EndTokens, tools, stop ?? [], null, startsInThought: false);
}
