using System.Diagnostics;
using Ingot.Graph;
using Ingot.Llm.Chat;
using Ingot.Llm.Corpus.World;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;
using Ingot.Nn;

namespace Ingot.Llm.Training;

/// <summary>A line of the log of reinforcement learning.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Reward">Mean over the samples of the step, which the weights before it drew.</param>
/// <param name="RewardError">Standard error of it, from prompt to prompt.</param>
/// <param name="Check">Share of held-out tasks whose most likely answer is right: after the step, in the first line before it. Null where it was not measured.</param>
/// <param name="Entropy">Of the choice of a token, in nats, mean over the samples' tokens; null if the model was not finite.</param>
/// <param name="Kl">Divergence from the model that the stage began with, in nats a token; null where it was not measured.</param>
/// <param name="Distinct">Different answers among a prompt's samples, mean.</param>
/// <param name="Loss">Mean over the step's updates; null if there was none, or none finite.</param>
/// <param name="GradNorm">Of the last update, before clipping; null if there was none, or it was not finite.</param>
/// <param name="Rate">The factor on all learning rates.</param>
/// <param name="TokensPerSecond">Of samples, written and learned from; checks do not count.</param>
/// <param name="Gflops">That this is: 2 operations a weight for each token written, 6 for each learned from, and attention.</param>
/// <param name="Skipped">Steps so far in which an update was left out as it was not finite.</param>
/// <param name="PassAtK">Share of held-out tasks of which one of <see cref="GrpoOptions.PassSamples"/> samples is right; where <paramref name="Check"/> is first and last measured.</param>
/// <param name="Warning">What the <see cref="HackDetector"/> says.</param>
public sealed record RlLine(int Step, double Reward, double RewardError, double? Check, double? Entropy, double? Kl, double Distinct, double? Loss, double? GradNorm, double Rate,
    double TokensPerSecond, double Gflops, int Skipped, double? PassAtK, string? Warning);

/// <summary>
/// Reinforcement learning on tasks whose answers a program judges: several answers to a prompt are drawn, and what is better than their mean becomes more likely.
/// </summary>
/// <remarks>
/// Shao et al. 2024, "DeepSeekMath" (GRPO): the mean of a prompt's samples is the baseline that a critic would learn. Yu et al. 2025 (DAPO) for the loss of tokens, the wider
/// upper clip and leaving out groups that are all right or all wrong; Liu et al. 2025 (Dr. GRPO) for not dividing by the deviation; Schulman et al. 2017 for the clip.
/// </remarks>
public sealed class GrpoTrainer
{
    /// <summary>Rows of the reference at a time.</summary>
    const int ReferenceRows = 64;

    readonly Decoder model;
    readonly TaskPool tasks;
    readonly StageLoop loop;
    readonly Rollouts rollouts;
    readonly Compiled update;
    readonly int[][] training, heldOut;
    readonly HackDetector detector = new();
    readonly Lazy<Compiled> reference;

    /// <param name="model">What is trained, in place; as it is given it is the reference, also where the stage is continued.</param>
    /// <param name="tokenizer">With the special tokens of <see cref="ChatFormat"/>.</param>
    /// <param name="tasks">What is practised and what is checked.</param>
    /// <param name="options">How.</param>
    /// <param name="folder">Of the stage; a checkpoint in it is continued.</param>
    /// <param name="tool">Answers the model's calls; the calculator if not given.</param>
    /// <exception cref="IngotException">A prompt does not fit into the context, there are no tasks, or the folder's checkpoint is of another stage or other tasks.</exception>
    public GrpoTrainer(Decoder model, Tokenizer tokenizer, TaskPool tasks, GrpoOptions options, string folder, Func<string, string>? tool = null)
    {
        (this.model, Options) = (model, options.Checked());
        this.tasks = tasks with { HeldOut = [.. tasks.HeldOut.Take(options.CheckCount)] };
        if (tasks.Training.Count == 0 || tasks.HeldOut.Count == 0) throw new IngotException($"reinforcement learning needs tasks to practise and others to check; there are {tasks.Training.Count} and {tasks.HeldOut.Count}");
        var format = new ChatFormat(tokenizer);
        int[][] Prompts(IReadOnlyList<VerifiableTask> some) => [.. some.Select(t => Fitting(format.Prompt(t.Prompt)))];
        (training, heldOut) = (Prompts(this.tasks.Training), Prompts(this.tasks.HeldOut));
        rollouts = new(model, tokenizer, options.SideBySide, options.MaxTokens, tool);
        var beginning = Copy(model); // before a checkpoint replaces the weights
        reference = new(() => new(a => [Answers.LogProbabilities(beginning, a[0], a[1], Options.Temperature)]));
        loop = new(model, options, folder, $"{training.Length}+{heldOut.Length} {Fingerprint():x16}");
        foreach (var line in loop.Lines<RlLine>()) Observe(line.Step, line.Reward, line.RewardError, line.Check);
        update = new(a => Update(a[0], a[1], a[2]));
    }

