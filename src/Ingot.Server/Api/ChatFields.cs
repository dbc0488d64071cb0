using System.Text.Json;
using Ingot.Llm.Chat;
using Ingot.Llm.Constraints;
using Ingot.Llm.Serving;

namespace Ingot.Server.Api;

/// <summary>Reads a request to /v1/chat/completions.</summary>
static class ChatFields
{
    /// <summary>Answers to one request.</summary>
    public const int MostAnswers = 16;

    const int MostTools = 128;

    static readonly string[] Roles = ["system", "developer", "user", "assistant", "tool", "function"];

    public static ChatCall Read(Fields fields, ServedModel model)
    {
        var turns = (fields.Array("messages") ?? throw fields.Missing("messages")).Select(m => Turn(Fields.Of(m.Json, m.Path))).ToList();
        if (turns.Count == 0) throw ApiException.Invalid("messages", "'messages' is empty; there is nothing to answer");
        var (logprobs, top) = (fields.Flag("logprobs") ?? false, fields.Whole("top_logprobs", 0, 20));
        if (top is not null && !logprobs) throw ApiException.Invalid("top_logprobs", "'top_logprobs' needs 'logprobs' to be true");
        string? prefill = null;
        if (fields.Flag("continue_final_message") == true)
        {
            if (turns[^1] is not { Role: "assistant", Content: { } words, ToolCalls.Count: 0 }) throw ApiException.Invalid("continue_final_message", "'continue_final_message' needs an assistant's text as the last message");
            prefill = words;
            turns.RemoveAt(turns.Count - 1);
        }
        int mostTokens = fields.Whole("max_completion_tokens", 1, int.MaxValue) ?? fields.Whole("max_tokens", 1, int.MaxValue) ?? int.MaxValue;
        var tools = Tools(fields);
        return new(turns, SamplingFields.Read(fields, mostTokens, model.SamplingDefaults) with { LogProbabilities = logprobs ? top ?? 0 : null })
        {
            Tools = tools,
            Choice = Choice(fields, tools),
            AllowsParallelCalls = fields.Flag("parallel_tool_calls") ?? true,
            Form = Form(fields),
            Count = Count(fields),
            Prefill = prefill,
            Variables = fields.Object("chat_template_kwargs") is not null ? fields["chat_template_kwargs"]!.Value.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.Clone()) : null,
        };
    }

    static int Count(Fields fields)
    {
        int count = fields.Whole("n", 1, MostAnswers) ?? 1;
        return (fields.Whole("best_of", 1, MostAnswers) ?? count) == count ? count : throw ApiException.Invalid("best_of", "'best_of' is for /v1/completions; a chat has as many answers as 'n'", "unsupported_parameter");
    }

    static ChatTurn Turn(Fields message)
    {
        var role = message.RequiredText("role");
        if (!Roles.Contains(role)) throw ApiException.Invalid(message.PathOf("role"), $"'{message.PathOf("role")}' is '{role}'; there are {string.Join(", ", Roles)}");
        var calls = (message.Array("tool_calls") ?? []).Select(c => Call(Fields.Of(c.Json, c.Path))).ToList();
        var content = Content(message);
        if (content is null && calls.Count == 0) throw message.Missing("content");
        return new(role == "developer" ? "system" : role == "function" ? "tool" : role, content)
        {
            ToolCalls = calls,
            ToolCallId = message.Text("tool_call_id"),
            Name = message.Text("name"),
            Reasoning = message.Text("reasoning_content"),
        };
    }

    /// <summary>A text, or parts that are texts.</summary>
    static string? Content(Fields message)
    {
        if (message["content"] is not { } content) return null;
        if (content.ValueKind == JsonValueKind.String) return message.Text("content");
        if (content.ValueKind != JsonValueKind.Array) throw Fields.Wrong(message.PathOf("content"), "a string or an array of parts", content);
        return string.Concat(message.Array("content")!.Select(p =>
        {
            var part = Fields.Of(p.Json, p.Path);
            var kind = part.RequiredText("type");
            return kind == "text" ? part.RequiredText("text") : throw ApiException.Invalid(part.PathOf("type"), $"'{part.PathOf("type")}' is '{kind}'; this model reads text only", "unsupported_content");
        }));
    }

    static ToolCall Call(Fields call)
    {
        var function = call.Object("function") ?? throw call.Missing("function");
        return new(call.Text("id") ?? "", function.RequiredText("name"), function.Text("arguments") ?? "{}");
    }

    static List<ToolDefinition> Tools(Fields fields)
    {
        var tools = (fields.Array("tools") ?? []).Select(t =>
        {
            var tool = Fields.Of(t.Json, t.Path);
            if (tool.Text("type") is { } type and not "function") throw ApiException.Invalid(tool.PathOf("type"), $"'{tool.PathOf("type")}' is '{type}'; there is only 'function'");
            var function = tool.Object("function") ?? throw tool.Missing("function");
            var name = function.RequiredText("name");
            if (name.Length is 0 or > 64 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.')) throw ApiException.Invalid(function.PathOf("name"), $"'{function.PathOf("name")}' must be 1 to 64 letters, digits, '_', '-' or '.'");
            var parameters = function["parameters"];
            if (parameters is { ValueKind: not JsonValueKind.Object } wrong) throw Fields.Wrong(function.PathOf("parameters"), "an object", wrong);
            return new ToolDefinition(name, function.Text("description"), parameters?.Clone());
        }).ToList();
        return tools.Count <= MostTools ? tools : throw ApiException.Invalid("tools", $"{tools.Count} tools are too many; at most {MostTools} are allowed");
    }

    static ToolChoice Choice(Fields fields, List<ToolDefinition> tools)
    {
        if (fields["tool_choice"] is not { } json) return ToolChoice.Auto;
        if (json.ValueKind == JsonValueKind.String)
            return Fields.TextOf(json, "tool_choice") switch
            {
                "auto" => ToolChoice.Auto,
                "none" => new(ToolChoiceKind.None),
                "required" => tools.Count > 0 ? new(ToolChoiceKind.Required) : throw ApiException.Invalid("tool_choice", "'tool_choice' is 'required', but there are no tools"),
                var other => throw ApiException.Invalid("tool_choice", $"'tool_choice' is '{other}'; there are auto, none, required, and an object that names a function"),
            };
        var name = (Fields.Of(json, "tool_choice").Object("function") ?? throw new ApiException(400, "the field 'tool_choice.function' is missing", "missing_required_parameter", "tool_choice.function")).RequiredText("name");
        return tools.Any(t => t.Name == name) ? new(ToolChoiceKind.Required, name) : throw ApiException.Invalid("tool_choice.function.name", $"'tool_choice' names the function '{name}', which is not among the tools");
    }

    static AnswerForm? Form(Fields fields)
    {
        if (fields.Text("guided_regex") is { } pattern) return new AnswerForm.Pattern(pattern);
        if (fields.Array("guided_choice") is { } choices)
            return new AnswerForm.Choice([.. choices.Select(c => c.Json.ValueKind == JsonValueKind.String ? Fields.TextOf(c.Json, c.Path) : throw Fields.Wrong(c.Path, "a string", c.Json))]);
        if (fields.Object("response_format") is not { } format) return null;
        switch (format.RequiredText("type"))
        {
            case "text":
                return null;
            case "json_object":
                return new AnswerForm.AnyJson();
            case "json_schema":
                var schema = format.Object("json_schema") ?? throw format.Missing("json_schema");
                return new AnswerForm.Json((schema["schema"] ?? throw schema.Missing("schema")).Clone());
            case var other:
                throw ApiException.Invalid("response_format.type", $"'response_format.type' is '{other}'; there are text, json_object and json_schema");
        }
    }
}
