using System.Formats.Tar;
using System.IO.Compression;

namespace Ingot.Tests.Formats;

/// <summary>The archive of broken, odd and correct files, unpacked once into a temporary folder; its manifest says what must happen to each.</summary>
static class MalformedFiles
{
    public sealed record Case(string Name, string Path, string Expect, string Why);

    static readonly Lazy<IReadOnlyList<Case>> Cases = new(Unpack);

    /// <summary>The cases whose name starts with the folder; skips the test where the data is absent.</summary>
    public static IReadOnlyList<Case> Of(string folder)
    {
        var cases = Cases.Value.Where(c => c.Name.StartsWith(folder + "/", StringComparison.Ordinal)).ToList();
        if (cases.Count == 0) Assert.Skip("no data");
        return cases;
    }

    /// <summary>The named file of shared/data, found by walking up from the test assembly; null where absent.</summary>
    public static string? Shared(string name)
    {
        for (var d = new DirectoryInfo(AppContext.BaseDirectory); d is not null; d = d.Parent)
            if (System.IO.Path.Combine(d.FullName, "shared", "data", name) is var p && (File.Exists(p) || Directory.Exists(p))) return p;
        return null;
    }

    static List<Case> Unpack()
    {
        if (Shared("malformed.tar.gz") is not { } archive) return [];
        var folder = Directory.CreateTempSubdirectory("ingot-malformed-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        using (var gz = new GZipStream(File.OpenRead(archive), CompressionMode.Decompress)) TarFile.ExtractToDirectory(gz, folder, overwriteFiles: false);
        var manifest = Directory.GetFiles(folder, "MANIFEST.tsv", SearchOption.AllDirectories).Single();
        return [.. File.ReadLines(manifest).Select(l => l.Split('\t')).Where(f => f.Length == 3 && f[1] is "accept" or "reject" or "either")
            .Select(f => new Case(f[0], System.IO.Path.Combine(System.IO.Path.GetDirectoryName(manifest)!, f[0]), f[1], f[2]))];
    }

    /// <summary>Runs a loader over the cases of a folder: "reject" must throw FormatException, "accept" must not throw, "either" must throw nothing else; each within twice its length and 16 MB of memory, so that no count in a file is believed before it is checked.</summary>
    public static void CheckAll(string folder, Action<string> load)
    {
        var wrong = new List<string>();
        foreach (var c in Of(folder))
        {
            long before = Allocated(), budget = 2 * new FileInfo(c.Path).Length + (16 << 20);
            string outcome;
            try { load(c.Path); outcome = "accept"; }
            catch (Ingot.FormatException e) { outcome = e.Message.Contains(c.Path, StringComparison.Ordinal) ? "reject" : $"a message without the path: {e.Message}"; }
#pragma warning disable CA1031 // any other exception is what this looks for
            catch (Exception e) { outcome = e.GetType().Name + ": " + e.Message; }
#pragma warning restore CA1031
            if (outcome != c.Expect && !(c.Expect == "either" && outcome is "accept" or "reject")) wrong.Add($"{c.Name} ({c.Why}): expected {c.Expect}, got {outcome}");
            if (Allocated() - before > budget) wrong.Add($"{c.Name} took {Allocated() - before:N0} bytes, where {budget:N0} are allowed");
        }
        wrong.ShouldBeEmpty();
    }

    static long Allocated() => GC.GetAllocatedBytesForCurrentThread() + Ingot.Runtime.MemoryPool.RentedByThisThread;
}
