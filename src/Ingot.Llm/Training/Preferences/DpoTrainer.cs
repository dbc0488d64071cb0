using System.Diagnostics;
using Ingot.Graph;
using Ingot.Llm.Chat;
using Ingot.Llm.Corpus.World;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Training;

/// <summary>A line of the log of training on preferences; means since the line before.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Loss">In nats a pair, with what the chosen answers' own loss adds; null if no step was finite.</param>
/// <param name="Accuracy">Share of the pairs whose chosen answer gained more on the reference than the rejected one.</param>
/// <param name="Margin">By how much, times beta.</param>
/// <param name="GradNorm">Of the last step, before clipping; null if it was not finite.</param>
/// <param name="Rate">The factor on all learning rates.</param>
/// <param name="TokensPerSecond">Of both answers with their prompts.</param>
/// <param name="Skipped">Steps so far without an update.</param>
public sealed record DpoLine(int Step, double? Loss, double? Accuracy, double? Margin, double? GradNorm, double Rate, double TokensPerSecond, int Skipped);

/// <summary>
/// Direct preference optimization: the model is to find the better of two answers more likely, relative to how likely it found both before, than the worse one.
/// </summary>
/// <remarks>Rafailov et al. 2023, "Direct preference optimization: your language model is secretly a reward model", equation 7.</remarks>
public sealed class DpoTrainer
{
    /// <summary>Rows of the reference at a time.</summary>
    const int ReferenceRows = 64;

    readonly Decoder model;
    readonly StageLoop loop;
    readonly Compiled step;
    readonly List<Pair> pairs;
    readonly ILookup<int, Pair> byLength;

    /// <summary>Two answers, how long rows they need, and the log-probability that the reference gives them.</summary>
    sealed record Pair(Answer Chosen, Answer Rejected, int Length)
    {
        public float ReferenceChosen { get; set; }

        public float ReferenceRejected { get; set; }
    }

    /// <param name="model">What is trained, in place; as it is given it is the reference, also where the stage is continued.</param>
    /// <param name="tokenizer">With the special tokens of <see cref="ChatFormat"/>.</param>
    /// <param name="pairs">Each a prompt with a better and a worse answer; those that do not fit into the model's context are left out.</param>
    /// <param name="options">How.</param>
    /// <param name="folder">Of the stage; a checkpoint in it is continued.</param>
    /// <exception cref="IngotException">No pair fits into the context, or the folder's checkpoint is of another stage or of other data.</exception>
    public DpoTrainer(Decoder model, Tokenizer tokenizer, IReadOnlyList<PreferencePair> pairs, DpoOptions options, string folder)
    {
        (this.model, Options) = (model, options.Checked());
        var format = new ChatFormat(tokenizer);
        this.pairs = [.. Fitting(pairs, format, model.ContextLength)];
        LeftOut = pairs.Count - this.pairs.Count;
        if (this.pairs.Count == 0) throw new IngotException(pairs.Count == 0 ? "there are no pairs to train on" : $"none of the {pairs.Count} pairs fits into the model's context of {model.ContextLength} tokens");
        byLength = this.pairs.ToLookup(p => p.Length);
        Refer();
        loop = new(model, options, folder, $"{this.pairs.Count} {Fingerprint(this.pairs):x16}");
        step = new(a => Update(a[0], a[1], a[2]));
    }

    public DpoOptions Options { get; }

    /// <summary>Pairs that did not fit into the context.</summary>
    public int LeftOut { get; }

    /// <summary>Steps done.</summary>
    public int CurrentStep => loop.CurrentStep;

    /// <summary>Steps of them that were not taken, as the loss or the gradient was not finite.</summary>
    public int Skipped => loop.Skipped;

    static IEnumerable<Pair> Fitting(IReadOnlyList<PreferencePair> pairs, ChatFormat format, int context)
    {
        foreach (var pair in pairs)
        {
            Answer Rendered(string answer)
            {
                var (tokens, own) = format.Render(new([.. pair.Prompt.Messages, new(Role.Assistant, answer)]));
                // Only the last turn is the answer: what the assistant said before is part of the prompt.
                int begin = Array.LastIndexOf(tokens, format.AssistantStart) + 1;
                return new(tokens, [.. own.Select((isOwn, i) => isOwn && i >= begin)]);
            }
            var (chosen, rejected) = (Rendered(pair.Chosen), Rendered(pair.Rejected));
            int longest = Math.Max(chosen.Positions, rejected.Positions);
            if (longest <= context) yield return new(chosen, rejected, Answers.RowLength(longest, context));
        }
    }

    static ulong Fingerprint(List<Pair> pairs)
    {
        var print = new Fingerprint();
        foreach (var pair in pairs)
        {
            print.Add(pair.Chosen.Tokens);
            print.Add(pair.Rejected.Tokens);
        }
        return print.Value;
    }