    public GrpoOptions Options { get; }

    /// <summary>Steps done.</summary>
    public int CurrentStep => loop.CurrentStep;

    /// <summary>Steps of them in which an update was left out, as its loss or gradient was not finite.</summary>
    public int Skipped => loop.Skipped;

    int[] Fitting(int[] prompt) => prompt.Length + 2 <= model.ContextLength ? prompt
        : throw new IngotException($"a task's prompt of {prompt.Length} tokens leaves no room for an answer in the model's context of {model.ContextLength}");

    static Decoder Copy(Decoder model)
    {
        var copy = new Decoder(model.Config);
        Module.LoadStateDict(copy, Module.StateDict(model).ToDictionary(p => p.Key, p => Tensor.From(p.Value.ToArray<float>(), p.Value.Shape.Span)));
        return copy;
    }

    ulong Fingerprint()
    {
        var print = new Fingerprint();
        foreach (var prompt in training.Concat(heldOut)) print.Add(prompt);
        foreach (var task in tasks.Training.Concat(tasks.HeldOut)) print.Add(task.Expected);
        return print.Value;
    }

    /// <summary>Trains to the last step, or until cancelled; writes a checkpoint in either case.</summary>
    /// <param name="report">Called with every line of the log.</param>
    /// <param name="cancellation">Ends the run after the step it is at.</param>
    /// <returns>All steps are done.</returns>
    /// <exception cref="IngotException">Too many steps in a row were not finite, or the disk is full; the last checkpoint stays.</exception>
    public bool Run(Action<RlLine>? report = null, CancellationToken cancellation = default)
    {
        var clock = new Stopwatch();
        RlLine? line = null;
        return loop.Run(number =>
        {
            (double Check, double? Pass)? before = number == 0 ? Judge(number, isEnd: true) : null;
            clock.Restart();
            var samples = Sample(number);
            double[] rewards = [.. samples.Select((s, i) => s.HasEnded ? tasks.Reward(TaskOf(number, i), s.Text) : 0)];
            var lessons = Lessons(samples, rewards);
            // A model whose logits are not finite draws nothing that could be learned from.
            bool isSound = samples.All(s => s.LogProbabilities.All(float.IsFinite));
            var (loss, norm, isFinite) = isSound ? Learn(number, lessons) : (null, null, false);
            clock.Stop();
            line = Describe(number, samples, rewards, lessons, loss, norm, clock.Elapsed.TotalSeconds) with { Check = before?.Check, PassAtK = before?.Pass };
            return isFinite;
        }, done =>
        {
            bool isLast = done == Options.Steps, checks = isLast || Options.CheckEvery > 0 && done % Options.CheckEvery == 0;
            if (checks) line = Judge(done, isLast) is var (check, pass) ? line! with { Check = check, PassAtK = pass } : line;
            line = line! with { Skipped = loop.Skipped, Warning = Observe(done, line.Reward, line.RewardError, line.Check) };
            if (!isLast && line.Check is null && done % Options.LogEvery != 0) return null;
            report?.Invoke(line);
            return line;
        }, cancellation);
    }

    string? Observe(int step, double reward, double error, double? check) => check is { } share ? detector.Observe(step, reward, error, share, heldOut.Length) : null;

    /// <summary>Which task is the i-th sample of a step for.</summary>
    VerifiableTask TaskOf(int step, int sample) => tasks.Training[Drawn(step, sample / Options.Group)];

    int Drawn(int step, int prompt) => (int)((ulong)Threefry.Bits(Options.Seed ^ 0x7461736b, (ulong)step << 24 | (uint)prompt) * (ulong)training.Length >> 32);

    ulong SeedOf(int step, int sample, uint purpose) => (ulong)Threefry.Bits(Options.Seed ^ purpose, (ulong)step << 25 | (uint)sample << 1) << 32 | Threefry.Bits(Options.Seed ^ purpose, (ulong)step << 25 | (uint)sample << 1 | 1);

    Rollout[] Sample(int step) =>
        rollouts.Generate([.. Enumerable.Range(0, Options.Prompts).Select(i => training[Drawn(step, i)])], Options.Group, Options.Temperature, i => SeedOf(step, i, 0x726f6c6c));

