using System.Text;
using Ingot.Llm.Chat;

namespace Ingot.Llm.Tests.Chat.ToolFormats;

public class ToolFormatTests
{
    static readonly ToolDefinition[] Tools = [new("get_weather", "Weather", null), new("add", null, null), new("calculator", null, null)];

    static readonly (ToolFormat Format, string Text, string Expected)[] Cases =
    [
        (ToolFormat.Hermes, "Let me look.\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Oslo\", \"days\": [1, 2.5e1]}}\n</tool_call>", "'Let me look.\n' get_weather({\"city\": \"Oslo\", \"days\": [1, 2.5e1]})"),
        (ToolFormat.Hermes, "<tool_call>{\"name\": \"add\", \"arguments\": {\"a\": 1}}</tool_call>\n<tool_call>\n{\"arguments\": {\"b\": \"}]</tool_call>\\\"\"}, \"name\": \"add\"}\n</tool_call>\n", "add({\"a\": 1}) add({\"b\": \"}]</tool_call>\\\"\"})"),
        (ToolFormat.Hermes, "<tool_call>{\"name\": \"add\"}</tool_call> Done.", "add({}) ' Done.'"),
        (ToolFormat.Hermes, "<tool_call>{\"name\": \"add\", \"arguments\": \"{\\\"a\\\": 2}\"}", "add({\"a\": 2})"),
        (ToolFormat.Hermes, "<tool_call>{\"name\": \"nosuch\", \"arguments\": {}}</tool_call>", "'<tool_call>{\"name\": \"nosuch\", \"arguments\": {}}</tool_call>'"),
        (ToolFormat.Hermes, "<tool_call>not json</tool_call> <tool_", "'<tool_call>not json</tool_call> <tool_'"),
        (ToolFormat.Hermes, "<tool_call><tool_call>{\"name\":\"add\",\"arguments\":{}}</tool_call>", "'<tool_call>' add({})"),
        (ToolFormat.Hermes, "<tool_call>{\"name\": \"add\", \"arguments\": {\"a\": 1,}}</tool_call>x", "broken:0:<tool_call>{\"name\": \"add\", \"arguments\": {\"a\": 1, '}}</tool_call>x'"),
        (ToolFormat.Hermes, "<tool_call>{\"name\": \"add\", \"arguments\": {\"a\": 1", "broken:0:<tool_call>{\"name\": \"add\", \"arguments\": {\"a\": 1"),
        (ToolFormat.Hermes, "<tool_call>[1]</tool_call>", "'<tool_call>[1]</tool_call>'"),
        (ToolFormat.Hermes, "  plain < text <tool <<tool_call", "'  plain < text <tool <<tool_call'"),
        (ToolFormat.Hermes, "", ""),
        (ToolFormat.Llama3, "{\"name\": \"get_weather\", \"parameters\": {\"city\": \"Paris\"}}", "get_weather({\"city\": \"Paris\"})"),
        (ToolFormat.Llama3, "<|python_tag|>{\"type\": \"function\", \"name\": \"add\", \"parameters\": {}}; {\"name\": \"add\", \"parameters\": {\"a\": null}}", "add({}) add({\"a\": null})"),
        (ToolFormat.Llama3, "{\"city\": \"Paris\"}", "'{\"city\": \"Paris\"}'"),
        (ToolFormat.Llama3, "Say {\"name\": \"add\", \"parameters\": {}}", "'Say {\"name\": \"add\", \"parameters\": {}}'"),
        (ToolFormat.Llama3, "<|python_tag|>print(1)", "'<|python_tag|>print(1)'"),
        (ToolFormat.Llama3, "{", "'{'"),
        (ToolFormat.Mistral, "[TOOL_CALLS] [{\"name\": \"add\", \"arguments\": {\"a\": 1}, \"id\": \"abcdefghi\"}, {\"name\": \"get_weather\", \"arguments\": {\"city\": \"Rome\"}}]", "add({\"a\": 1}) get_weather({\"city\": \"Rome\"})"),
        (ToolFormat.Mistral, "[TOOL_CALLS]add[ARGS]{\"a\": 1}[TOOL_CALLS]get_weather[CALL_ID]123456789[ARGS]{\"city\": \"Rome\"}", "add({\"a\": 1}) get_weather({\"city\": \"Rome\"})"),
        (ToolFormat.Mistral, "[TOOL_CALLS] []", ""),
        (ToolFormat.Mistral, "[TOOL_CALLS] {\"name\": \"add\"}", "'[TOOL_CALLS] {\"name\": \"add\"}'"),
        (ToolFormat.Mistral, "[TOOL_CALLS]none[ARGS]{}", "'[TOOL_CALLS]none[ARGS]{}'"),
        (ToolFormat.Phi, "functools[{\"name\": \"add\", \"arguments\": {\"a\": 1}}]", "add({\"a\": 1})"),
        (ToolFormat.Phi, "import functools as f", "'import functools as f'"),
        (ToolFormat.Phi, "<|tool_call|>[{\"name\": \"add\", \"arguments\": {}},{\"name\": \"add\", \"arguments\": {\"x\": \"y\"}}]<|/tool_call|>", "add({}) add({\"x\": \"y\"})"),
        (ToolFormat.Pythonic, "[get_weather(city=\"Oslo\", days=3), add(a=1.5, b=-2e3)]", "get_weather({\"city\": \"Oslo\", \"days\": 3}) add({\"a\": 1.5, \"b\": -2e3})"),
        (ToolFormat.Pythonic, " [add()]\n", "add({})"),
        (ToolFormat.Pythonic, "[add(a=[1, (2, 'it\\'s'),], b={'k': None, \"q\": True}, c=False)]", "add({\"a\": [1,[2,\"it's\"]], \"b\": {\"k\":null,\"q\":true}, \"c\": false})"),
        (ToolFormat.Pythonic, "[add(a=\"),]\\u00e9\\n\", b='日本 \"x\"')]", "add({\"a\": \"),]é\\n\", \"b\": \"日本 \\\"x\\\"\"})"),
        (ToolFormat.Pythonic, "<|python_start|>[add(a=1)]<|python_end|>", "add({\"a\": 1})"),
        (ToolFormat.Pythonic, "Let me see. <|python_start|>[add(a=1)]<|python_end|>", "'Let me see. ' add({\"a\": 1})"),
        (ToolFormat.Pythonic, "[add(a=1)] Done.", "add({\"a\": 1}) ' Done.'"),
        (ToolFormat.Pythonic, "[1, 2, 3] are numbers", "'[1, 2, 3] are numbers'"),
        (ToolFormat.Pythonic, "[nosuch(a=1)]", "'[nosuch(a=1)]'"),
        (ToolFormat.Pythonic, "See [add(a=1)]", "'See [add(a=1)]'"),
        (ToolFormat.Pythonic, "[add(a=1), none(", "add({\"a\": 1}) ', none('"),
        (ToolFormat.Pythonic, "[add(a=1, a=2)]", "broken:0:[add(a=1, a '=2)]'"),
        (ToolFormat.Pythonic, "[add(a=print(1))]", "broken:0:[add(a=print(1) ')]'"),
        (ToolFormat.Pythonic, "[add(a=\"x", "broken:0:[add(a=\"x"),
        (ToolFormat.Pythonic, "[add(a=1]", "broken:0:[add(a=1 ']'"),
        (ToolFormat.Pythonic, "<|python_start|>print(1)<|python_end|>", "'<|python_start|>print(1)<|python_end|>'"),
        (ToolFormat.Pythonic, "plain <|pyth text <", "'plain <|pyth text <'"),
        (ToolFormat.Pythonic, "[", "'['"),
        (ToolFormat.Ingot, "It is <|tool_start|>1+2<|tool_end|> three", "'It is ' calculator({\"expression\":\"1+2\"}) ' three'"),
        (ToolFormat.Ingot, "a <|tool_sta b <|tool_start|>1+", "'a <|tool_sta b <|tool_start|>1+'"),
    ];

