namespace Ingot.Onnx.Tests;

/// <summary>Files that tests read or write outside the repository.</summary>
static class SharedData
{
    /// <summary>A file of shared/data, found by walking up from the test assembly; skips the test where it is absent.</summary>
    public static string Path(string name)
    {
        for (var d = new DirectoryInfo(AppContext.BaseDirectory); d is not null; d = d.Parent)
            if (System.IO.Path.Combine(d.FullName, "shared", "data", name) is var p && File.Exists(p)) return p;
        Assert.Skip("no data");
        return null!; // Skip throws
    }
}

/// <summary>A folder that is deleted with the test.</summary>
sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("ingot-test-").FullName;

    public string this[params string[] parts] => System.IO.Path.Combine([Path, .. parts]);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
