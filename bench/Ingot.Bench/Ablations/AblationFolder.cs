using System.Text.Json;
using Ingot.Formats;
using Ingot.Llm.Pipeline;
using Ingot.Llm.Training;

namespace Ingot.Bench.Ablations;

/// <summary>Where the runs of a list are kept: a folder for each ablation, with its arguments and a stage's folder for each seed. Finished runs are not done again.</summary>
public sealed class AblationFolder(string path)
{
    /// <summary>The stage's folder of a run.</summary>
    public string Run(Ablation ablation, ulong seed) => Path.Combine(path, ablation.Name, $"seed-{seed}");

    public bool IsDone(Ablation ablation, ulong seed) => StageRun.IsDone(Run(ablation, seed));

    /// <summary>Keeps an ablation's arguments, before its first run.</summary>
    /// <exception cref="IngotException">There are runs of the same name with other arguments.</exception>
    public void Claim(Ablation ablation)
    {
        string file = Path.Combine(path, ablation.Name, "arguments.txt"), arguments = string.Join(' ', ablation.Arguments);
        if (File.Exists(file))
        {
            string before = File.ReadAllText(file).Trim();
            if (before != arguments) throw new IngotException($"the runs of '{ablation.Name}' in {path} were made with '{before}', not '{arguments}'; give it another name, or remove {Path.GetDirectoryName(file)}");
            return;
        }
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        AtomicFile.WriteText(file, arguments + "\n");
    }

    /// <summary>What was measured after the last step of the finished runs.</summary>
    /// <exception cref="FormatException">A log does not end with a measurement.</exception>
    public AblationRuns Read(Ablation ablation, IEnumerable<ulong> seeds) => new(ablation, seeds.Where(s => IsDone(ablation, s)).ToDictionary(s => s, s =>
    {
        string file = Path.Combine(Run(ablation, s), "log.jsonl");
        var last = File.Exists(file) ? File.ReadLines(file).LastOrDefault() : null;
        try { return (last is null ? null : JsonSerializer.Deserialize<StageLine>(last, JsonSerializerOptions.Web)?.BitsPerByte) ?? throw new FormatException($"{file} does not end with bits per byte; remove the run to make it anew"); }
        catch (JsonException e) { throw new FormatException($"{file} is damaged: {e.Message}", e); }
    }));
}
