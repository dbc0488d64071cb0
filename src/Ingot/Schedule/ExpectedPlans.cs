using System.Text;
using Ingot.Formats;

namespace Ingot.Schedule;

/// <summary>
/// Which files of a <see cref="PlanStore"/> a model has used. They are read, and their kernels compiled, from the moment on that the model is loaded: on another
/// thread, while its file is parsed and its graph walked. A hint: what is wrong in it costs a little time.
/// </summary>
sealed class ExpectedPlans
{
    /// <summary>More are not read ahead: a model that is run at many shapes needs few of them.</summary>
    const int Most = 16;

    readonly Lock gate = new();
    readonly List<string> names = [];
    readonly Dictionary<string, Lazy<PlanStore.Entry?>> ahead = [];
    readonly string? list;

    /// <param name="model">The model's file; null: it is in none, and nothing is read ahead.</param>
    public ExpectedPlans(string? model)
    {
        if (model is null) return;
        try
        {
            var file = new FileInfo(model);
            list = Path.Combine(PlanStore.Folder, $"{Fingerprint.Text(Encoding.UTF8.GetBytes($"{file.FullName}|{file.Length}|{file.LastWriteTimeUtc.Ticks}"))}.next");
            if (!PlanStore.IsPossible || !File.Exists(list)) return;
            names.AddRange(File.ReadAllLines(list).Take(Most).Where(n => n.Length > 0 && Path.GetFileName(n) == n));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { return; }
        foreach (string name in names) ahead.TryAdd(name, new(() => PlanStore.Read(Path.Combine(PlanStore.Folder, name))));
        if (ahead.Count == 0) return;
        var all = ahead.Values.ToArray();
        _ = Task.Run(() => Array.ForEach(all, static plan => _ = plan.Value));
    }

    /// <summary>What is in a file: read before, or now. Once, since a plan is used by one run at a time.</summary>
    public PlanStore.Entry? Take(string path)
    {
        Lazy<PlanStore.Entry?>? plan;
        lock (gate) ahead.Remove(Path.GetFileName(path), out plan);
        return plan is null ? PlanStore.Read(path) : plan.Value;
    }

    /// <summary>The model has used a file.</summary>
    public void Used(string path)
    {
        lock (gate)
        {
            string name = Path.GetFileName(path);
            if (list is null || names.Contains(name) || names.Count >= Most) return;
            names.Add(name);
            try { File.WriteAllLines(list, names); }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException) { } // the next process reads nothing ahead
        }
    }
}
