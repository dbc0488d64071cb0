using Ingot.Llm.Chat;
using Ingot.Llm.Models;
using Ingot.Llm.Tests.Models;
using Ingot.Llm.Tokenizers.Training;

namespace Ingot.Llm.Tests.Cli;

public class ChatCommandTests
{
    static void SaveModel(string path)
    {
        var trainer = new BpeTrainer(new() { VocabularySize = 290 });
        trainer.Add("hello, how are you? hello there, you there");
        var tokenizer = trainer.Train();
        int begin = tokenizer.TokenId("<|bos|>")!.Value;
        new ModelFolder(RandomDecoder.Of(RandomDecoder.Config with { VocabularySize = tokenizer.VocabularySize, BeginToken = begin, EndTokens = [tokenizer.TokenId("<|assistant_end|>")!.Value] }), tokenizer).Save(path);
    }

    [Fact]
    public void Chat_Commands_SaveAndLoadTheConversation()
    {
        using var folder = new TemporaryFolder();
        SaveModel(folder["model"]);
        string[] lines = ["/system Be kind.", "hello \\", "there", "/save " + folder["c.json"], "/reset", "/save " + folder["empty.json"], "/load " + folder["c.json"], "/nonsense", "you?", "/save " + folder["d.json"], "/exit", "never"];
        var (code, output, error) = IngotProcess.RunWithInput(string.Join('\n', lines) + "\n", "chat", "--model", folder["model"], "--tokens", "5", "--seed", "2");
        code.ShouldBe(0, error);
        error.ShouldContain("/nonsense");
        output.ShouldContain("(loaded 3 messages)");
        var first = ConversationFile.Load(folder["c.json"]).Messages;
        first.Select(m => m.Role).ShouldBe([Role.System, Role.User, Role.Assistant]);
        first[1].Parts.ShouldBe([new(PartKind.Text, "hello \nthere")]);
        ConversationFile.Load(folder["empty.json"]).Messages.Select(m => m.Role).ShouldBe([Role.System]);
        ConversationFile.Load(folder["d.json"]).Messages.Count.ShouldBe(5);
    }

    /// <summary>The conversation of ingot run is the same one.</summary>
    [Fact]
    public void Run_Conversation_HasTheSameCommandsAndIsTheSameText()
    {
        using var folder = new TemporaryFolder();
        SaveModel(folder["model"]);
        File.WriteAllText(folder["model/generation_config.json"], """{"temperature": 0.0}"""); // so that neither needs to say it
        string input = string.Join('\n', "hello there", "/save " + folder["run.json"], "/help", "/exit") + "\n";
        var run = IngotProcess.RunWithInput(input, "run", folder["model"], "-n", "5", "--draft", folder["model"]);
        run.Code.ShouldBe(0, run.Error);
        run.Output.ShouldContain("/system TEXT");
        IngotProcess.RunWithInput(input.Replace("run.json", "chat.json", StringComparison.Ordinal), "chat", "--model", folder["model"], "-n", "5").Code.ShouldBe(0);
        File.ReadAllText(folder["run.json"]).ShouldBe(File.ReadAllText(folder["chat.json"]));
    }

    [Fact]
    public void Chat_ModelOfAnotherFormat_NamesTheCommandForIt()
    {
        using var folder = new TemporaryFolder();
        SaveModel(folder["model"]);
        string file = folder["model/tokenizer.json"];
        File.WriteAllText(file, File.ReadAllText(file).Replace("<|user_start|>", "<|other|>", StringComparison.Ordinal));
        var (code, _, error) = IngotProcess.Run("chat", "--model", folder["model"]);
        code.ShouldBe(1);
        error.ShouldContain("ingot run " + folder["model"]);
        // And that command takes it: this one continues texts.
        IngotProcess.Run("run", folder["model"], "hello", "-n", "3").ShouldSatisfyAllConditions(r => r.Code.ShouldBe(0, r.Error), r => r.Output.ShouldStartWith("hello"));
    }

    [Fact]
    public void Sample_ModelFolder_IsTheSameForTheSameSeed()
    {
        using var folder = new TemporaryFolder();
        SaveModel(folder["model"]);
        string[] sample = ["sample", "--model", folder["model"], "--prompt", "hello", "--tokens", "8", "--top-p", "0.9", "--seed", "4"];
        var (code, output, error) = IngotProcess.Run(sample);
        code.ShouldBe(0, error);
        output.ShouldStartWith("hello");
        output.Length.ShouldBeGreaterThan(7);
        IngotProcess.Run(sample).Output.ShouldBe(output);
    }
}
