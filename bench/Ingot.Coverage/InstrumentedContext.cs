using System.Reflection;
using System.Runtime.Loader;

namespace Ingot.Coverage;

/// <summary>Loads the command line from its folder, the assemblies with parsers changed on the way.</summary>
sealed class InstrumentedContext(string folder, IReadOnlyDictionary<string, byte[]> changed) : AssemblyLoadContext("instrumented")
{
    protected override Assembly? Load(AssemblyName name)
    {
        if (changed.TryGetValue(name.Name!, out var bytes)) return LoadFromStream(new MemoryStream(bytes));
        string path = Path.Combine(folder, name.Name + ".dll");
        // The probes are this program's own.
        return name.Name != typeof(Probe).Assembly.GetName().Name && File.Exists(path) ? LoadFromAssemblyPath(path) : null;
    }
}
