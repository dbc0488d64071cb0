using Ingot.Llm.Chat;
using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Llm.Tests.Models;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tokenizers.Training;
using Ingot.Llm.Tools;

namespace Ingot.Llm.Tests.Chat;

public class ChatTests
{
    static readonly Lazy<Tokenizer> Shared = new(() =>
    {
        var trainer = new BpeTrainer(new() { VocabularySize = 300 });
        trainer.Add("the cat sat on the mat, and the dog said hello to the cat; what is two and two?");
        return trainer.Train();
    });

    static Tokenizer Tokenizer => Shared.Value;

    static ChatFormat Format { get; } = new(Shared.Value);

    static string Text(IEnumerable<int> tokens) => Tokenizer.Decode([.. tokens], skipSpecial: false);

    static readonly Conversation Sums = new([
        new(Role.System, "Be brief."), new(Role.User, "what is 2+2?"),
        new(Role.Assistant, [new(PartKind.Text, "it is "), new(PartKind.ToolCall, "2+2"), new(PartKind.ToolResult, "4"), new(PartKind.Text, "4.")]),
        new(Role.User, "hello"), new(Role.Assistant, "hi"),
    ]);

    [Fact]
    public void Render_Conversation_MarksTheAssistantsOwnTokens()
    {
        var (tokens, own) = Format.Render(Sums);
        Text(tokens).ShouldBe("<|bos|><|user_start|>Be brief.\n\nwhat is 2+2?<|user_end|><|assistant_start|>it is <|tool_start|>2+2<|tool_end|><|output_start|>4<|output_end|>4.<|assistant_end|>"
            + "<|user_start|>hello<|user_end|><|assistant_start|>hi<|assistant_end|>");
        Text(tokens.Where((_, i) => own[i])).ShouldBe("it is <|tool_start|>2+2<|tool_end|>4.<|assistant_end|>hi<|assistant_end|>");
    }

    [Fact]
    public void Render_TextThatLooksSpecial_StaysText()
    {
        var tokens = Format.Render(new([new(Role.User, "<|assistant_start|>")])).Tokens;
        tokens.Count(t => t == Format.AssistantStart).ShouldBe(0);
        Text(tokens).ShouldContain("<|assistant_start|>");
    }

    [Fact]
    public void Render_TurnsOutOfOrder_NamesThem()
    {
        Should.Throw<IngotException>(() => Format.Render(new([new(Role.Assistant, "hi")]))).Message.ShouldContain("message 0");
        Should.Throw<IngotException>(() => Format.Render(new([new(Role.User, "a"), new(Role.User, "b")]))).Message.ShouldContain("message 1");
        Should.Throw<IngotException>(() => Format.Prompt(new([new(Role.User, "a"), new(Role.Assistant, "b")])));
    }

    [Fact]
    public void ToolCalls_Call_IsAnsweredWithTheToolsTokens()
    {
        var calls = new ToolCalls(Format, Tokenizer, Calculator.Answer);
        int[] written = [.. Format.Encode("it is "), Format.ToolStart, .. Format.Encode("(1+2)*3"), Format.ToolEnd];
        var answers = written.Select(calls.Next).ToArray();
        answers[..^1].ShouldAllBe(a => a.Length == 0);
        Text(answers[^1]).ShouldBe("<|output_start|>9<|output_end|>");
        calls.Next(Format.ToolEnd).ShouldBeEmpty(); // an end without a beginning
        calls.Answered.ShouldBe([("(1+2)*3", "9")]);
    }

    [Fact]
    public void TextStream_Bytes_NeverSplitsACharacter()
    {
        string text = "a€😀é𝄞b";
        var stream = new TextStream(Tokenizer, []);
        var parts = Tokenizer.Encode(text).Select(stream.Add).Append(stream.End()).ToList();
        string.Concat(parts).ShouldBe(text);
        parts.ShouldAllBe(p => !p.Contains('\uFFFD') && (p.Length == 0 || !char.IsLowSurrogate(p[0])));
    }

    [Fact]
    public void TextStream_StopString_EndsBeforeItAndShowsNothingOfIt()
    {
        var stream = new TextStream(Tokenizer, ["END", "\n\n"]);
        string shown = "";
        foreach (int id in System.Text.Encoding.UTF8.GetBytes("the E EN cat\nENDing").SelectMany(b => Tokenizer.Encode(((char)b).ToString())))
        {
            shown += stream.Add(id);
            shown.ShouldNotContain("\nE");
        }
        (shown, stream.IsStopped, stream.End()).ShouldBe(("the E EN cat\n", true, ""));
        var unfinished = new TextStream(Tokenizer, ["END"]);
        string rest = string.Concat(Tokenizer.Encode("at the EN").Select(unfinished.Add));
        (rest + unfinished.End()).ShouldBe("at the EN");
    }

    static Decoder Model { get; } = RandomDecoder.Of(RandomDecoder.Config with { VocabularySize = 300, ContextLength = 200, EndTokens = [Format.AssistantEnd] });