    /// <summary>What events say, joined so that cutting does not show.</summary>
    static string Told(IEnumerable<AssistantEvent> events)
    {
        var told = new List<string>();
        var (content, arguments) = (new StringBuilder(), new StringBuilder());
        string tool = "";
        void EndContent()
        {
            if (content.Length > 0) told.Add($"'{content}'");
            content.Clear();
        }
        foreach (var e in events)
        {
            if (e is not ContentDelta) EndContent();
            switch (e)
            {
                case ContentDelta c: content.Append(c.Text); break;
                case ToolCallStarted s:
                    tool = s.Name;
                    arguments.Clear();
                    break;
                case ToolArgumentsDelta a: arguments.Append(a.Text); break;
                case ToolCallEnded ended:
                    ended.Call.Arguments.ShouldBe(arguments.ToString());
                    ended.Call.Name.ShouldBe(tool);
                    told.Add($"{ended.Call.Name}({ended.Call.Arguments})");
                    break;
                case ToolCallBroken b: told.Add($"broken:{b.Index}:{b.Text}"); break;
            }
        }
        EndContent();
        return string.Join(' ', told);
    }

    static string Parse(ToolFormat format, IEnumerable<string> pieces)
    {
        var parser = format.NewParser(Tools);
        return Told([.. pieces.SelectMany(parser.Add), .. parser.Finish()]);
    }

