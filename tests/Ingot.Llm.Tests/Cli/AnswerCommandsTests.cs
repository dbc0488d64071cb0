using Ingot.Llm.Models;
using Ingot.Llm.Tests.Training;

namespace Ingot.Llm.Tests.Cli;

public sealed class AnswerCommandsTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void DpoThenRl_OwnFiles_LeaveAModelEach()
    {
        new ModelFolder(DigitModel.New(), DigitModel.Tokenizer).Save(folder["sft"]);
        File.WriteAllLines(folder["pairs.jsonl"], DigitModel.Tasks("0").Training.Select(t => $$"""{"prompt": "{{t.Prompt.Messages[0].Parts[0].Text}}", "chosen": "0", "rejected": "7"}"""));
        File.WriteAllLines(folder["tasks.jsonl"], DigitModel.Tasks("0").Training.Select(t => $$"""{"prompt": "{{t.Prompt.Messages[0].Parts[0].Text}}", "answer": "0"}"""));
        string[] dpo = ["dpo", "--from", folder["sft"], "--out", folder["dpo"], "--data", folder["pairs.jsonl"], "--steps", "3"];
        var (code, output, error) = IngotProcess.Run(dpo);
        (code, error).ShouldBe((0, ""));
        output.ShouldContain("108 pairs; 3 steps");
        ModelFolder.Exists(folder["dpo/model"]).ShouldBeTrue();
        IngotProcess.Run(dpo).Output.ShouldNotContain("dpo 3/3"); // done already
        (code, output, error) = IngotProcess.Run("rl", "--from", folder["dpo"], "--out", folder["rl"], "--tasks", folder["tasks.jsonl"], "--steps", "1");
        (code, error).ShouldBe((0, ""));
        output.ShouldContain("98 tasks to practise, 10 to check");
        output.ShouldContain("rl 1/1  reward 0.");
        ModelFolder.Exists(folder["rl/model"]).ShouldBeTrue();
    }

    [Fact]
    public void Rl_WrongArguments_SayWhatToDo()
    {
        IngotProcess.Run("rl", "--from", "random").Error.ShouldContain("--like MODEL");
        IngotProcess.Run("rl", "--from", folder["none"]).Error.ShouldContain("there is no model in");
    }
}
