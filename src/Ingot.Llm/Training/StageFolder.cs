using System.Text.Json;
using Ingot.Formats;

namespace Ingot.Llm.Training;

/// <summary>What checkpoint.json of a stage says; the tensors are in the safetensors file it names.</summary>
/// <param name="Format">1.</param>
/// <param name="Step">Steps done.</param>
/// <param name="Skipped">Of them without an update, as the loss or the gradient was not finite.</param>
/// <param name="State">File name of weights and optimizer state.</param>
/// <param name="LogBytes">Length of the log that belongs to these steps.</param>
/// <param name="Data">Fingerprint of the data.</param>
/// <param name="Steps">Of the whole stage.</param>
/// <param name="Options">Of the stage, of whichever kind it is.</param>
public sealed record StageCheckpoint(int Format, int Step, int Skipped, string State, long LogBytes, string Data, int Steps, JsonElement Options)
{
    /// <summary>It was written under these options.</summary>
    internal bool IsUnder(UpdateOptions options) => JsonElement.DeepEquals(Options, AsJson(options));

    /// <summary>Options as a checkpoint keeps them.</summary>
    internal static JsonElement AsJson(UpdateOptions options) => JsonSerializer.SerializeToElement(options, options.GetType(), JsonSerializerOptions.Web);
}

/// <summary>
/// The folder of a stage: log.jsonl and one checkpoint. The tensors go to a file with the step in its name; replacing checkpoint.json, which names it, is what makes
/// it count, so that a kill at any moment leaves the checkpoint before or the new one.
/// </summary>
public sealed class StageFolder(string path)
{
    const string CheckpointName = "checkpoint.json";

    static readonly JsonSerializerOptions json = new(JsonSerializerOptions.Web) { WriteIndented = true, RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true };

    public string Path { get; } = path;

    const string LogName = "log.jsonl";

    internal string LogPath => InFolder(LogName);

    /// <summary>A file of this name in a stage's folder is the stage's.</summary>
    internal static bool IsOurs(string name) => name is LogName or CheckpointName || name.StartsWith("state-", StringComparison.Ordinal) && (name.EndsWith(".safetensors", StringComparison.Ordinal) || name.EndsWith(".tmp", StringComparison.Ordinal));

    public bool HasCheckpoint => File.Exists(InFolder(CheckpointName));

    /// <summary>Writes a checkpoint, then removes the one before.</summary>
    /// <exception cref="IngotException">It cannot be written; the one before stays as it was.</exception>
    public void Save(StageCheckpoint checkpoint, IReadOnlyDictionary<string, Tensor> tensors)
    {
        try
        {
            Directory.CreateDirectory(Path);
            Safetensors.Save(InFolder(checkpoint.State), tensors);
            AtomicFile.WriteText(InFolder(CheckpointName), JsonSerializer.Serialize(checkpoint, json) + "\n");
        }
        catch (Exception e) when (e is IngotException or IOException or UnauthorizedAccessException)
        {
            if (Directory.Exists(Path)) RemoveAllBut(HasCheckpoint ? Read().State : null);
            throw e is IngotException ? e : new IngotException($"cannot write to the folder {Path}: {AtomicFile.Reason(e)}", e);
        }
        RemoveAllBut(checkpoint.State);
    }

    /// <exception cref="FormatException">It is damaged; the message names the file.</exception>
    public StageCheckpoint Read()
    {
        string file = InFolder(CheckpointName);
        try
        {
            var c = JsonSerializer.Deserialize<StageCheckpoint>(File.ReadAllText(file), json) ?? throw new FormatException($"{file} is empty");
            if (c.Format != 1) throw new FormatException($"{file} has format {c.Format}; this version of Ingot reads format 1");
            if (c.State.Length == 0 || c.State != System.IO.Path.GetFileName(c.State)) throw new FormatException($"{file} names a file outside its folder: {c.State}");
            if (c.Step < 0 || c.Step > c.Steps || c.Skipped < 0 || c.LogBytes < 0) throw new FormatException($"{file} is damaged: step {c.Step} of {c.Steps}, {c.LogBytes} bytes of log");
            return c;
        }
        catch (Exception e) when (e is JsonException or IngotException and not FormatException)
        {
            throw new FormatException($"{file} is damaged: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FormatException($"cannot read {file}: {e.Message}", e);
        }
    }

    /// <summary>Tensors of a checkpoint whose names begin with a prefix, without it.</summary>
    internal Dictionary<string, Tensor> Tensors(StageCheckpoint checkpoint, string prefix) =>
        Safetensors.Load(InFolder(checkpoint.State)).Where(p => p.Key.StartsWith(prefix, StringComparison.Ordinal)).ToDictionary(p => p.Key[prefix.Length..], p => p.Value);

    void RemoveAllBut(string? state)
    {
        foreach (var pattern in new[] { "state-*.safetensors", "state-*.tmp", CheckpointName + ".*.tmp" })
            foreach (var file in Directory.EnumerateFiles(Path, pattern).ToList())
                if (System.IO.Path.GetFileName(file) != state) File.Delete(file);
    }

    string InFolder(string name) => System.IO.Path.Combine(Path, name);
}
