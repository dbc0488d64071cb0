namespace Ingot.Nn;

/// <summary>Copies a state dict into tensors, or says everything that is wrong with it.</summary>
static class StateLoading
{
    /// <summary>How many names of each kind a message lists.</summary>
    const int Listed = 10;

    public static void Load(IReadOnlyDictionary<string, Tensor> targets, IReadOnlyDictionary<string, Tensor> state, bool strict, string owner)
    {
        var problems = new List<string>();
        if (strict)
        {
            Report(problems, "missing", targets.Keys.Where(n => !state.ContainsKey(n)));
            Report(problems, "unexpected", state.Keys.Where(n => !targets.ContainsKey(n)));
        }
        var shared = targets.Where(t => state.ContainsKey(t.Key)).ToList();
        Report(problems, "mis-shaped", shared.Where(t => !t.Value.Shape.Equals(state[t.Key].Shape)).Select(t => $"{t.Key} (the file has {state[t.Key].Shape}, the model {t.Value.Shape})"));
        // Another precision is converted; integers where there should be weights are not.
        Report(problems, "mistyped", shared.Where(t => t.Value.DType.IsFloat != state[t.Key].DType.IsFloat).Select(t => $"{t.Key} (the file has {state[t.Key].DType.Name}, the model {t.Value.DType.Name})"));
        if (problems.Count > 0) throw new IngotException($"cannot load the state of {owner}: {string.Join("; ", problems)}");
        foreach (var (name, tensor) in shared) tensor.Load(state[name]);
    }

    static void Report(List<string> problems, string kind, IEnumerable<string> names)
    {
        var all = names.ToList();
        if (all.Count == 0) return;
        string more = all.Count > Listed ? $" and {all.Count - Listed} more" : "";
        problems.Add($"{kind} {string.Join(", ", all.Take(Listed))}{more}");
    }
}