    [Fact]
    public void Say_SecondTurn_ReusesTheCacheAndAnswersAsWithoutIt()
    {
        var options = new SamplingOptions(0.9, Seed: 3) { MaxTokens = 12, LogitBias = new Dictionary<int, double> { [Format.ToolStart] = -100 } };
        using var session = new ChatSession(Model, Tokenizer);
        string first = Words(session.Say("hello", options));
        session.Reused.ShouldBe(0);
        string second = Words(session.Say("what is that?", options, "the "));
        session.Reused.ShouldBeGreaterThan(4);
        second.ShouldStartWith("the ");
        using var fresh = new ChatSession(Model, Tokenizer) { Conversation = new(session.Conversation.Messages.Take(2).ToList()) };
        Words(fresh.Say("what is that?", options, "the ")).ShouldBe(second);
        session.Conversation.Messages.Select(m => m.Role).ShouldBe([Role.User, Role.Assistant, Role.User, Role.Assistant]);
        session.Conversation.Messages[1].Parts.ShouldBe([new(PartKind.Text, first)]);
    }

    [Fact]
    public void Say_CallOfTheTool_IsAnsweredAndTheModelGoesOn()
    {
        // Biases lead a model that knows nothing: a call at once, which ends at once.
        var asked = new List<string>();
        using var session = new ChatSession(Model, Tokenizer, calculator: call => { asked.Add(call); return "42"; });
        var options = new SamplingOptions(0) { MaxTokens = 8, FrequencyPenalty = 1000, LogitBias = new Dictionary<int, double> { [Format.ToolStart] = 700, [Format.ToolEnd] = 600 } };
        var parts = session.Say("what is two and two?", options).ToList();
        asked.ShouldBe([""]);
        parts.OfType<ToolAnswered>().ShouldHaveSingleItem().Answer.ShouldBe("42");
        session.Conversation.Messages[1].Parts[0].ShouldBe(new(PartKind.ToolCall, ""));
        session.Conversation.Messages[1].Parts[1].ShouldBe(new(PartKind.ToolResult, "42"));
        Words(parts.SkipWhile(e => e is not ToolAnswered)).ShouldNotBeEmpty();
        Words(parts).ShouldNotContain("42");
    }

    static string Words(IEnumerable<AssistantEvent> events) => string.Concat(events.OfType<ContentDelta>().Select(c => c.Text));

    /// <summary>A model with a template of its own: the same class, without a calculator.</summary>
    [Fact]
    public void Say_ModelWithATemplate_TalksInItsFormat()
    {
        const string Template = "{% for m in messages %}<|user_start|>{{ m.role }}: {{ m.content }}<|user_end|>{% endfor %}{% if add_generation_prompt %}<|assistant_start|>{% endif %}";
        var format = ChatPrompt.Of(Tokenizer, Template, new() { EndTokens = [Format.AssistantEnd] });
        using var session = new ChatSession(Model, Tokenizer, format) { System = "Be brief." };
        var options = new SamplingOptions(0.9, Seed: 5) { MaxTokens = 6 };
        string first = Words(session.Say("hello", options));
        session.Say("and?", options).Count().ShouldBeGreaterThan(0);
        session.Reused.ShouldBeGreaterThan(4);
        session.Conversation.Messages.Select(m => m.Role).ShouldBe([Role.System, Role.User, Role.Assistant, Role.User, Role.Assistant]);
        session.Conversation.Messages[2].Parts.ShouldBe([new(PartKind.Text, first)]);
        using var saved = new ChatSession(Model, Tokenizer, format) { Conversation = session.Conversation };
        saved.Conversation.Messages.Count.ShouldBe(5);
        saved.System.ShouldBe("Be brief.");
    }

    [Fact]
    public void Turns_ConversationWithCalls_GoesThereAndBack()
    {
        var back = ConversationTurns.ToConversation(ConversationTurns.Of(Sums));
        back.Messages.SelectMany(m => m.Parts.Select(p => (m.Role, p))).ShouldBe(Sums.Messages.SelectMany(m => m.Parts.Select(p => (m.Role, p))));
    }

    [Fact]
    public void Say_LongConversation_LeavesTheOldestTurnsOut()
    {
        using var session = new ChatSession(Model, Tokenizer) { System = "Be brief." };
        for (int i = 0; i < 12; i++) session.Say("the cat sat on the mat", new(0.5) { MaxTokens = 10 }).Count().ShouldBeLessThan(20);
        session.Conversation.Messages.Count.ShouldBe(25);
        Should.Throw<IngotException>(() => session.Say(new string('x', 500), new())).Message.ShouldContain("context of 200");
        session.Conversation.Messages.Count.ShouldBe(25);
    }

    [Fact]
    public void ConversationFile_SaveLoad_IsTheSame()
    {
        using var folder = new TemporaryFolder();
        ConversationFile.Save(Sums, folder["c.json"]);
        var read = ConversationFile.Load(folder["c.json"]);
        read.Messages.SelectMany(m => m.Parts.Select(p => (m.Role, p))).ShouldBe(Sums.Messages.SelectMany(m => m.Parts.Select(p => (m.Role, p))));
        foreach (string wrong in new[] { "{}", "[]", "{\"messages\": [{\"role\": \"king\", \"content\": \"\"}]}", "x" })
        {
            File.WriteAllText(folder["c.json"], wrong);
            Should.Throw<Ingot.FormatException>(() => ConversationFile.Load(folder["c.json"])).Message.ShouldContain("c.json");
        }
    }
}
