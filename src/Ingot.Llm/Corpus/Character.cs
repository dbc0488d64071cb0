namespace Ingot.Llm.Corpus;

/// <summary>Someone in a story, and how English refers to them.</summary>
/// <param name="Name">"Lily".</param>
/// <param name="Kind">"girl", "hedgehog".</param>
/// <param name="IsFemale">She, or he.</param>
sealed record Character(string Name, string Kind, bool IsFemale)
{
    public string He => IsFemale ? "she" : "he";
    public string Him => IsFemale ? "her" : "him";
    public string His => IsFemale ? "her" : "his";
    public override string ToString() => Name;
}
