using System.Text.Json;
using Ingot.Formats;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;
using Ingot.Nn;

namespace Ingot.Llm.Training;

/// <summary>What checkpoint.json says; the tensors are in the two safetensors files it names.</summary>
/// <param name="Format">1.</param>
/// <param name="Step">Steps done.</param>
/// <param name="IsComplete">All steps are done.</param>
/// <param name="Model">File name of the weights.</param>
/// <param name="Optimizer">File name of the optimizer's state.</param>
/// <param name="LogBytes">Length of the log that belongs to these steps.</param>
/// <param name="DataHash">SHA-256 of the text.</param>
/// <param name="ModelConfig">The model's shape.</param>
/// <param name="Options">Of the run.</param>
/// <param name="Tokenizer">The vocabulary.</param>
public sealed record Checkpoint(
    int Format, int Step, bool IsComplete, string Model, string Optimizer, long LogBytes, string DataHash, GptConfig ModelConfig, TrainingOptions Options, JsonElement Tokenizer);

/// <summary>
/// The folder of a run: log.jsonl, and one checkpoint. The checkpoint's tensors go to files with the step in their name; replacing checkpoint.json,
/// which names them, is what makes the new one count, so that a crash at any moment leaves the old checkpoint or the new one. Until the first there is
/// started.json, with the options: a run that was killed before it is continued with them, and a folder without any of these is no run's.
/// </summary>
public sealed class RunFolder(string path)
{
    const string CheckpointName = "checkpoint.json", LogName = "log.jsonl", LockName = ".lock", StartName = "started.json";

    static readonly JsonSerializerOptions Json = new(JsonSerializerOptions.Web) { WriteIndented = true, RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true };

    public string Path { get; } = path;

    public string LogPath => System.IO.Path.Combine(Path, LogName);

    string CheckpointPath => System.IO.Path.Combine(Path, CheckpointName);

    public bool HasCheckpoint => File.Exists(CheckpointPath);

    /// <summary>Something of a run is here; a log without a line is nothing.</summary>
    public bool HasRun => HasCheckpoint || new FileInfo(LogPath) is { Exists: true, Length: > 0 };

    /// <summary>A run was started here, if only to be killed before its first line: it can be resumed.</summary>
    public bool HasStarted => HasRun || File.Exists(InFolder(StartName)) || File.Exists(InFolder(LockName));

    /// <summary>Notes what is to be trained, until the first checkpoint says it.</summary>
    /// <exception cref="IngotException">It cannot be written.</exception>
    internal void NoteStart(TrainingOptions options) => AtomicFile.WriteText(InFolder(StartName), JsonSerializer.Serialize(options, Json) + "\n");

    /// <summary>What a run without a checkpoint was started with; null if it was killed before it noted that.</summary>
    /// <exception cref="FormatException">The note is damaged.</exception>
    public TrainingOptions? ReadStart()
    {
        string path = InFolder(StartName);
        if (!File.Exists(path)) return null;
        try { return (JsonSerializer.Deserialize<TrainingOptions>(File.ReadAllText(path), Json) ?? throw new FormatException("it is empty")).Checked(); }
        catch (Exception e) when (e is JsonException or IngotException or IOException or UnauthorizedAccessException)
        {
            throw new FormatException($"{path} is damaged: {e.Message}; start anew with --force", e);
        }
    }

    /// <exception cref="IngotException">The folder cannot be created.</exception>
    public void Create()
    {
        try { Directory.CreateDirectory(Path); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw new IngotException($"cannot create the folder {Path}: {AtomicFile.Reason(e)}", e); }
    }

