using Ingot.Llm.Models;

namespace Ingot.Llm.Pipeline;

/// <summary>Where the finished model of a stage or of a run is.</summary>
public static class StageRun
{
    public static string ModelPath(string folder) => Path.Combine(folder, "model");

    /// <summary>True if it is there.</summary>
    public static bool IsDone(string folder) => ModelFolder.Exists(ModelPath(folder));
}