    static IEnumerable<string> Cut(string text, Random random)
    {
        for (int at = 0, n; at < text.Length; at += n) yield return text.Substring(at, n = Math.Min(random.Next(1, 8), text.Length - at));
    }

    [Fact]
    public void Parser_KnownTexts_FindsCallsAndLosesNothing()
    {
        foreach (var (format, text, expected) in Cases) Parse(format, [text]).ShouldBe(expected, $"{format.Name}: {text}");
    }

    [Fact]
    public void Parser_TextCutAnywhere_SaysTheSame()
    {
        var random = new Random(7);
        foreach (var (format, text, expected) in Cases)
        {
            Parse(format, text.Select(c => c.ToString())).ShouldBe(expected, text);
            for (int i = 0; i < 20; i++) Parse(format, Cut(text, random)).ShouldBe(expected, text);
        }
    }

    [Fact]
    public void Parser_MutatedTexts_CuttingNeverMattersAndNothingIsLost()
    {
        var random = new Random(11);
        string[] bits = ["<tool_call>", "</tool_call>", "{", "}", "[", "]", "\"", ",", "name", "[TOOL_CALLS]", "[ARGS]", "functools", "<|python_tag|>", " ", "\n", "\\", "add", "<", "<|tool_start|>", "<|python_start|>", "(", ")", "=", "'"];
        for (int i = 0; i < 6_000; i++)
        {
            var (format, text, _) = Cases[random.Next(Cases.Length)];
            for (int j = random.Next(4); j > 0; j--)
            {
                int at = random.Next(text.Length + 1), n = Math.Min(random.Next(4), text.Length - at);
                text = text.Remove(at, n).Insert(at, random.Next(2) == 0 ? bits[random.Next(bits.Length)] : "");
            }
            string whole = Parse(format, [text]);
            Parse(format, Cut(text, random)).ShouldBe(whole, text);
            // Letters of the text are all there, in calls, broken calls or content, except the marks of calls.
            if (!whole.Contains('(', StringComparison.Ordinal) && !whole.Contains("broken", StringComparison.Ordinal) && text.Contains("city", StringComparison.Ordinal)) whole.ShouldContain("city", Case.Sensitive, text);
        }
    }

    [Fact]
    public void Parser_ArgumentsBegun_StartAndDeltaComeAtOnce()
    {
        var parser = ToolFormat.Hermes.NewParser(Tools);
        parser.Add("<tool_call>{\"name\": \"add\", \"arguments\": ").ShouldBeEmpty();
        var events = parser.Add("{\"a\": ");
        events[0].ShouldBeOfType<ToolCallStarted>().Name.ShouldBe("add");
        events[1].ShouldBeOfType<ToolArgumentsDelta>().Text.ShouldBe("{\"a\": ");
        parser.Add("1").Single().ShouldBe(new ToolArgumentsDelta(0, "1"));
    }

    [Theory]
    [InlineData("{{ '<tool_call>' }}", "hermes")]
    [InlineData("[AVAILABLE_TOOLS] [TOOL_CALLS]", "mistral")]
    [InlineData("<|start_header_id|> <|python_tag|>", "llama3")]
    [InlineData("functools", "phi")]
    [InlineData("you MUST put it in the format of [func_name1(params_name1=params_value1)] <|start_header_id|>", "pythonic")]
    [InlineData("{{- '<|header_start|>' + message['role'] }}", "pythonic")]
    [InlineData("<|im_start|>", "hermes")]
    public void Of_Template_NamesTheFormat(string jinja, string name) => ToolFormat.Of(jinja).Name.ShouldBe(name);
}
