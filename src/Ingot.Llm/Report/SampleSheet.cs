using Ingot.Llm.Evaluation;

namespace Ingot.Llm.Report;

/// <summary>What every stage made of one prompt.</summary>
/// <param name="Prompt">What they were given.</param>
/// <param name="ByStage">The last answer of each stage, in the order of the stages.</param>
/// <param name="Earlier">Answers of the same stages before those, oldest first.</param>
sealed record SamplePrompt(string Prompt, IReadOnlyList<Sample> ByStage, IReadOnlyList<Sample> Earlier);

static class SampleSheet
{
    /// <summary>Samples by prompt: those that most stages have answered first, then as they came.</summary>
    public static List<SamplePrompt> Of(IReadOnlyList<Sample> samples) =>
        [.. samples.GroupBy(s => s.Prompt).Select(g =>
            {
                // Of equal steps the later line counts: it was written by a run that went on after a kill.
                List<Sample> last = [.. g.GroupBy(s => s.Stage).Select(s => s.Aggregate((a, b) => b.Step >= a.Step ? b : a)).OrderBy(s => StageLog.Rank(s.Stage)).ThenBy(s => s.Stage, StringComparer.Ordinal)];
                return new SamplePrompt(g.Key, last, [.. g.Where(s => !last.Contains(s)).DistinctBy(s => (s.Stage, s.Step)).OrderBy(s => StageLog.Rank(s.Stage)).ThenBy(s => s.Step)]);
            }).OrderByDescending(p => p.ByStage.Count)];
}
