using System.Text.Json.Nodes;
using Ingot.Llm.Chat;
using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Llm.Serving;
using Ingot.Llm.Tests;
using Ingot.Llm.Tokenizers;
using Ingot.Nn;

namespace Ingot.Server.Tests;

/// <summary>
/// A real decoder, run by the real engine, whose weights make each token be followed by one certain other: what it says depends on the last token of the prompt
/// alone. Scripts are chunks of text, each an added token of the tokenizer; the template ends with the last message's words, so that a word leads to its script.
/// </summary>
static class ScriptedModel
{
    public const string End = "<|end|>";

    /// <summary>What follows from which last words of the prompt. Any other text leads to <see cref="Standard"/>.</summary>
    static readonly Dictionary<string, string[]> Scripts = new()
    {
        ["@sum"] = ["<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": ", "20, ", "\"b\": 22}}\n</tool_call>"],
        ["@result42"] = ["It is ", "forty-two", "."],
        ["@no"] = ["Then ", "I cannot ", "tell."],
        ["@markdown"] = ["# A title\n\nSome **bold** and `code`", " and a [link](https://example.org/a)", ":\n\n- one\n- two\n  - deep\n\n", "| a | b |\n|---|---:|\n| 1 | 2 |\n\n", "```csharp\nvar x = 1 < 2;\n```\n"],
        ["@evil"] = ["<img src=x onerror=\"window.hacked=1\">", "<script>window.hacked=1</script>", " [click](javascript:window.hacked=1) ", "![i](data:text/html,hi) **<b>bold</b>**"],
        ["@long"] = ["tick ", "tock "], // and again, without an end
        ["@think"] = ["<think>", "hm hm", "</think>", "Done."],
    };

    public static string[] Standard { get; } = ["Hello", ", how ", "are ", "you?"];

    public static string Text(string script) => string.Concat(Scripts[script]);

    /// <summary>Marks the turns, tells the tools as Hermes does, and ends with the last message's words.</summary>
    const string Template = "{% if tools %}<tool_call> {{ tools | tojson }}</tool_call>{% endif %}{% for m in messages[:-1] %}[{{ m.role }}]{{ m.content }}{% endfor %}{{ messages[-1].content }}";

    static readonly Lazy<(Decoder Model, Tokenizer Tokenizer)> Shared = new(Make);

    public static Tokenizer Tokenizer => Shared.Value.Tokenizer;

    public static ServedModel New(string name = "scripted", ServingOptions? options = null, string template = Template, SamplingDefaults? sampling = null) =>
        new(name, Shared.Value.Model, Tokenizer, ChatPrompt.Of(Tokenizer, template, new() { EndTokens = [Tokenizer.TokenId(End)!.Value] }), options) { SamplingDefaults = sampling ?? SamplingDefaults.None };

    /// <summary>As files, for what loads a folder.</summary>
    public static void Save(string folder) => new ModelFolder(Shared.Value.Model, Tokenizer, Template).Save(folder);

    static (Decoder, Tokenizer) Make()
    {
        var chunks = Scripts.Keys.Concat(Scripts.Values.SelectMany(s => s)).Concat(Standard).Distinct().ToList();
        var tokenizer = MakeTokenizer(chunks);
        int size = tokenizer.VocabularySize, end = tokenizer.TokenId(End)!.Value;
        int Id(string chunk) => tokenizer.TokenId(chunk)!.Value;
        var next = Enumerable.Repeat(Id(Standard[0]), size).ToArray();
        foreach (var script in Scripts.Values.Append(Standard))
            for (int i = 0; i < script.Length; i++) next[Id(script[i])] = i + 1 < script.Length ? Id(script[i + 1]) : end;
        foreach (var (word, script) in Scripts) next[Id(word)] = Id(script[0]);
        next[Id("tock ")] = Id("tick ");
        return (Successor(next, end), tokenizer);
    }

    /// <summary>Embeddings are unit vectors, blocks add nothing, and the head looks the successor up.</summary>
    static Decoder Successor(int[] next, int end)
    {
        int size = next.Length;
        var model = new Decoder(new() { Width = size, Hidden = 8, Layers = 1, Heads = 1, KeyHeads = 1, HeadWidth = 8, VocabularySize = size, ContextLength = 512, TiedHead = false, EndTokens = [end] }, 1);
        var state = Module.StateDict(model).ToDictionary(p => p.Key, p =>
        {
            bool adds = p.Key.Contains("o_proj", StringComparison.Ordinal) || p.Key.Contains("down_proj", StringComparison.Ordinal);
            return adds ? Tensor.Zeros(p.Value.Shape.Span.ToArray()) : p.Value;
        });
        var (embedding, head) = (new float[size * size], new float[size * size]);
        for (int i = 0; i < size; i++) embedding[i * size + i] = head[next[i] * size + i] = 1;
        state["model.embed_tokens.weight"] = Tensor.From(embedding, size, size);
        state["lm_head.weight"] = Tensor.From(head, size, size);
        Module.LoadStateDict(model, state);
        return model;
    }

    /// <summary>All bytes, and the chunks.</summary>
    static Tokenizer MakeTokenizer(List<string> chunks)
    {
        var vocabulary = new JsonObject();
        // GPT-2's alphabet: printable bytes are themselves, the others follow from U+0100 on.
        for (int b = 0, other = 256; b < 256; b++) vocabulary[((char)(b is >= 33 and <= 126 or >= 161 and <= 172 or >= 174 ? b : other++)).ToString()] = b;
        var added = new JsonArray([.. chunks.Append(End).Select((text, i) => new JsonObject
        {
            ["id"] = 256 + i, ["content"] = text, ["special"] = text == End, ["normalized"] = false, ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false,
        })]);
        var json = new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = added,
            ["normalizer"] = null,
            ["pre_tokenizer"] = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = true },
            ["post_processor"] = null,
            ["decoder"] = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = true },
            ["model"] = new JsonObject { ["type"] = "BPE", ["vocab"] = vocabulary, ["merges"] = new JsonArray() },
        };
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["tokenizer.json"], json.ToJsonString());
        return TokenizerFile.Load(folder.Path);
    }
}
