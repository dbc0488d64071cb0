using System.Text;
using System.Text.Json;
using Ingot.Llm.Chat.Templates;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Chat;

/// <summary>Prompts by the Jinja template that came with a model.</summary>
sealed class JinjaChatPrompt : ChatPrompt
{
    /// <summary>What may follow an assistant's words besides the tokens that a model's files name; taken only if the template writes them or, behind a call, the model's family does.</summary>
    static readonly string[] TurnEnds = ["<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<end_of_turn>", "<|end_of_turn|>", "<|end▁of▁sentence|>", "</s>", "<|return|>", "<|call|>"];

    readonly Tokenizer tokenizer;
    readonly ChatTemplate template;
    readonly ChatPromptOptions options;
    readonly bool writesArgumentsAsText, writesNone;

    public JinjaChatPrompt(Tokenizer tokenizer, string jinja, ChatPromptOptions options)
    {
        (this.tokenizer, this.options, template) = (tokenizer, options, new(jinja));
        ToolFormat = ToolFormat.Of(jinja);
        (writesArgumentsAsText, writesNone) = ProbeCalls();
        EndTokens = FindEnds();
    }

    public override ToolFormat ToolFormat { get; }

    public override IReadOnlyList<int> EndTokens { get; }

    public override int[] Render(IReadOnlyList<ChatTurn> turns, IReadOnlyList<ToolDefinition>? tools = null, bool addGenerationPrompt = true, string? prefill = null, IReadOnlyDictionary<string, JsonElement>? variables = null) =>
        Encode(Text(turns, tools, addGenerationPrompt, prefill, variables));

    public override string RenderText(IReadOnlyList<ChatTurn> turns, IReadOnlyList<ToolDefinition>? tools = null, bool addGenerationPrompt = true, string? prefill = null, IReadOnlyDictionary<string, JsonElement>? variables = null) =>
        Text(turns, tools, addGenerationPrompt, prefill, variables).Value;

    public override AssistantReader NewReader(IReadOnlyList<int>? prompt = null, IReadOnlyList<ToolDefinition>? tools = null, IReadOnlyList<string>? stop = null)
    {
        var thinking = template.Source.Contains("</think>", StringComparison.Ordinal) ? ThinkMarks.Think : null;
        bool startsInThought = false;
        if (thinking is not null && prompt is not null)
        {
            string tail = tokenizer.Decode([.. prompt.TakeLast(16)], skipSpecial: false);
            startsInThought = tail.LastIndexOf(thinking.Begin, StringComparison.Ordinal) > tail.LastIndexOf(thinking.End, StringComparison.Ordinal);
        }
        return new TokenReader(tokenizer, ToolFormat, EndTokens, tools, stop ?? [], thinking, startsInThought);
    }

    MarkedText Text(IReadOnlyList<ChatTurn> turns, IReadOnlyList<ToolDefinition>? tools, bool addGenerationPrompt, string? prefill, IReadOnlyDictionary<string, JsonElement>? variables)
    {
        if (string.IsNullOrEmpty(prefill)) return Render(turns, tools, addGenerationPrompt, variables, writesArgumentsAsText);
        var opened = Render(turns, tools, addGenerationPrompt: true, variables, writesArgumentsAsText);
        return Continued(opened, turns, tools, prefill, variables) ?? opened + MarkedText.Given(prefill);
    }

    /// <summary>
    /// The prompt as the template writes an assistant's turn with these words, cut behind them (Hugging Face's continue_final_message): some templates put a space
    /// before the words that the generation prompt does not have. Null if the template writes such a turn otherwise than it begins one.
    /// </summary>
    MarkedText? Continued(MarkedText opened, IReadOnlyList<ChatTurn> turns, IReadOnlyList<ToolDefinition>? tools, string prefill, IReadOnlyDictionary<string, JsonElement>? variables)
    {
        MarkedText whole;
        try { whole = Render([.. turns, new("assistant", prefill)], tools, addGenerationPrompt: false, variables, writesArgumentsAsText); }
        catch (IngotException) { return null; }
        string words = prefill.Trim();
        if (words.Length == 0 || !whole.Value.StartsWith(opened.Value, StringComparison.Ordinal)) return null;
        int at = opened.Length;
        while (at < whole.Length && char.IsWhiteSpace(whole.Value[at])) at++;
        if (string.CompareOrdinal(whole.Value, at, words, 0, words.Length) != 0) return null;
        return whole.Slice(0, at + words.Length) + MarkedText.Given(prefill[prefill.TrimEnd().Length..]);
    }

