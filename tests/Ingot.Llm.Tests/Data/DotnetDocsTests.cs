using Ingot.Llm.Corpus.World;
using Ingot.Llm.Data;

namespace Ingot.Llm.Tests.Data;

public sealed class DotnetDocsTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Read_NoPacks_IsANoteAndNoError()
    {
        var docs = DotnetDocs.Read([folder["none"], folder.Path]);
        docs.IsPresent.ShouldBeFalse();
        docs.Note.ShouldContain("no .NET reference packs");
        docs.Questions(1, 10).Items.ShouldBeEmpty();
        docs.Documents(1).ShouldBeEmpty();
        docs.Conversations(1).ShouldBeEmpty();
        docs.Evaluations(1, 10).ShouldBeEmpty();
    }

    [Fact]
    public void Read_Packs_HoldsWholeTypesOutAndAsksAboutThem()
    {
        // A pack of two versions, of which the newer one counts: a hundred types of five members.
        foreach (var (version, count) in new[] { ("9.0.1", 1), ("10.0.0", 100) })
        {
            Directory.CreateDirectory(folder["Some.App.Ref", version, "ref"]);
            var members = Enumerable.Range(0, count).SelectMany(t => Enumerable.Range(0, 5).Select(m => $"<member name=\"M:N.Type{t}.Do{m}\"><summary>Does the thing number {m} of the type number {t}.</summary></member>"));
            File.WriteAllText(folder["Some.App.Ref", version, "ref", "a.xml"], $"<doc><members>{string.Concat(members)}</members></doc>");
        }
        var docs = DotnetDocs.Read([folder.Path]);
        docs.Note.ShouldContain("100 types");
        var (train, heldOut) = (docs.Types(Split.Train).ToList(), docs.Types(Split.HeldOut).ToList());
        (train.Count + heldOut.Count).ShouldBe(100);
        heldOut.Count.ShouldBeInRange(3, 25);
        var questions = docs.Questions(1, 40);
        questions.Items.Count.ShouldBe(40);
        questions.BaselineAccuracy("last name mentioned").ShouldBeLessThan(0.5);
        var names = heldOut.SelectMany(t => t.Members).ToDictionary(m => m.Name, m => m.Summary);
        questions.Items.ShouldAllBe(i => i.Choices.Count == 4 && i.Prompt.Messages[0].Parts[0].Text.EndsWith(names[i.Answer]));
        // As an origin for the stages: the training side alone.
        docs.Documents(1).Take(3 * train.Count).Distinct().Order().ShouldBe(train.Select(t => t.Text).Order());
        foreach (var text in docs.Conversations(1).Take(200).SelectMany(c => c.Messages).Concat(docs.Verifiable(Split.Train, 1).Take(200).SelectMany(t => t.Prompt.Messages)).Select(m => m.Parts[0].Text))
            names.ShouldAllBe(n => !(text + " ").Contains(n.Key + ":") && !text.Contains(n.Value));
        docs.Preferences(1).Take(100).ShouldAllBe(p => p.Chosen != p.Rejected);
        docs.Evaluations(1, 30).Single().Items.Count.ShouldBe(30);
    }
}
