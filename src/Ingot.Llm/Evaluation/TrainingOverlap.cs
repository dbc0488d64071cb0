using Ingot.Llm.Data;

namespace Ingot.Llm.Evaluation;

/// <summary>How much of an evaluation set stands in the training data, as overlap.jsonl has it.</summary>
/// <param name="Set">Its name.</param>
/// <param name="Items">In it.</param>
/// <param name="Overlapping">Of them with a run of words that training data has.</param>
/// <param name="Length">Words of a run; an item that is shorter counts as a whole.</param>
public sealed record SetOverlap(string Set, int Items, int Overlapping, int Length);

/// <summary>Looks for evaluation sets in training data: items of which thirteen words in a row stand there, or the whole item where it is shorter.</summary>
/// <remarks>Brown et al. 2020, "Language models are few-shot learners", appendix C.</remarks>
public static class TrainingOverlap
{
    /// <summary>An overlap a task; tasks that ask for training text on purpose are left out.</summary>
    /// <param name="tasks">The evaluation sets.</param>
    /// <param name="training">All texts of the training data, which are read once.</param>
    public static IReadOnlyList<SetOverlap> Of(IReadOnlyList<EvaluationTask> tasks, IEnumerable<string> training)
    {
        var looked = tasks.Where(t => !t.IsOfTrainingText).ToList();
        var check = new OverlapCheck([.. looked.Select(t => (IReadOnlyList<string>)[.. t.Texts])]);
        foreach (var text in training) check.Add(text);
        return [.. looked.Zip(check.Reports, (t, r) => new SetOverlap(t.Name, r.Items, r.Overlapping, r.Length))];
    }

    /// <summary>The same as scores, called <c>13-gram overlap, </c> and the set's name.</summary>
    public static IEnumerable<Metric> AsMetrics(IEnumerable<SetOverlap> overlaps) => overlaps.Select(o =>
    {
        var (low, high) = Interval.Wilson(o.Overlapping, o.Items);
        return new Metric($"{o.Length}-gram overlap, {o.Set}", "data", o.Items == 0 ? 0 : o.Overlapping / (double)o.Items, o.Items, low, high, null);
    });
}
