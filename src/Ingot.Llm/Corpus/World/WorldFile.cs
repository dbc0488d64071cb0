using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ingot.Llm.Corpus.World;

/// <summary>The JSON of <c>--world FILE</c>; docs/world.md describes it. Every part may be absent.</summary>
sealed record WorldFile
{
    public string? Name { get; init; }
    public ulong? Seed { get; init; }
    public Dictionary<string, IReadOnlyList<string>>? Names { get; init; }
    public Dictionary<string, IReadOnlyList<string>>? Words { get; init; }
    public IReadOnlyList<RelationEntry>? Relations { get; init; }
    public IReadOnlyList<FactEntry>? Facts { get; init; }

    internal sealed record RelationEntry(string Name, string Subject, string Object, IReadOnlyList<Phrasing> Phrasings)
    {
        public Relation ToRelation()
        {
            if (Name is null || Subject is null || Phrasings is null) throw new IngotException("a relation of the world needs name, subject and phrasings");
            if (Phrasings.Count != 10) throw new IngotException($"the relation '{Name}' has {Phrasings.Count} phrasings; it needs 10, of which the last 3 are held out");
            if (Phrasings.FirstOrDefault(p => p.Statement is null || p.Question is null || !p.Statement.Contains("{s}") || !p.Statement.Contains("{o}") || !p.Question.Contains("{s}")) is { } wrong)
                throw new IngotException($"the relation '{Name}' has the phrasing '{wrong.Statement}' / '{wrong.Question}'; a statement names {{s}} and {{o}}, a question {{s}}");
            return new(Name, Subject, Object ?? "", Phrasings);
        }
    }

    internal sealed record FactEntry(string Relation, string Subject, string Object)
    {
        public Fact ToFact(IReadOnlyList<Relation> relations) =>
            string.IsNullOrWhiteSpace(Subject) || string.IsNullOrWhiteSpace(Object)
                ? throw new IngotException($"a fact of the relation '{Relation}' needs subject and object")
                : new(relations.FirstOrDefault(r => r.Name == Relation) ?? throw new IngotException($"a fact names the relation '{Relation}'; there are: {string.Join(", ", relations.Select(r => r.Name))}"), Subject, Object);
    }

    static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
    };

    public static WorldFile Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<WorldFile>(File.ReadAllBytes(path), Options) ?? throw new IngotException($"{path} holds null, not a world");
        }
        catch (JsonException e)
        {
            throw new IngotException($"{path} is not a world file: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IngotException($"cannot read the world {path}: {e.Message}", e);
        }
    }
}
