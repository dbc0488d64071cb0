using System.Text;
using Ingot.Llm.Chat;
using Ingot.Llm.Corpus.World;

namespace Ingot.Llm.Evaluation;

/// <summary>How the likeliest answer is found.</summary>
public enum ChoiceForm
{
    /// <summary>The question lists the choices with letters, and the letters are weighed (MMLU; Hendrycks et al. 2021).</summary>
    Letters,
    /// <summary>Each choice is weighed as what follows the question, its log-likelihood divided by its bytes (CORE and similar).</summary>
    Continuations,
}

/// <summary>Multiple choice by likelihood: nothing is written.</summary>
public sealed class ChoiceTask : EvaluationTask
{
    readonly IReadOnlyList<TaskItem> items;
    readonly ChoiceForm form;

    /// <param name="name">As the report shows it.</param>
    /// <param name="items">Questions with at least two choices, the answer one of them.</param>
    /// <param name="form">How.</param>
    /// <param name="isText">The questions are beginnings of texts, and the choices go on with them.</param>
    /// <exception cref="IngotException">An item's answer is none of its choices.</exception>
    public ChoiceTask(string name, IReadOnlyList<TaskItem> items, ChoiceForm form, bool isText = false) : base(name)
    {
        (this.items, this.form) = (items, form);
        foreach (var (i, item) in items.Index())
        {
            if (item.Choices.Count < 2 || !item.Choices.Contains(item.Answer)) throw new IngotException($"item {i + 1} of '{name}' has the answer '{item.Answer}', which is none of its {item.Choices.Count} choices");
            if (form == ChoiceForm.Letters && item.Choices.Count > 26) throw new IngotException($"item {i + 1} of '{name}' has {item.Choices.Count} choices; there are 26 letters");
        }
        Requests = [.. items.Select(i => form == ChoiceForm.Letters ? new WeighRequest(Lettered(i), [.. i.Choices.Select((_, n) => Letter(n))]) : new WeighRequest(i.Prompt, isText ? [.. i.Choices.Select(Spaced)] : i.Choices) { IsText = isText })];
    }

    public override IReadOnlyList<Request> Requests { get; }

    public override IEnumerable<string> Texts => items.Select(i => $"{i.Prompt.Messages[^1].Parts[0].Text} {i.Answer}");

    public override Reply Right(int request) => Certain(RightIndex(items[request]), items[request].Choices.Count);

    public override Reply Chance(int request, Func<double> random) => Certain((int)(random() * items[request].Choices.Count), items[request].Choices.Count);

    public override IEnumerable<Metric> Score(IReadOnlyList<Reply> replies, string stage)
    {
        int right = 0;
        foreach (var (item, reply) in items.Zip(replies))
        {
            var scores = reply.LogLikelihoods.Select((l, i) => form == ChoiceForm.Letters ? l : l / Math.Max(1, Encoding.UTF8.GetByteCount(item.Choices[i]))).ToList();
            if (scores.IndexOf(scores.Max()) == RightIndex(item)) right++;
        }
        yield return Share(Name, stage, right, items.Count, items.Count == 0 ? null : items.Average(i => 1.0 / i.Choices.Count));
    }

    static int RightIndex(TaskItem item) => item.Choices.TakeWhile(c => c != item.Answer).Count();

    static string Letter(int n) => ((char)('A' + n)).ToString();

    static string Spaced(string choice) => choice.Length > 0 && char.IsWhiteSpace(choice[0]) ? choice : " " + choice;

    static Conversation Lettered(TaskItem item)
    {
        var last = item.Prompt.Messages[^1];
        return new([.. item.Prompt.Messages.SkipLast(1), new(last.Role, LetteredQuestion(last.Parts[0].Text, item.Choices))]);
    }

    /// <summary>The question, and below it a line a choice.</summary>
    public static string LetteredQuestion(string question, IReadOnlyList<string> choices)
    {
        var text = new StringBuilder(question);
        foreach (var (i, choice) in choices.Index()) text.Append('\n').Append(Letter(i)).Append(". ").Append(choice);
        return text.ToString();
    }
}
