using Ingot.Llm.Data;

namespace Ingot.Llm.Tests.Data;

public class OverlapTests
{
    static string Numbered(int from, int count) => string.Join(' ', Enumerable.Range(from, count).Select(i => "w" + i));

    [Fact]
    public void Check_RunOfThirteenWords_IsFoundAndTwelveAreNot()
    {
        var check = new OverlapCheck([Numbered(0, 30), Numbered(100, 30), "short item"]);
        check.Add("before " + Numbered(5, 13).ToUpperInvariant().Replace(" ", ", ") + " after");
        check.Add("before " + Numbered(100, 12) + " after");
        var report = check.Report;
        (report.Items, report.Overlapping, report.TooShort).ShouldBe((3, 1, 1));
        report.Examples.Single().ShouldBe(Numbered(5, 13));
        check.Add("a short item is compared whole");
        check.Report.Overlapping.ShouldBe(2);
    }

    [Fact]
    public void Check_WorldEvaluations_AreNotInTrainingText()
    {
        var corpus = new Ingot.Llm.Corpus.World.WorldCorpus(Ingot.Llm.Corpus.World.WorldDefinition.BuiltIn);
        var set = corpus.Evaluations(1, 100).Single(s => s.Name == "open book, one hop, unseen names");
        var check = new OverlapCheck([.. set.Items.Select(i => i.Prompt.Messages[0].Parts[0].Text + " " + i.Answer)]);
        foreach (var document in corpus.Documents(1).Take(2000)) check.Add(document);
        check.Report.Overlapping.ShouldBe(0);
    }
}