    /// <summary>How many held-out tasks are right: by the most likely answer, and by one of several samples.</summary>
    (double Check, double? Pass) Judge(int step, bool isEnd)
    {
        bool IsRight(Rollout r, int task) => r.HasEnded && tasks.Check(tasks.HeldOut[task], r.Text);
        double check = rollouts.Generate(heldOut, 1, 0, _ => 0).Index().Average(r => IsRight(r.Item, r.Index) ? 1.0 : 0);
        int k = Options.PassSamples;
        if (!isEnd || k == 0) return (check, null);
        var samples = rollouts.Generate(heldOut, k, Options.Temperature, i => SeedOf(step, i, 0x70617373));
        return (check, Enumerable.Range(0, heldOut.Length).Average(t => Enumerable.Range(t * k, k).Any(i => IsRight(samples[i], t)) ? 1.0 : 0));
    }

    /// <summary>An answer with what it is to be changed by.</summary>
    sealed record Lesson(Rollout Sample, float Advantage);

    /// <summary>The samples of groups whose rewards differ, with their advantages.</summary>
    List<Lesson> Lessons(Rollout[] samples, double[] rewards)
    {
        var lessons = new List<Lesson>();
        for (int first = 0; first < samples.Length; first += Options.Group)
        {
            var group = rewards.AsSpan(first, Options.Group).ToArray();
            double mean = group.Average(), deviation = Math.Sqrt(group.Average(r => (r - mean) * (r - mean)));
            if (deviation < 1e-9) continue;
            double scale = Options.DividesByDeviation ? 1 / (deviation + 1e-4) : 1;
            for (int i = 0; i < group.Length; i++) lessons.Add(new(samples[first + i], (float)((group[i] - mean) * scale)));
        }
        return lessons;
    }

    /// <summary>As many updates as the lessons fill, in an order drawn by the step's number.</summary>
    (double? Loss, double? Norm, bool IsFinite) Learn(int step, List<Lesson> lessons)
    {
        var order = Enumerable.Range(0, lessons.Count).OrderBy(i => Threefry.Bits(Options.Seed ^ 0x6f72646572, (ulong)step << 24 | (uint)i)).Select(i => lessons[i]).ToList();
        // Equal parts, so that no update is made of a few answers.
        int updates = (order.Count + Options.Rows - 1) / Options.Rows;
        double sum = 0;
        double? norm = null;
        int finite = 0;
        for (int u = 0; u < updates; u++)
        {
            var part = order[(int)((long)order.Count * u / updates)..(int)((long)order.Count * (u + 1) / updates)];
            int rows = Math.Min(Options.Rows, (part.Count + RowGranularity - 1) / RowGranularity * RowGranularity);
            var results = update.Run(Inputs(part, rows));
            double loss = results[0].Item<float>();
            norm = results[1].Item<float>();
            if (!double.IsFinite(loss) || !double.IsFinite(norm.Value)) norm = null;
            else (sum, finite) = (sum + loss, finite + 1);
        }
        return (finite > 0 ? sum / finite : null, norm, finite == updates);
    }

    /// <summary>Rows of an update are rounded up to these, as each number of rows is compiled for.</summary>
    const int RowGranularity = 64;

    /// <summary>The arguments of <see cref="Update"/>.</summary>
    Tensor[] Inputs(List<Lesson> part, int rows)
    {
        int length = Answers.RowLength(part.Max(l => l.Sample.Answer.Positions), model.ContextLength), plane = rows * length;
        var (x, y) = Answers.Rows([.. part.Select(l => l.Sample.Answer)], rows, length);
        var data = new float[4 * plane];
        double tokens = part.Sum(l => (double)l.Sample.LogProbabilities.Length);
        for (int r = 0; r < part.Count; r++)
        {
            var (sample, advantage) = part[r];
            float weight = (float)(Options.Scale switch
            {
                LossScale.Tokens => 1 / tokens,
                LossScale.Answers => 1.0 / part.Count / sample.LogProbabilities.Length,
                _ => 1.0 / part.Count / Options.MaxTokens,
            });
            int own = 0;
            for (int i = 1; i < sample.Answer.Tokens.Length; i++)
            {
                if (!sample.Answer.IsOwn[i]) continue;
                int at = r * length + i - 1;
                (data[at], data[plane + at], data[2 * plane + at]) = (advantage * weight, weight, sample.LogProbabilities[own++]);
            }
        }
        if (Options.KlWeight > 0) ReferenceOf(x, y, rows, length).CopyTo(data, 3 * plane);
        return [x, y, Tensor.From(data, 4, rows, length)];
    }

