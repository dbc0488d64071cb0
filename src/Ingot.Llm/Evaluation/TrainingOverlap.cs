using Ingot.Llm.Data;

namespace Ingot.Llm.Evaluation;

/// <summary>How much of each evaluation set stands in the training data: the share of items of which thirteen words in a row do, or the whole item where it is shorter.</summary>
/// <remarks>Brown et al. 2020, "Language models are few-shot learners", appendix C.</remarks>
public static class TrainingOverlap
{
    /// <summary>A metric a task, called <c>13-gram overlap, </c> and the task's name.</summary>
    /// <param name="tasks">The evaluation sets.</param>
    /// <param name="training">All documents of the training data, which are read once.</param>
    /// <param name="stage">Goes into the metrics.</param>
    public static IReadOnlyList<Metric> Of(IReadOnlyList<EvaluationTask> tasks, IEnumerable<string> training, string stage = "data")
    {
        var texts = tasks.Select(t => t.Texts.ToList()).ToList();
        var check = new OverlapCheck([.. texts.SelectMany(t => t)]);
        foreach (var document in training) check.Add(document);
        var metrics = new List<Metric>();
        int at = 0;
        foreach (var (task, items) in tasks.Zip(texts))
        {
            int found = check.Found.Skip(at).Take(items.Count).Count(f => f);
            var (low, high) = Interval.Wilson(found, items.Count);
            metrics.Add(new($"13-gram overlap, {task.Name}", stage, items.Count == 0 ? 0 : found / (double)items.Count, items.Count, low, high, null));
            at += items.Count;
        }
        return metrics;
    }
}