    /// <summary>Asks the reference, which is the model before it is trained, for every answer.</summary>
    void Refer()
    {
        using var noGrad = new NoGrad();
        var asked = new Compiled(a => [LogProbabilities(a[0], a[1])]);
        foreach (var group in byLength)
            foreach (var part in group.Chunk(ReferenceRows / 2))
            {
                var (x, y) = Answers.Rows([.. part.Select(p => p.Chosen), .. part.Select(p => p.Rejected)], ReferenceRows, group.Key);
                float[] sums = asked.Call(x, y).ToArray<float>();
                for (int i = 0; i < part.Length; i++) (part[i].ReferenceChosen, part[i].ReferenceRejected) = (sums[i], sums[part.Length + i]);
            }
    }

    /// <summary>The log-probability of whole answers, the end of the turn included: (B).</summary>
    Tensor LogProbabilities(Tensor tokens, Tensor targets)
    {
        using var products = Options.Precision == TrainingPrecision.Bf16 ? Precision.Bf16() : null;
        return Answers.LogProbabilities(model, tokens, targets).Sum(1);
    }

    /// <summary>Trains to the last step, or until cancelled; writes a checkpoint in either case.</summary>
    /// <param name="report">Called with every line of the log.</param>
    /// <param name="cancellation">Ends the run after the step it is at.</param>
    /// <returns>All steps are done.</returns>
    /// <exception cref="IngotException">Too many steps in a row were not finite, or the disk is full; the last checkpoint stays.</exception>
    public bool Run(Action<DpoLine>? report = null, CancellationToken cancellation = default)
    {
        var clock = new Stopwatch();
        double loss = 0, accuracy = 0, margin = 0, norm = 0;
        int finite = 0;
        long tokens = 0;
        return loop.Run(number =>
        {
            clock.Start();
            var batch = Draw(number);
            tokens += batch.Sum(p => (long)p.Chosen.Positions + p.Rejected.Positions);
            var (x, y) = Answers.Rows([.. batch.Select(p => p.Chosen), .. batch.Select(p => p.Rejected)], 2 * batch.Length, batch[0].Length);
            var reference = Tensor.From([.. batch.Select(p => p.ReferenceChosen - p.ReferenceRejected), .. batch.Select(p => 1f / p.Chosen.OwnCount)], 2, batch.Length);
            var results = step.Run([x, y, reference]).Select(t => (double)t.Item<float>()).ToArray();
            clock.Stop();
            norm = results[1];
            if (!double.IsFinite(results[0]) || !double.IsFinite(norm)) return false;
            (loss, accuracy, margin, finite) = (loss + results[0], accuracy + results[2], margin + results[3], finite + 1);
            return true;
        }, done =>
        {
            if (done % Options.LogEvery != 0 && done != Options.Steps) return null;
            double? Mean(double sum) => finite > 0 ? sum / finite : null;
            var line = new DpoLine(done, Mean(loss), Mean(accuracy), Mean(margin), double.IsFinite(norm) ? norm : null, Options.RateAt((double)done / Options.Steps), tokens / clock.Elapsed.TotalSeconds, loop.Skipped);
            report?.Invoke(line);
            (loss, accuracy, margin, finite, tokens) = (0, 0, 0, 0, 0);
            clock.Reset();
            return line;
        }, cancellation);
    }

    /// <summary>The pairs of a step, all of one length of rows: that of a pair drawn from all, so that each is drawn equally often.</summary>
    Pair[] Draw(int number)
    {
        ulong key = Options.Seed ^ 0x70726566, at = (ulong)number << 24;
        int Below(int n, int i) => (int)((ulong)Threefry.Bits(key, at + (uint)i) * (ulong)n >> 32);
        var alike = byLength[pairs[Below(pairs.Count, 0)].Length].ToArray();
        return [.. Enumerable.Range(1, Options.Batch).Select(i => alike[Below(alike.Length, i)])];
    }

    /// <summary>What is captured of a step.</summary>
    /// <param name="tokens">(2B, T), the chosen answers before the rejected ones.</param>
    /// <param name="targets">(2B, T).</param>
    /// <param name="reference">(2, B): by how much the reference finds the chosen answer more likely in nats; 1 / tokens of the chosen answer.</param>
    Tensor[] Update(Tensor tokens, Tensor targets, Tensor reference)
    {
        loop.ZeroGrad();
        int b = Options.Batch;
        var likely = LogProbabilities(tokens, targets);                                     // (2B)
        var (chosen, rejected) = (likely.Narrow(0, 0, b), likely.Narrow(0, b, b));
        var margin = (chosen - rejected - reference.Narrow(0, 0, 1).Reshape(b)) * Options.Beta;
        var loss = margin.BceWithLogitsLoss(Tensor.Ones(b));                                // -log sigmoid(margin)
        if (Options.ChosenLoss > 0) loss -= (chosen * reference.Narrow(0, 1, 1).Reshape(b)).Mean() * Options.ChosenLoss;
        loss.Backward();
        var (accuracy, mean) = ((margin.Detach() > 0).To(DType.F32).Mean(), margin.Detach().Mean());
        return [loss, loop.Taken(loss, accuracy, mean), accuracy, mean];
    }
}
