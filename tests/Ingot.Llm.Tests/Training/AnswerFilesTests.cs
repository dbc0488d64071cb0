using Ingot.Llm.Chat;
using Ingot.Llm.Training;

namespace Ingot.Llm.Tests.Training;

public sealed class AnswerFilesTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    string Write(params string[] lines)
    {
        File.WriteAllLines(folder["a.jsonl"], lines);
        return folder["a.jsonl"];
    }

    [Fact]
    public void Pairs_TextsAndMessages_AreRead()
    {
        var path = Write("""{"prompt": "2 + 2?", "chosen": "4", "rejected": "5"}""", "",
            """{"prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}], "chosen": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}], "rejected": "go"}""");
        AnswerFiles.HasPairs(path).ShouldBeTrue();
        var pairs = AnswerFiles.Pairs(path);
        pairs.Select(p => (p.Chosen, p.Rejected)).ShouldBe([("4", "5"), ("hi", "go")]);
        pairs[1].Prompt.Messages.Select(m => m.Role).ShouldBe([Role.System, Role.User]);
    }

    [Fact]
    public void Tasks_AnswersOfGsm8k_AreTheNumberAtTheEnd()
    {
        var path = Write("""{"question": "How many?", "answer": "2 * 600 = 1200\n#### 1,200"}""", """{"prompt": "And?", "answer": 7}""");
        AnswerFiles.HasPairs(path).ShouldBeFalse();
        AnswerFiles.Tasks(path).Select(t => t.Expected).ShouldBe(["1200", "7"]);
    }

    [Theory]
    [InlineData("""{"prompt": "a", "chosen": "b"}""", "line 1 has no 'rejected'")]
    [InlineData("""{"chosen": "b", "rejected": "c"}""", "line 1 has no prompt")]
    [InlineData("""{"prompt": "a", "chosen": true, "rejected": "c"}""", "'chosen' is True")]
    [InlineData("""{"prompt": "a" """, "line 1 is not JSON")]
    [InlineData("[]", "line 1 is Array")]
    public void Pairs_OtherRecords_NameTheLine(string line, string expected)
    {
        var path = Write(line);
        Should.Throw<FormatException>(() => AnswerFiles.Pairs(path)).Message.ShouldContain(expected);
    }
}
