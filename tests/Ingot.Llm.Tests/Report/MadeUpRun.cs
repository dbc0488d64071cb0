using System.Globalization;
using System.Text.Json;
using Ingot.Llm.Evaluation;
using Ingot.Llm.Training;

namespace Ingot.Llm.Tests.Report;

/// <summary>Writes a run folder such as a ten-minute speedrun leaves: nothing in it is measured, all of it is of a kind and size that runs have.</summary>
static class MadeUpRun
{
    /// <summary>A model may say anything; a page must not obey.</summary>
    public const string Hostile = "<script>alert(\"owned\")</script><img src=x onerror=alert(1)> & 'so on' ```";

    static readonly DateTimeOffset started = new(2026, 11, 22, 9, 30, 0, TimeSpan.Zero);

    /// <param name="folder">Where; created.</param>
    /// <param name="part">How much of it is done, from 0 to 1.</param>
    public static void Write(string folder, double part = 1)
    {
        Directory.CreateDirectory(folder);
        var random = new Random(7);
        Json(folder, "plan.json", Plan);
        bool isOver = part >= 1;
        double elapsed = 598 * part, at = 0;
        (string Name, int Steps, double Seconds, Func<int, double, object> Line)[] stages =
        [
            ("base", 1400, 330, (s, p) => Text(random, s, p, 1.62 + 6.0 * Math.Exp(-p * 11) + 0.42 * (1 - p), Warmed(p), 1.05)),
            ("mid", 320, 78, (s, p) => Text(random, s, p, 1.42 + 0.30 * Math.Exp(-p * 5), 0.6 * (1 - p) + 0.05, 1)),
            ("sft", 200, 42, (s, p) => Text(random, s, p, 0.71 + 0.62 * Math.Exp(-p * 6), 0.4 * (1 - p) + 0.02, 1.02)),
            ("dpo", 60, 18, (s, p) => new { Step = s, Loss = 0.69 - 0.31 * p + Noise(random, 0.03), Accuracy = 0.52 + 0.37 * (1 - Math.Exp(-4 * p)) + Noise(random, 0.03), Margin = 0.02 + 1.4 * p + Noise(random, 0.08), GradNorm = 1.1 + Noise(random, 0.2), Rate = 0.2 * (1 - p), TokensPerSecond = 31000 + Noise(random, 900), Skipped = 0 }),
            ("rl", 80, 84, (s, p) => new { Step = s, Reward = 0.31 + 0.42 * (1 - Math.Exp(-2.4 * p)) + Noise(random, 0.04), Check = 0.29 + 0.38 * (1 - Math.Exp(-2.2 * p)) + Noise(random, 0.05), Entropy = 1.15 * Math.Exp(-1.1 * p) + Noise(random, 0.03), Kl = 0.09 * p + Math.Abs(Noise(random, 0.004)), Distinct = 0.78 - 0.22 * p + Noise(random, 0.02), Loss = Noise(random, 0.05), GradNorm = 0.6 + Noise(random, 0.1), Rate = 0.1, TokensPerSecond = 9400 + Noise(random, 500), Gflops = 41 + Noise(random, 2), Skipped = 0, PassAtK = s % 20 == 0 ? 0.71 + 0.1 * p : (double?)null }),
        ];
        foreach (var (name, steps, seconds, line) in stages)
        {
            double done = Math.Clamp((elapsed - at) / seconds, 0, 1);
            at += seconds + (name == "rl" ? 0 : 8);
            if (done <= 0) continue;
            int every = name is "dpo" or "rl" ? 1 : 5;
            var lines = new List<object>();
            for (int s = every; s <= steps * done; s += every) lines.Add(line(s, (double)s / steps));
            Lines(folder, Path.Combine(name, "log.jsonl"), lines);
            if (done >= 1) Directory.CreateDirectory(Path.Combine(folder, name, "model"));
        }
        Lines(folder, "samples.jsonl", Samples.Where(s => Directory.Exists(Path.Combine(folder, s.Stage)) && (isOver || s.Stage == "base")));
        var scored = Metrics.Where(m => isOver || Directory.Exists(Path.Combine(folder, m.Stage, "model")));
        Lines(folder, "metrics.jsonl", scored);
        Lines(folder, "overlap.jsonl", [new { Set = "facts, held-out phrasings", Items = 500, Overlapping = 0, TooShort = 480, Length = 13 }, new { Set = "stories", Items = 200, Overlapping = 3, TooShort = 0, Length = 13 }]);
        Json(folder, "run.json", new
        {
            Command = "ingot speedrun --minutes 10 --out runs/ten --seed 1",
            Commit = "ef41b16c0ffee0000000000000000000000000aa",
            Machine = "AMD EPYC 7713 (Zen 3), 2 cores, AVX2, 15.6 GB, Linux 6.1, .NET 10.0.0",
            Started = isOver ? started : DateTimeOffset.UtcNow.AddSeconds(-elapsed),
            Finished = isOver ? started.AddSeconds(598) : (DateTimeOffset?)null,
            Seconds = isOver ? 598 : (double?)null,
            StageSeconds = isOver ? new Dictionary<string, double> { ["tokenizer"] = 3.1, ["base"] = 331.4, ["mid"] = 78.9, ["sft"] = 42.2, ["dpo"] = 18.6, ["rl"] = 84.0, ["evaluation"] = 39.8 } : [],
            Seed = 1,
            World = "built in",
            Data = new[] { "generated world", "dotnet-docs" },
            PeakMemory = 812e6,
        });
    }