    /// <summary>Keeps other processes from running in this folder until it is disposed. The system lets go of it when a process is killed.</summary>
    /// <exception cref="IngotException">Another run is at work here.</exception>
    public IDisposable Lock()
    {
        // A file of its own, as an exclusive lock on the log would keep others from reading that.
        try { return new FileStream(InFolder(LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose); }
        catch (UnauthorizedAccessException e) { throw new IngotException($"cannot write to the folder {Path}: {e.Message}", e); }
        catch (IOException e) when (AtomicFile.IsNoSpace(e)) { throw new IngotException($"cannot write to the folder {Path}: {AtomicFile.Reason(e)}", e); }
        catch (IOException e) { throw new IngotException($"cannot lock the folder {Path}; is another run at work in it? {e.Message}", e); }
    }

    /// <summary>Writes a checkpoint and then removes the one before.</summary>
    /// <exception cref="IngotException">It cannot be written; the one before stays as it was.</exception>
    public void Save(Checkpoint checkpoint, IReadOnlyDictionary<string, Tensor> model, IReadOnlyDictionary<string, Tensor> optimizer)
    {
        Dictionary<string, string> metadata = new() { ["format"] = "ingot-gpt", ["step"] = $"{checkpoint.Step}" };
        try
        {
            Safetensors.Save(InFolder(checkpoint.Model), model, metadata);
            Safetensors.Save(InFolder(checkpoint.Optimizer), optimizer, metadata);
            AtomicFile.WriteText(CheckpointPath, JsonSerializer.Serialize(checkpoint, Json) + "\n");
        }
        catch (IngotException) when (HasCheckpoint || File.Exists(InFolder(checkpoint.Model)))
        {
            // Disk full, most likely: what belongs to no checkpoint only takes space.
            RemoveAllBut(HasCheckpoint ? Read() : null);
            throw;
        }
        RemoveAllBut(checkpoint);
    }

    /// <exception cref="FormatException">There is no checkpoint, or it is damaged; the message names the file.</exception>
    public Checkpoint Read()
    {
        if (!Directory.Exists(Path)) throw new FormatException($"there is no folder {Path}");
        if (!HasCheckpoint) throw new FormatException($"the folder {Path} has no checkpoint ({CheckpointName}); it is not a run's, or the run stopped before its first checkpoint");
        try
        {
            var c = JsonSerializer.Deserialize<Checkpoint>(File.ReadAllText(CheckpointPath), Json) ?? throw new FormatException($"{CheckpointPath} is empty");
            if (c.Format != 1) throw new FormatException($"{CheckpointPath} has format {c.Format}; this version of Ingot reads format 1");
            foreach (var name in new[] { c.Model, c.Optimizer })
                if (name.Length == 0 || name != System.IO.Path.GetFileName(name)) throw new FormatException($"{CheckpointPath} names a file outside its folder: {name}");
            c.Options.Checked();
            if (c.Step < 0 || c.Step > c.Options.Steps || c.LogBytes < 0)
                throw new FormatException($"{CheckpointPath} is damaged: step {c.Step} of {c.Options.Steps}, {c.LogBytes} bytes of log");
            return c;
        }
        catch (Exception e) when (e is JsonException or IngotException and not FormatException)
        {
            throw new FormatException($"{CheckpointPath} is damaged: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FormatException($"cannot read {CheckpointPath}: {e.Message}", e);
        }
    }

    /// <summary>The model of the checkpoint and its tokenizer.</summary>
    /// <exception cref="FormatException">As <see cref="Read"/>, or the weights are damaged.</exception>
    public (Gpt Model, CharTokenizer Tokenizer) LoadModel()
    {
        var checkpoint = Read();
        var tokenizer = CharTokenizer.FromJson(checkpoint.Tokenizer.GetRawText(), CheckpointPath);
        if (tokenizer.VocabularySize != checkpoint.ModelConfig.VocabularySize)
            throw new FormatException($"{CheckpointPath} is damaged: its tokenizer has {tokenizer.VocabularySize} characters, its model {checkpoint.ModelConfig.VocabularySize}");
        Gpt model;
        try { model = new Gpt(checkpoint.ModelConfig, seed: 0); }
        catch (IngotException e) { throw new FormatException($"{CheckpointPath} is damaged: {e.Message}", e); }
        catch (InsufficientMemoryException e) { throw new InsufficientMemoryException($"{CheckpointPath}: {e.Message}", e); } // or damaged, who knows
        Restore(checkpoint.Model, state => Module.LoadStateDict(model, state));
        return (model, tokenizer);
    }

    /// <summary>Reads a tensor file of the checkpoint and hands it on.</summary>
    internal void Restore(string name, Action<IReadOnlyDictionary<string, Tensor>> load)
    {
        try { load(Safetensors.Load(InFolder(name))); }
        catch (IngotException e) when (e is not FormatException) { throw new FormatException($"{InFolder(name)} does not belong to its checkpoint: {e.Message}", e); }
    }

    /// <summary>Removes everything a run has left here; files that are none of a run's stay.</summary>
    public void Clear()
    {
        File.Delete(CheckpointPath); // first: without it the rest is no run
        RemoveAllBut(null);
        File.Delete(InFolder(StartName));
        File.Delete(LogPath);
    }

    /// <summary>Removes tensor files of other checkpoints, and temporary files a killed process has left.</summary>
    internal void RemoveAllBut(Checkpoint? checkpoint)
    {
        if (checkpoint is not null) File.Delete(InFolder(StartName)); // the checkpoint has the options
        foreach (var pattern in new[] { "model-*.safetensors", "optimizer-*.safetensors", "model-*.tmp", "optimizer-*.tmp", CheckpointName + ".*.tmp", StartName + ".*.tmp" })
            foreach (var file in Directory.EnumerateFiles(Path, pattern).ToList())
                if (System.IO.Path.GetFileName(file) is var name && name != checkpoint?.Model && name != checkpoint?.Optimizer) File.Delete(file);
    }

    string InFolder(string name) => System.IO.Path.Combine(Path, name);
}
