using Ingot.Llm.Corpus.World;
using Ingot.Llm.Data;

namespace Ingot.Llm.Pipeline;

/// <summary>What a run learns from: the user's own text, or else the generated world and the documentation of .NET on this disk.</summary>
public static class Corpora
{
    /// <summary>The part of the documentation of .NET beside the generated world.</summary>
    const double DotnetDocsWeight = 0.05;

    /// <param name="world">A file that replaces parts of the generated world; null: the built-in one.</param>
    /// <param name="data">Files and folders of the user's; empty: the default mix.</param>
    /// <param name="note">Told what was found, or why it was not.</param>
    /// <exception cref="IngotException">A file cannot be read, or holds no text.</exception>
    public static IReadOnlyList<WeightedCorpus> Of(string? world, IReadOnlyList<string> data, Action<string>? note = null)
    {
        if (data.Count > 0)
        {
            var own = UserCorpus.Read(data);
            note?.Invoke(own.Note);
            return [new(own, 1)];
        }
        var docs = DotnetDocs.Read();
        note?.Invoke(docs.Note);
        var generated = new WeightedCorpus(new WorldCorpus(world is null ? WorldDefinition.BuiltIn : WorldDefinition.Load(world)), 1);
        return docs.IsPresent ? [generated, new(docs, DotnetDocsWeight)] : [generated];
    }
}
