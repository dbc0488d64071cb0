using System.Text.Json;
using Ingot.Llm.Chat.Templates;

namespace Ingot.Llm.Chat;

/// <summary>Turns and tools as templates know them: the maps of Hugging Face's chat interface, which are OpenAI's.</summary>
static class TemplateValues
{
    public static object? OfTool(ToolDefinition tool)
    {
        var function = new TemplateMap { ["name"] = MarkedText.Given(tool.Name) };
        function["description"] = MarkedText.Given(tool.Description ?? "");
        function["parameters"] = tool.Parameters is { } p ? GivenValues.Of(p) : GivenValues.Of(NoParameters);
        return new TemplateMap { ["type"] = MarkedText.Own("function"), ["function"] = function };
    }

    static readonly JsonElement NoParameters = JsonDocument.Parse("""{"type": "object", "properties": {}}""").RootElement;

    static readonly string[] Roles = ["system", "user", "assistant", "tool", "developer", "function", "ipython", "model", "observation", "context"];

    /// <param name="turn">The turn.</param>
    /// <param name="argumentsAsText">Give the arguments of calls as the text of JSON, not as a map.</param>
    /// <param name="noneIsEmpty">A turn without words has empty ones.</param>
    public static object? OfTurn(ChatTurn turn, bool argumentsAsText, bool noneIsEmpty)
    {
        // Templates make marks of roles ('<|' + role + '|>'): well-known ones may become part of a special token, others may not.
        var map = new TemplateMap { ["role"] = MarkedText.From(turn.Role, isGiven: !Roles.Contains(turn.Role)), ["content"] = turn.Content is { } words ? MarkedText.Given(words) : noneIsEmpty ? MarkedText.Empty : null };
        if (turn.Name is { } name) map["name"] = MarkedText.Given(name);
        if (turn.ToolCallId is { } id) map["tool_call_id"] = MarkedText.Given(id);
        if (turn.Reasoning is { } thought) map["reasoning_content"] = MarkedText.Given(thought);
        if (turn.ToolCalls.Count > 0) map["tool_calls"] = new TemplateList([.. turn.ToolCalls.Select(c => OfCall(c, argumentsAsText))]);
        return map;
    }

    static TemplateMap OfCall(ToolCall call, bool argumentsAsText)
    {
        object? arguments = MarkedText.Given(call.Arguments);
        if (!argumentsAsText)
        {
            try
            {
                using var json = JsonDocument.Parse(call.Arguments);
                arguments = GivenValues.Of(json.RootElement);
            }
            catch (JsonException) { } // what the model wrote is handed back as it was
        }
        return new TemplateMap { ["id"] = MarkedText.Given(call.Id), ["type"] = MarkedText.Own("function"), ["function"] = new TemplateMap { ["name"] = MarkedText.Given(call.Name), ["arguments"] = arguments } };
    }
}