    MarkedText Render(IReadOnlyList<ChatTurn> turns, IReadOnlyList<ToolDefinition>? tools, bool addGenerationPrompt, IReadOnlyDictionary<string, JsonElement>? variables, bool argumentsAsText)
    {
        Dictionary<string, object?> all = new()
        {
            ["documents"] = null,
            ["tools"] = tools is { Count: > 0 } ? new TemplateList([.. tools.Select(TemplateValues.OfTool)]) : null,
            ["bos_token"] = TokenText(options.BeginToken ?? (tokenizer.BeginIds is [var first, ..] ? first : null)),
            ["eos_token"] = TokenText(options.EndTokens is [var end, ..] ? end : null),
        };
        try
        {
            foreach (var (name, value) in variables ?? new Dictionary<string, JsonElement>()) all[name] = GivenValues.Of(value);
            all["messages"] = new TemplateList([.. turns.Select(t => TemplateValues.OfTurn(t, argumentsAsText, writesNone))]);
        }
        catch (TemplateFault e) { throw new IngotException($"the conversation cannot be given to the chat template: {e.Message}"); }
        all["add_generation_prompt"] = addGenerationPrompt;
        return template.Render(all, options.Clock);
    }

    MarkedText TokenText(int? id) => id is { } i && tokenizer.TokenText(i) is { } text ? MarkedText.Own(text) : MarkedText.Empty;

    int[] Encode(MarkedText text)
    {
        byte[] utf8 = Utf8.Bytes(text.Value);
        bool[] isGiven = new bool[utf8.Length];
        int at = 0, bytes = 0;
        foreach (var (start, end) in text.Stretches)
        {
            bytes += Encoding.UTF8.GetByteCount(text.Value.AsSpan(at, start - at));
            int length = Encoding.UTF8.GetByteCount(text.Value.AsSpan(start, end - start));
            isGiven.AsSpan(bytes, length).Fill(true);
            bytes += length;
            at = end;
        }
        return tokenizer.EncodeMarked(utf8, isGiven);
    }

    /// <summary>Whether the template joins a call's arguments to its text instead of writing them as JSON, and whether it writes "None" for a turn without words.</summary>
    (bool AsText, bool WritesNone) ProbeCalls()
    {
        const string Word = "probed";
        var call = new ToolCall("abcdefghi", Word, $$"""{"{{Word}}": 1}""");
        ChatTurn[] turns = [new("user", "x"), new("assistant", null) { ToolCalls = [call] }, new("tool", "1") { Name = Word, ToolCallId = call.Id }];
        string? Try(bool asText) => TryTurns(turns, asText) ?? TryTurns(turns[..2], asText);
        string? TryTurns(ChatTurn[] some, bool asText)
        {
            try { return Render(some, [new(Word, Word, null)], addGenerationPrompt: false, null, asText).Value; }
            catch (IngotException) { return null; }
        }
        string? asObject = Try(asText: false);
        // Python's way to write an object, which is no JSON: the template expects text.
        bool joins = asObject is null || asObject.Contains($"'{Word}': 1", StringComparison.Ordinal);
        string? text = joins ? Try(asText: true) ?? asObject : asObject;
        return (joins && text is not null && text != asObject, text is not null && text.Contains("None", StringComparison.Ordinal));
    }

    /// <summary>The tokens that a model's files name, then the special token that the template writes behind an assistant's words.</summary>
    List<int> FindEnds()
    {
        List<int> ends = [.. options.EndTokens];
        void Add(int id) { if (!ends.Contains(id)) ends.Add(id); }
        const string Word = "probed";
        try
        {
            var probe = Render([new("user", "x"), new("assistant", Word)], null, addGenerationPrompt: false, null, false);
            int at = probe.Value.LastIndexOf(Word, StringComparison.Ordinal);
            if (at >= 0 && Encode(probe.Slice(at + Word.Length, probe.Length - at - Word.Length)) is { } after && Array.Find(after, tokenizer.IsSpecial) is > 0 and var mark && IsFirst(after, mark)) Add(mark);
        }
        catch (IngotException) { } // a template that refuses so short a conversation names its end below
        foreach (string end in TurnEnds)
            if (tokenizer.TokenId(end) is { } id && tokenizer.IsSpecial(id) && (template.Source.Contains(end, StringComparison.Ordinal) || end == "<|eom_id|>" && ToolFormat.Name == "llama3")) Add(id);
        return ends;

        bool IsFirst(int[] after, int mark) => after.TakeWhile(id => id != mark).All(id => string.IsNullOrWhiteSpace(tokenizer.Decode([id])));
    }
}
