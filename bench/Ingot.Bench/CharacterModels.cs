using System.Diagnostics;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Training;
using Ingot.Llm.Corpus;
using Ingot.Nn;

namespace Ingot.Bench;

/// <summary>Character-level GPTs with the settings of <c>ingot train</c>'s presets: the small one trained to its end, the large one timed.</summary>
static class CharacterModels
{
    public static IEnumerable<Benchmark> All()
    {
        foreach (var dtype in new[] { DType.F32, DType.BF16 })
        {
            string suffix = dtype == DType.F32 ? "" : ".bf16", large = "char-large" + suffix;
            yield return new("char-small" + suffix, $"s of 2,000 steps of the char-small preset without evaluation{TrainingSteps.Mode(dtype)}; the note has the loss over the last tenth of the text",
                session => Small(session, "char-small" + suffix, dtype));
            yield return new(large, $"tokens/s of training the char-large preset{TrainingSteps.Mode(dtype)}", session =>
            {
                var run = new Run(session, TrainingOptions.Preset("char-large"));
                double gflop = run.Model.TrainingFlopsPerToken * run.Options.TokensPerStep / 1e9;
                var batches = Enumerable.Range(0, 4).Select(i => run.Text.Training(1, i, run.Options.Batch)).ToList();
                return TrainingSteps.Measure(session, large, dtype, run.Options.TokensPerStep, gflop, batches, run.Step);
            });
        }
    }

    /// <summary>The whole training, in stretches of steps with the roof read between them: the value is the time of all stretches, and a stretch counts as a sample.</summary>
    static Figure Small(BenchSession session, string name, DType dtype)
    {
        const int steps = 2000, stretch = 100;
        var run = new Run(session, TrainingOptions.Preset("char-small") with { Steps = steps });
        using var precision = BenchPrecision.Of(dtype);
        int step = 0;
        double gflop = stretch * run.Model.TrainingFlopsPerToken * run.Options.TokensPerStep / 1e9;
        var clock = new Stopwatch();
        var figure = Sampling.MeasureSeries(name, "s", session.RoofOf(dtype), gflop, s => s * steps / stretch, steps / stretch, () =>
        {
            clock.Start();
            for (int i = 0; i < stretch; i++, step++)
            {
                run.Progress.Value = (double)step / steps;
                var (tokens, targets) = run.Text.Training(1, step, run.Options.Batch);
                _ = run.Step(tokens, targets).Item<float>();
            }
            clock.Stop();
        });
        return figure with { Note = $"{clock.Elapsed.TotalSeconds:F1} s in all with compiling, loss {run.ValidationLoss():F4}" };
    }

    /// <summary>A model, its text and its optimizer.</summary>
    sealed class Run
    {
        readonly Compiled step;

        public Run(BenchSession session, TrainingOptions options)
        {
            Options = options;
            string text = session.TextFile is { } file ? TextSource.Read([file]) : StoryCorpus.Generate(1, options.StoryBytes);
            var tokenizer = CharTokenizer.Train(text);
            Text = new(tokenizer.Encode(text), options.ContextLength);
            Model = new(options.ModelConfig(tokenizer.VocabularySize), seed: 1);
            var parameters = Module.Parameters(Model);
            var optimizer = Trainer.NewOptimizer(parameters, options);
            step = Compiled.Of((tokens, targets) =>
            {
                optimizer.ZeroGrad();
                var loss = Model.Loss(tokens, targets);
                loss.Backward();
                Clip.GradNorm(parameters, options.Clip);
                optimizer.Step(Progress);
                return loss;
            });
        }

        public TrainingOptions Options { get; }

        public TokenBatches Text { get; }

        public Gpt Model { get; }

        public Number Progress { get; } = new(0);

        public Tensor Step(Tensor tokens, Tensor targets) => step.Call(tokens, targets);

        public double ValidationLoss()
        {
            using var noGrad = new NoGrad();
            var (sum, count) = (0.0, 0L);
            foreach (var (tokens, targets) in Text.Validation(64))
            {
                sum += Model.Loss(tokens, targets).Item<float>() * (double)tokens.Count;
                count += tokens.Count;
            }
            return sum / count;
        }
    }
}
