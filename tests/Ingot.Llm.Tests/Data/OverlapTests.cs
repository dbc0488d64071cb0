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

    [Fact]
    public void Check_SeveralSets_AreReportedEachAndAsAlone()
    {
        string[][] sets = [[Numbered(0, 20), "Ärger über Maß 3"], [Numbered(100, 40)], [], [Numbered(110, 13), "..."]];
        string[] documents = [Numbered(108, 20), "was? ärger: ÜBER maß... 3!", Numbered(0, 12) + " " + Numbered(13, 7)];
        var together = new OverlapCheck(sets);
        foreach (var d in documents) together.Add(d);
        together.Reports.Select(r => (r.Items, r.Overlapping, r.TooShort)).ShouldBe([(2, 1, 1), (1, 1, 0), (0, 0, 0), (2, 1, 0)]);
        foreach (var (set, report) in sets.Zip(together.Reports))
        {
            var alone = new OverlapCheck(set);
            foreach (var d in documents) alone.Add(d);
            alone.Report.Examples.ShouldBe(report.Examples);
        }
        together.Reports[0].Examples.ShouldBe(["ärger über maß 3"]);
    }

    [Fact]
    public void Check_TwentySets_AreLookedThroughOnce()
    {
        var sets = Enumerable.Range(0, 20).Select(s => (IReadOnlyList<string>)[.. Enumerable.Range(0, 100).Select(i => Numbered(1000 * s + i, i % 7 == 0 ? 5 : 40))]).ToList();
        var document = string.Concat(Enumerable.Range(0, 2000).Select(i => $"it was the {i} time that she went there and he came back "));
        long Work(int count)
        {
            var check = new OverlapCheck(sets.Take(count).ToList());
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 20; i++) check.Add(document);
            before = GC.GetAllocatedBytesForCurrentThread() - before;
            check.Reports.ShouldAllBe(r => r.Overlapping == 0);
            return before;
        }
        long one = Work(1), twenty = Work(20);
        twenty.ShouldBeLessThan(2 * one + 100_000); // a document is taken apart once, however many sets it is looked up in
    }
}
