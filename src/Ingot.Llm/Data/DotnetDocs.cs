using Ingot.Llm.Chat;
using Ingot.Llm.Corpus;
using Ingot.Llm.Corpus.World;

namespace Ingot.Llm.Data;

/// <summary>
/// The source "dotnet-docs": the documentation of the .NET reference packs on the user's own disk, read and never shipped. A tenth of the types is held out whole.
/// </summary>
public sealed class DotnetDocs : ICorpus
{
    readonly IReadOnlyList<ApiType> types;

    DotnetDocs(IReadOnlyList<ApiType> types, string note) => (this.types, Note) = (types, note);

    public string Name => "dotnet-docs";

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

    /// <summary>Training's types, without end.</summary>
    public IEnumerable<string> Documents(ulong seed) => Rounds.Of([.. Documents(Split.Train)], seed);

    /// <summary>Each held-out type once.</summary>
    public IEnumerable<string> HeldOutDocuments(ulong seed) => Documents(Split.HeldOut);

    /// <summary>Open-book questions, and what a member does.</summary>
    public IEnumerable<Conversation> Conversations(ulong seed)
    {
        var random = new StoryRandom(seed * 0xD1342543DE82EF95 + 14);
        var usable = Askable(Split.Train);
        while (usable.Count > 0)
            if (random.Chance(50)) yield return Answered(Question(usable, ref random));
            else
            {
                var members = usable[random.Below(usable.Count)];
                var member = members[random.Below(members.Count)];
                yield return new([new(Role.User, $"What does {member.Name} do?"), new(Role.Assistant, member.Summary)]);
            }
    }

    /// <summary>The right member of the four against another one.</summary>
    public IEnumerable<PreferencePair> Preferences(ulong seed) =>
        Questions(Split.Train, seed * 0xD1342543DE82EF95 + 15).Select(q => new PreferencePair(q.Prompt, q.Answer + ".", q.Choices.First(c => c != q.Answer) + "."));

    public IEnumerable<VerifiableTask> Verifiable(Split split, ulong seed) => Questions(split, seed * 0xD1342543DE82EF95 + 16).Select(q => new VerifiableTask("dotnet-docs", q.Prompt, q.Answer));

    public IReadOnlyList<TaskSet> Evaluations(ulong seed, int count) => Questions(seed, count) is { Items.Count: > 0 } set ? [set] : [];

    static Conversation Answered(TaskItem item) => new([.. item.Prompt.Messages, new(Role.Assistant, item.Answer + ".")]);

    /// <summary>Questions that the documentation in the prompt answers: four members with their summaries, and which of them does what one of the summaries says.</summary>
    public TaskSet Questions(ulong seed, int count, Split split = Split.HeldOut) => new("dotnet-docs, open book", [.. Questions(split, seed * 0xD1342543DE82EF95 + 9).Take(count)]);

    /// <summary>Without end.</summary>
    IEnumerable<TaskItem> Questions(Split split, ulong state)
    {
        var random = new StoryRandom(state);
        var usable = Askable(split);
        while (usable.Count > 0) yield return Question(usable, ref random);
    }

    /// <summary>The types with four members or more of which something can be asked.</summary>
    List<List<ApiMember>> Askable(Split split) =>
        [.. Types(split).Select(t => t.Members.Where(m => m.Summary.Length is > 25 and < 200).DistinctBy(m => m.Name).DistinctBy(m => m.Summary).ToList()).Where(m => m.Count >= 4)];

    static TaskItem Question(List<List<ApiMember>> usable, ref StoryRandom random)
    {
        var four = usable[random.Below(usable.Count)].ToList();
        OpenBook.Shuffle(four, ref random);
        four.RemoveRange(4, four.Count - 4);
        var asked = four[random.Below(4)];
        var text = string.Join('\n', four.Select(m => $"{m.Name}: {m.Summary}"));
        return new(new([new(Role.User, $"{text}\nWhich member is described so: {asked.Summary}")]), asked.Name, [.. four.Select(m => m.Name)], new Dictionary<string, string> { ["last name mentioned"] = four[^1].Name });
    }
}