    static object Plan => new
    {
        Minutes = 10,
        Depth = 4,
        Parameters = 1_247_616,
        Tokens = 24_900_000,
        Flops6nd = 1.86e14,
        FlopsExact = 2.13e14,
        Memory = new { Weights = 7.5e6, Gradients = 5.0e6, Optimizer = 6.1e6, Activations = 412e6, KvCache = 33.5e6 },
        Seconds = 590,
        Loss = 1.66,
        Stages = new object[] { new { Name = "tokenizer", Steps = 0, Tokens = 0, Seconds = 4 }, Stage("base", 1400, 22_900_000, 328), Stage("mid", 320, 5_240_000, 76), Stage("sft", 200, 3_270_000, 44), Stage("dpo", 60, 560_000, 18), Stage("rl", 80, 790_000, 80), new { Name = "evaluation", Steps = 0, Tokens = 0, Seconds = 40 } },
        Model = new { Layers = 4, Width = 128, Heads = 4, KeyHeads = 2, HeadWidth = 32, Hidden = 384, VocabularySize = 2048, ContextLength = 256 },
        Machine = new { Cpu = "AMD EPYC 7713", Cores = 2, Gflops = 61.0, PeakGflops = 151.0 },
    };

    static object Stage(string name, int steps, int tokens, double seconds) => new { Name = name, Steps = steps, Tokens = tokens, Seconds = seconds };

    static StageLine Text(Random random, int step, double part, double loss, double rate, double slower)
    {
        double speed = (58_000 + Noise(random, 1400) - (step % 190 < 5 ? 7000 : 0)) / slower;
        var bits = step % 100 == 0 ? new Dictionary<string, double> { ["stories"] = loss * 0.47, ["facts"] = loss * 0.31 + 0.02, ["dotnet-docs"] = loss * 0.72 + 0.11, ["dialogues"] = loss * 0.39 } : null;
        return new(step, loss + Noise(random, 0.025), 0.42 + 2.2 * Math.Exp(-part * 14) + Math.Abs(Noise(random, 0.07)), rate, speed, speed * 1.02e6 / 1e9, 0, bits);
    }

    static double Warmed(double part) => part < 0.03 ? part / 0.03 : part < 0.6 ? 1 : 1 - 0.9 * (part - 0.6) / 0.4;

    static double Noise(Random random, double size) => size * (random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5);

    public static IReadOnlyList<Metric> Metrics { get; } =
    [
        .. Row("facts, held-out phrasings", 500, 0.08, [0.04, 0.07, 0.41, 0.93, 0.934, 0.928]),
        .. Row("unknown entities -> \"I don't know\"", 500, 0.0, [null, 0.0, 0.31, 0.86, 0.95, 0.944]),
        .. Row("known entities -> \"I don't know\"", 500, 0.0, [null, 0.0, 0.04, 0.012, 0.062, 0.056]),
        .. Row("open book, one hop, unseen names", 500, 0.33, [0.02, 0.12, 0.52, 0.912, 0.918, 0.908]),
        .. Row("open book, one hop, nonce names", 500, 0.32, [0.01, 0.06, 0.38, 0.792, 0.80, 0.776]),
        .. Row("open book, two hops", 500, 0.21, [0.0, 0.03, 0.24, 0.632, 0.628, 0.634]),
        .. Row("multiple choice by likelihood", 500, 0.25, [0.254, 0.32, 0.402, 0.648, 0.652, 0.642]),
        .. Row("arithmetic, 1 digit", 500, 0.06, [0.0, 0.01, 0.22, 0.874, 0.868, 0.962]),
        .. Row("arithmetic, 2 digits", 500, 0.01, [0.0, 0.0, 0.03, 0.30, 0.304, 0.614]),
        .. Row("tool use", 300, 0.0, [null, 0.0, 0.51, 0.913, 0.91, 0.927]),
        .. Row("RL tasks, held-out operands, pass@1", 500, 0.03, [null, null, 0.08, 0.31, 0.312, 0.67]),
        .. Row("RL tasks, held-out operands, pass@8", 200, 0.05, [null, null, 0.22, 0.735, 0.74, 0.79]),
        .. Row("stories consistent", 200, 0.12, [0.0, 0.745, 0.80, 0.815, 0.82, 0.79]),
        .. Row("stories that share 12 words with the training data (copied)", 200, null, [0.0, 0.03, 0.05, 0.045, 0.05, 0.04]),
        new("stories, bits per byte", "random", 3.42, 390_000, 3.41, 3.43, 0.61),
        new("stories, bits per byte", "base", 0.777, 390_000, 0.771, 0.783, 0.61),
        new("stories, bits per byte", "mid", 0.702, 390_000, 0.696, 0.708, 0.61),
        new("stories, bits per byte", "sft", 0.731, 390_000, 0.725, 0.737, 0.61),
    ];

