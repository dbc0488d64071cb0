using Ingot.Llm.Corpus;
using Ingot.Llm.Corpus.World;

namespace Ingot.Llm.Data;

/// <summary>Items of an origin that has an end, given without end.</summary>
static class Rounds
{
    /// <summary>All items in an order of the seed's, then all of them in another one, and so on; nothing if there are none.</summary>
    public static IEnumerable<T> Of<T>(IReadOnlyList<T> items, ulong seed)
    {
        if (items.Count == 0) yield break;
        var order = Enumerable.Range(0, items.Count).ToArray();
        for (ulong round = 0; ; round++)
        {
            var random = new StoryRandom((seed * 0xD1342543DE82EF95 + 11) * 0xAF251AF3B0F025B5 + round * 0x9FB21C651E98DF25);
            OpenBook.Shuffle(order, ref random);
            foreach (int i in order) yield return items[i];
        }
    }

    /// <summary>
    /// What can be made of an origin's texts, taken at random places without end; nothing if hardly any text allows it.
    /// </summary>
    public static IEnumerable<T> Made<T>(IReadOnlyList<string> texts, ulong seed, Maker<T> make) where T : class
    {
        const int patience = 500;
        if (texts.Count == 0) yield break;
        int failures = 0;
        for (ulong i = 0; failures < patience; i++)
        {
            var random = new StoryRandom((seed * 0xD1342543DE82EF95 + 12) * 0xAF251AF3B0F025B5 + i * 0x9FB21C651E98DF25);
            var passage = Passage.From(texts[random.Below(texts.Count)], ref random);
            if (make(passage, ref random) is not { } made) failures++;
            else
            {
                failures = 0;
                yield return made;
            }
        }
    }

    /// <summary>Null where the passage does not allow it.</summary>
    public delegate T? Maker<T>(Passage passage, ref StoryRandom random) where T : class;
}
