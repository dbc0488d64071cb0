using System.Text.Json;

namespace Ingot.Llm.Training;

/// <summary>One line of the log.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Loss">Of the step's own batch, in nats a token, before its update.</param>
/// <param name="ValLoss">Mean over the whole validation part after the step; null where it was not computed.</param>
/// <param name="TokensPerSecond">Trained since the line before; evaluation and checkpoints do not count.</param>
/// <param name="PeakFraction">Of the machine's measured peak arithmetic; null if that was not measured.</param>
public sealed record LogLine(int Step, double Loss, double? ValLoss, double TokensPerSecond, double? PeakFraction);

/// <summary>log.jsonl: a JSON object a line, each written as a whole before the next step begins.</summary>
public sealed class TrainingLog : IDisposable
{
    static readonly JsonSerializerOptions json = new(JsonSerializerOptions.Web) { NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals };

    readonly FileStream stream;

    /// <param name="path">The file; created if missing.</param>
    /// <param name="keepBytes">Where a resumed run goes on: lines after the checkpoint are dropped, as their steps will be done again.</param>
    /// <exception cref="IngotException">It cannot be written.</exception>
    public TrainingLog(string path, long keepBytes)
    {
        try
        {
            stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0);
            if (stream.Length > keepBytes) stream.SetLength(keepBytes);
            stream.Position = stream.Length;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IngotException($"cannot write {path}: {Formats.AtomicFile.Reason(e)}", e);
        }
    }

    /// <summary>Length so far.</summary>
    public long Bytes => stream.Length;

    /// <summary>Writes a line.</summary>
    /// <param name="line">A record; what is not finite becomes a text such as "NaN".</param>
    /// <exception cref="IngotException">It cannot be written, for lack of space for one.</exception>
    public void Append<T>(T line)
    {
        byte[] bytes = [.. JsonSerializer.SerializeToUtf8Bytes(line, json), (byte)'\n'];
        try { stream.Write(bytes); }
        catch (Exception e) when (Formats.AtomicFile.IsOfTheSystem(e)) { throw new IngotException($"cannot write {stream.Name}: {Formats.AtomicFile.Reason(e)}", e); }
    }

    /// <summary>Waits until everything is on the disk: a checkpoint counts on the lines before it.</summary>
    public void FlushToDisk() => stream.Flush(flushToDisk: true);

    /// <summary>Closes the file; one without a line does not stay.</summary>
    public void Dispose()
    {
        bool isEmpty = stream.Length == 0;
        stream.Dispose();
        if (isEmpty) File.Delete(stream.Name);
    }
}