    static IEnumerable<Metric> Row(string name, int n, double? baseline, double?[] values)
    {
        string[] stages = ["random", "base", "mid", "sft", "dpo", "rl"];
        for (int i = 0; i < values.Length; i++)
            if (values[i] is { } p)
            {
                // Wilson's interval.
                double z2 = 1.96 * 1.96, middle = (p + z2 / (2 * n)) / (1 + z2 / n), half = 1.96 / (1 + z2 / n) * Math.Sqrt(p * (1 - p) / n + z2 / (4.0 * n * n));
                yield return new(name, stages[i], p, n, Math.Max(0, middle - half), Math.Min(1, middle + half), baseline);
            }
    }

    static (string Stage, int Step, string Prompt, string Text)[] Said { get; } =
    [
        ("base", 200, "Once upon a time", ", there was a was the the Mira. She the a the box and and the the."),
        ("base", 800, "Once upon a time", ", there was a girl named Mira. She had a red kite. The kite kite was in the garden and she was glad."),
        ("base", 1400, "Once upon a time", ", there was a girl named Mira. She had a red kite. One day the wind took the kite into a tall tree. Mira asked her brother for a ladder. He held the ladder and she brought the kite down."),
        ("base", 1400, "What is the capital of Velmora?", " What is the capital of Oster? What is the river of Velmora? The river"),
        ("base", 1400, "What is 17 + 25?", " What is 17 + 27? What is 12 + 25?"),
        ("base", 1400, "Who are you?", " said the fox. \"I am the fox,\" said the fox."),
        ("sft", 200, "Once upon a time", ", there was a boy named Tam who found a small key. He tried the key in every door of the house. The last door was the cellar's, and behind it slept a cat."),
        ("sft", 200, "What is the capital of Velmora?", "The capital of Velmora is Tesk."),
        ("sft", 200, "What is 17 + 25?", "17 + 25 = 43."),
        ("sft", 200, "Who are you?", "I am Ingot, a small language model that was trained from nothing on this machine."),
        ("rl", 80, "Once upon a time", ", there was a boy named Tam who found a small key. " + Hostile),
        ("rl", 80, "What is the capital of Velmora?", "The capital of Velmora is Tesk."),
        ("rl", 80, "What is 17 + 25?", "17 + 25 = 42."),
        ("rl", 80, "Who are you?", "I am Ingot, a small language model that was trained from nothing on this machine."),
    ];

    static IEnumerable<SampleLine> Samples => Said.Select(s => new SampleLine(s.Stage, s.Step, s.Prompt, s.Text));

    sealed record SampleLine(string Stage, int Step, string Prompt, string Text);

    static void Json(string folder, string name, object value) => File.WriteAllText(Path.Combine(folder, name), JsonSerializer.Serialize(value, JsonSerializerOptions.Web));

    static void Lines(string folder, string name, IEnumerable<object> lines)
    {
        var path = Path.Combine(folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllLines(path, lines.Select(l => JsonSerializer.Serialize(l, JsonSerializerOptions.Web)));
    }

    /// <summary>Adds a line to a stage's log, as a trainer does, or half of one.</summary>
    public static void Append(string folder, string stage, string text)
    {
        Directory.CreateDirectory(Path.Combine(folder, stage));
        File.AppendAllText(Path.Combine(folder, stage, "log.jsonl"), text);
    }

    public static string Line(int step, double loss) => string.Create(CultureInfo.InvariantCulture, $"{{\"step\":{step},\"loss\":{loss},\"gradNorm\":0.5,\"rate\":1,\"tokensPerSecond\":50000,\"gflops\":50,\"skipped\":0,\"bitsPerByte\":null}}\n");
}
