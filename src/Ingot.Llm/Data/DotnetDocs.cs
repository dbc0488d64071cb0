using Ingot.Llm.Chat;
using Ingot.Llm.Corpus;
using Ingot.Llm.Corpus.World;

namespace Ingot.Llm.Data;

/// <summary>
/// The source "dotnet-docs": the documentation of the .NET reference packs on the user's own disk, read and never shipped. A tenth of the types is held out whole.
/// </summary>
public sealed class DotnetDocs
{
    readonly IReadOnlyList<ApiType> types;

    DotnetDocs(IReadOnlyList<ApiType> types, string note) => (this.types, Note) = (types, note);

    /// <summary>What was found, or why nothing was; one line.</summary>
    public string Note { get; }

    /// <summary>Whether there is anything to read.</summary>
    public bool IsPresent => types.Count > 0;

    /// <summary>Reads the packs of the SDKs installed; nothing found is no error, only a note.</summary>
    public static DotnetDocs Read() => Read(Roots());

    /// <summary>Reads the XML files under the given "packs" folders; of several versions of a pack, the newest.</summary>
    public static DotnetDocs Read(IEnumerable<string> roots)
    {
        var files = new List<string>();
        foreach (var pack in roots.Where(Directory.Exists).SelectMany(Directory.EnumerateDirectories).Where(p => p.EndsWith(".Ref", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
            if (Directory.EnumerateDirectories(pack).MaxBy(v => Version.TryParse(Path.GetFileName(v).Split('-')[0], out var version) ? version : new Version()) is { } newest)
                files.AddRange(Directory.EnumerateFiles(newest, "*.xml", SearchOption.AllDirectories).Order(StringComparer.Ordinal));
        if (files.Count == 0) return new([], "dotnet-docs: no .NET reference packs with documentation on this disk; generated data alone");
        var byName = new SortedDictionary<string, ApiType>(StringComparer.Ordinal);
        foreach (var file in files)
            foreach (var type in XmlDocumentation.Read(file, DataSource.Text(file))) byName.TryAdd(type.Name, type); // a type forwarded between assemblies is documented twice
        long bytes = byName.Values.Sum(t => (long)t.Text.Length);
        return new([.. byName.Values], $"dotnet-docs: {byName.Count} types, {bytes / 1e6:0.0} MB of text from {files.Count} files");
    }

    static IEnumerable<string> Roots()
    {
        var folders = new List<string?> { Environment.GetEnvironmentVariable("DOTNET_ROOT"), Path.GetDirectoryName(Environment.ProcessPath) };
        // .../shared/Microsoft.NETCore.App/10.0.0/ of the running .NET is three folders below its root.
        folders.Add(Path.GetFullPath(Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..")));
        return folders.OfType<string>().Where(f => f.Length > 0).Select(f => Path.GetFullPath(Path.Combine(f, "packs"))).Distinct();
    }

    /// <summary>The types on one side of the split; held out by the hash of the name.</summary>
    public IEnumerable<ApiType> Types(Split split) => types.Where(t => IsHeldOut(t.Name) == (split == Split.HeldOut));

    /// <summary>A document a type.</summary>
    public IEnumerable<string> Documents(Split split) => Types(split).Select(t => t.Text);

    static bool IsHeldOut(string name) => HoldOut.Hash(System.Text.Encoding.UTF8.GetBytes(name)) % 10 == 0;

    /// <summary>Questions that the documentation in the prompt answers: four members with their summaries, and which of them does what one of the summaries says.</summary>
    public TaskSet Questions(ulong seed, int count, Split split = Split.HeldOut)
    {
        var random = new StoryRandom(seed * 0xD1342543DE82EF95 + 9);
        var items = new List<TaskItem>();
        var usable = Types(split).Select(t => t.Members.Where(m => m.Summary.Length is > 25 and < 200).DistinctBy(m => m.Name).DistinctBy(m => m.Summary).ToList()).Where(m => m.Count >= 4).ToList();
        for (int i = 0; i < count && usable.Count > 0; i++)
        {
            var members = usable[random.Below(usable.Count)].ToList();
            OpenBook.Shuffle(members, ref random);
            var four = members.Take(4).ToList();
            var asked = four[random.Below(4)];
            var text = string.Join('\n', four.Select(m => $"{m.Name}: {m.Summary}"));
            items.Add(new(new([new(Role.User, $"{text}\nWhich member is described so: {asked.Summary}")]), asked.Name, [.. four.Select(m => m.Name)], new Dictionary<string, string> { ["last name mentioned"] = four[^1].Name }));
        }
        return new("dotnet-docs, open book", items);
    }
}
