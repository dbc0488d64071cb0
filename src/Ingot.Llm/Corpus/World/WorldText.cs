namespace Ingot.Llm.Corpus.World;

/// <summary>The text files that are built into this assembly: word lists, the grammar of the stories, the relations.</summary>
static class WorldText
{
    public static string Read(string name)
    {
        using var stream = typeof(WorldText).Assembly.GetManifestResourceStream("Ingot.World." + name) ?? throw new FileNotFoundException($"{name} is not built in");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