    float[] ReferenceOf(Tensor tokens, Tensor targets, int rows, int length)
    {
        using var noGrad = new NoGrad();
        return reference.Value.Call(tokens, targets).ToArray<float>();
    }

    /// <summary>What is captured of an update.</summary>
    /// <param name="tokens">(R, T).</param>
    /// <param name="targets">(R, T).</param>
    /// <param name="data">(4, R, T): of each token the advantage times its weight, its weight, its log-probability when it was drawn, and that of the reference.</param>
    Tensor[] Update(Tensor tokens, Tensor targets, Tensor data)
    {
        loop.ZeroGrad();
        Tensor Part(int i) => data.Narrow(0, i, 1).Reshape(targets.Shape.Span);
        using var products = Options.Precision == TrainingPrecision.Bf16 ? Precision.Bf16() : null;
        var logits = Answers.Logits(model, tokens, Options.Temperature);
        var likely = Answers.LogProbabilities(logits, targets);                         // (R, T), 0 where nothing counts
        var (advantage, weight) = (Part(0), Part(1));
        var ratio = (likely - Part(2)).Exp();
        var loss = -(ratio * advantage).Minimum(ratio.Clamp(1 - Options.ClipLow, 1 + Options.ClipHigh) * advantage).Sum();
        if (Options.KlWeight > 0)
        {
            // Schulman 2020, "Approximating KL divergence": k3 = r - 1 - log r with r = reference / model, never negative and without bias.
            var apart = Part(3) - likely;
            loss += (weight * (apart.Exp() - 1 - apart)).Sum() * Options.KlWeight;
        }
        if (Options.EntropyBonus > 0)
        {
            var all = logits.LogSoftmax(-1);
            loss += (weight.Reshape(-1) * (all.Exp() * all).Sum(-1)).Sum() * Options.EntropyBonus;
        }
        loss.Backward();
        return [loss, loop.Taken(loss)];
    }

    RlLine Describe(int step, Rollout[] samples, double[] rewards, List<Lesson> lessons, double? loss, double? norm, double seconds)
    {
        var means = rewards.Chunk(Options.Group).Select(g => g.Average()).ToArray();
        double reward = means.Average(), deviation = Math.Sqrt(means.Sum(m => (m - reward) * (m - reward)) / Math.Max(1, means.Length - 1));
        double written = samples.Sum(s => (double)s.LogProbabilities.Length), all = samples.Sum(s => (double)s.Answer.Positions), learned = lessons.Sum(l => (double)l.Sample.Answer.Positions);
        double flops = model.TrainingFlopsPerToken((int)Math.Ceiling(all / samples.Length)) * (learned + written / 3);
        return new(step + 1, reward, deviation / Math.Sqrt(means.Length), null, samples.Sum(s => s.Entropy) / written is var entropy && double.IsFinite(entropy) ? entropy : null, Divergence(step, samples),
            samples.Chunk(Options.Group).Average(g => g.Select(s => s.Text).Distinct().Count()), loss, norm, Options.RateAt((double)(step + 1) / Options.Steps),
            (all + learned) / seconds, flops / seconds / 1e9, 0, null, null);
    }

    /// <summary>Of the weights before the step from those at the beginning, by samples drawn from the former (k3, as in <see cref="Update"/>); at checks, or where it is part of the loss.</summary>
    double? Divergence(int step, Rollout[] samples)
    {
        if (Options.KlWeight == 0 && !(step + 1 == Options.Steps || Options.CheckEvery > 0 && (step + 1) % Options.CheckEvery == 0)) return null;
        double sum = 0, tokens = 0;
        foreach (var part in samples.Take(4 * ReferenceRows).Chunk(ReferenceRows))
        {
            int length = Answers.RowLength(samples.Max(s => s.Answer.Positions), model.ContextLength);
            var (x, y) = Answers.Rows([.. part.Select(s => s.Answer)], ReferenceRows, length);
            var then = ReferenceOf(x, y, ReferenceRows, length);
            for (int r = 0; r < part.Length; r++)
                for (int i = 1, own = 0; i < part[r].Answer.Tokens.Length; i++)
                {
                    if (!part[r].Answer.IsOwn[i]) continue;
                    double apart = then[r * length + i - 1] - part[r].LogProbabilities[own++];
                    (sum, tokens) = (sum + Math.Exp(apart) - 1 - apart, tokens + 1);
                }
        }
        return double.IsFinite(sum) ? sum / tokens : null;
    }
}
