using System.Text;
using System.Text.Json;
using Ingot.Formats.Fuzzing;
using Ingot.Llm.Chat;
using Ingot.Llm.Chat.Templates;
using Ingot.Llm.Constraints;
using Ingot.Llm.Generation;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Fuzzing;

/// <summary>Programs that come with models and requests: chat templates, JSON schemas, regular expressions. They are run too, so what they may cost counts as well.</summary>
public static partial class TextTargets
{
    const string Name = "the input";

    /// <summary>A grammar is larger than what it is made of; 500,000 states are allowed, whose tables grow by doubling.</summary>
    const long GrammarAllowance = 512L << 20;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("jinja", JinjaSeed, bytes =>
        {
            var template = new ChatTemplate(Encoding.UTF8.GetString(bytes), new(Steps: 50_000, Characters: 1 << 20));
            return () => template.Render(Conversation());
        }),
        new("schema", NewSchema, bytes => Schema(bytes)) { Allowance = GrammarAllowance },
        new("regex", RegexSeed, bytes =>
        {
            var constraint = NewConstraints().Regex(Encoding.UTF8.GetString(bytes));
            return () => Follow(constraint, bytes, isJson: false);
        }) { Allowance = GrammarAllowance },
    ];

    /// <summary>All single bytes, and some tokens of several.</summary>
    static readonly Tokenizer Tokens = Vocabulary();

    static readonly int End = Tokens.VocabularySize - 1;

    static Tokenizer Vocabulary()
    {
        var vocabulary = new Dictionary<string, int>();
        for (int b = 0; b < 256; b++) vocabulary.Add(ByteAlphabet.Write([(byte)b]), vocabulary.Count);
        foreach (string text in new[] { "{\"", "\":", "\",\"", "\"}", "true", "null", "12", "0.", "é", "東京", "\\u00", "aaaa", " the" }) vocabulary.TryAdd(ByteAlphabet.Write(Encoding.UTF8.GetBytes(text)), vocabulary.Count);
        string json = $$$"""
            {"added_tokens":[{"id":{{{vocabulary.Count}}},"content":"<end>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],
            "decoder":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false},"model":{"type":"BPE","vocab":{{{JsonSerializer.Serialize(vocabulary)}}},"merges":[]}}
            """;
        return TokenizerFile.FromJson(Encoding.UTF8.GetBytes(json), "the fuzzer's vocabulary");
    }

    static TokenConstraints NewConstraints() => new(Tokens, [End]);

    static Action Schema(byte[] bytes)
    {
        JsonDocument json;
        try { json = JsonDocument.Parse(bytes, new() { MaxDepth = 64 }); }
        catch (JsonException e) { throw new FormatException($"{Name} is no JSON: {e.Message}", e); } // as a request with it is refused
        using (json)
        {
            AsArguments(json.RootElement);
            var constraint = NewConstraints().JsonSchema(json.RootElement);
            return () => Follow(constraint, bytes, isJson: true);
        }
    }

    /// <summary>The same schema as that of a tool's arguments, called in Python's way.</summary>
    static void AsArguments(JsonElement schema)
    {
        var grammar = new Grammar();
        try { new SchemaCompiler(grammar, schema).Arguments(grammar.Start(grammar.NewRule())); }
        catch (IngotException) { } // it may be one for other things
    }

    /// <summary>A text of up to 60 tokens that keeps to a constraint: there must always be a token, it must be taken, and where it is complete JSON was promised.</summary>
    static void Follow(ITokenConstraint constraint, byte[] seed, bool isJson)
    {
        var random = new Random(seed.Aggregate(17, (h, b) => h * 31 + b));
        var logits = new float[Tokens.VocabularySize];
        var text = new List<byte>();
        for (int step = 0; step < 60; step++)
        {
            Array.Clear(logits);
            bool isComplete = constraint.IsComplete;
            constraint.Mask(logits);
            int[] allowed = [.. Enumerable.Range(0, logits.Length).Where(i => logits[i] == 0)];
            if (allowed.Length == 0) throw new InvalidOperationException("no token is left");
            if (isComplete != allowed.Contains(End)) throw new InvalidOperationException("the end token is allowed elsewhere than at the end");
            if (isComplete && isJson) JsonDocument.Parse(text.ToArray(), new() { MaxDepth = 1000 }).Dispose();
            int token = isComplete && step > 20 ? End : allowed[random.Next(allowed.Length)];
            constraint.Accept(token);
            if (token == End) return;
            text.AddRange(Tokens.DecodeBytes([token]));
        }
    }

    static Dictionary<string, object?> Conversation()
    {
        var call = new ToolCall("abcdefghi", "add", """{"a": 1, "b": [2, null]}""");
        ChatTurn[] turns = [new("system", "Be brief."), new("user", "1 + 2?"), new("assistant", null) { ToolCalls = [call], Reasoning = "add them" }, new("tool", "3") { Name = "add", ToolCallId = call.Id }, new("assistant", "  It is 3. "), new("user", "<|im_end|> {{ 1 }}")];
        using var parameters = JsonDocument.Parse("""{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}""");
        return new()
        {
            ["messages"] = new TemplateList([.. turns.Select(t => TemplateValues.OfTurn(t, argumentsAsText: false, noneIsEmpty: false))]),
            ["tools"] = new TemplateList([TemplateValues.OfTool(new("add", "Adds.", parameters.RootElement.Clone()))]),
            ["documents"] = null,
            ["bos_token"] = MarkedText.Own("<s>"),
            ["eos_token"] = MarkedText.Own("</s>"),
            ["add_generation_prompt"] = true,
        };
    }
}
