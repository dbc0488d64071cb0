namespace Ingot.Bench;

/// <summary>Something that is measured under a name.</summary>
/// <param name="Name">Dotted, from the general to the particular: <c>matmul.f32.512.nt</c>.</param>
/// <param name="Meaning">What is computed and what the value counts.</param>
/// <param name="Run">Measures. The roof is that of multiply-adds, shared by all benchmarks of a run so that they know the same best.</param>
public sealed record Benchmark(string Name, string Meaning, Func<BenchSession, Figure> Run)
{
    /// <summary>Runs in a second or two, so that a check may run it again.</summary>
    public bool IsCheap { get; init; }

    /// <summary>
    /// The benchmarks that names ask for, in the catalogue's order: a full name asks for one, the beginning of names for all that begin so, no name at all
    /// for everything.
    /// </summary>
    /// <exception cref="IngotException">A name fits nothing.</exception>
    public static IReadOnlyList<Benchmark> Select(IReadOnlyList<Benchmark> all, IReadOnlyList<string> names)
    {
        if (names.Count == 0) return all;
        var chosen = new HashSet<Benchmark>();
        foreach (var name in names)
        {
            var fitting = all.Where(b => b.Name == name).ToList();
            if (fitting.Count == 0) fitting = [.. all.Where(b => b.Name.StartsWith(name, StringComparison.Ordinal))];
            if (fitting.Count == 0) throw new IngotException($"no benchmark is called '{name}' or begins so; ingot bench --list shows them all");
            chosen.UnionWith(fitting);
        }
        return [.. all.Where(chosen.Contains)];
    }
}
