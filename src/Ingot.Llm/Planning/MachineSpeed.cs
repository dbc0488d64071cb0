using System.Diagnostics;
using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Llm.Training;
using Ingot.Runtime;

namespace Ingot.Llm.Planning;

/// <summary>What this machine reaches with a model, measured on the same steps that the run will take.</summary>
/// <param name="SecondsPerStep">Of training, optimizer included.</param>
/// <param name="Gflops">In training, by 6 a weight and attention.</param>
public sealed record TrainingSpeed(double SecondsPerStep, double Gflops);

/// <summary>Measures training and generation with random weights, which take as long as any.</summary>
public static class MachineSpeed
{
    /// <summary>Seconds that a measurement of training goes on after its first steps, which compile.</summary>
    const double Seconds = 3;

    /// <summary>Trains a throw-away model of the shape.</summary>
    /// <param name="config">The model.</param>
    /// <param name="options">Batch, precision, optimizer; its steps do not matter.</param>
    /// <param name="length">T: tokens a sequence.</param>
    /// <param name="cancellation">Ends the measurement.</param>
    public static TrainingSpeed Training(DecoderConfig config, StageOptions options, int length, CancellationToken cancellation = default)
    {
        var model = new Decoder(config, seed: 1);
        // Tokens in no order: what is looked up is then as far apart as in text or farther.
        var tokens = new int[64 * length];
        for (int i = 0; i < tokens.Length; i++) tokens[i] = (int)((uint)i * 2654435761 % (uint)config.VocabularySize);
        var data = new Mixture(TokenSource.OfTokens("measurement", tokens), length);
        string folder = Path.Combine(Path.GetTempPath(), $"ingot-measure-{Guid.NewGuid():N}");
        try
        {
            var trainer = new StageTrainer(model, data, options with { Name = "measurement", Steps = int.MaxValue / 2, LogEvery = 1, EvaluateEvery = 0, CheckpointSeconds = double.MaxValue }, folder, null, keepsCheckpoints: false);
            var seconds = new List<double>();
            var clock = Stopwatch.StartNew();
            using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            double last = 0, measured = 0;
            trainer.Run(line =>
            {
                double now = clock.Elapsed.TotalSeconds, step = now - last;
                last = now;
                if (line.Step <= 2) return; // compiled in these
                seconds.Add(step);
                measured += step;
                if (measured >= Seconds && seconds.Count >= 3) enough.Cancel();
            }, enough.Token);
            cancellation.ThrowIfCancellationRequested();
            // The mean, not the least: the run will share the machine with the same neighbours.
            double mean = seconds.Average();
            return new(mean, options.SequencesPerStep * (double)length * model.TrainingFlopsPerToken(length) / mean / 1e9);
        }
        finally
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Tokens a second of many short texts written side by side, prompts counted as well.</summary>
    /// <param name="model">Any weights.</param>
    /// <param name="texts">How many.</param>
    /// <param name="prompt">Tokens of each prompt.</param>
    /// <param name="answer">Tokens written of each.</param>
    public static double Generation(Decoder model, int texts = 256, int prompt = 24, int answer = 8)
    {
        var engine = new Engine(model);
        double seconds = double.PositiveInfinity;
        for (int round = 0; round < 4; round++) // the first ones compile
        {
            var clock = Stopwatch.StartNew();
            var all = Enumerable.Range(0, texts).Select(i => engine.Start([.. Enumerable.Range(0, prompt).Select(t => (i * 31 + t * 7) % model.VocabularySize)], new(Temperature: 0) { MaxTokens = answer })).ToList();
            while (engine.Step()) { }
            foreach (var text in all) text.Dispose();
            seconds = Math.Min(seconds, clock.Elapsed.TotalSeconds);
        }
        return texts * (prompt + answer) / seconds;
    }

    /// <summary>The peak of the unit that training in a precision computes on.</summary>
    public static double PeakGflops(TrainingPrecision precision) => Peaks.Measure() is var p && precision == TrainingPrecision.Bf16 ? p.MatrixGflops ?? p.Gflops : p.Gflops;

    /// <summary>bf16 where a matrix unit makes it faster.</summary>
    public static TrainingPrecision BestPrecision => Peaks.Measure().MatrixGflops is not null ? TrainingPrecision.Bf16 : TrainingPrecision.Fp32;
}
