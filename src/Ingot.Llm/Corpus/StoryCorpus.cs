using System.Text;

namespace Ingot.Llm.Corpus;

/// <summary>
/// Ingot's own training text: short stories in simple English, composed by a grammar. The same seed gives the same bytes on every machine.
/// </summary>
public static class StoryCorpus
{
    /// <summary>Whole stories, separated by a blank line, until there are at least <paramref name="minBytes"/> bytes. ASCII.</summary>
    /// <param name="seed">Any number; another seed gives other stories.</param>
    /// <param name="minBytes">1 or more.</param>
    /// <remarks>A story is three lines: how it begins, what happens, how it ends.</remarks>
    public static string Generate(ulong seed, int minBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(minBytes, 1);
        var text = new StringBuilder(minBytes + 2048);
        for (ulong story = 0; text.Length < minBytes; story++)
        {
            if (story > 0) text.Append("\n\n");
            // A stream a story, so that a longer corpus begins with the shorter one; the odd constant keeps neighbouring seeds apart.
            text.Append(new Story(new StoryRandom(seed * 0xD1342543DE82EF95 + story)).Tell());
        }
        return text.Append('\n').ToString();
    }
}
