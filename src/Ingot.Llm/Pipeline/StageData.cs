using Ingot.Llm.Chat;
using Ingot.Llm.Corpus;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Training;

namespace Ingot.Llm.Pipeline;

/// <summary>How much of a run's text a corpus gives.</summary>
/// <param name="Corpus">Where it comes from.</param>
/// <param name="Weight">Relative to the others.</param>
public sealed record WeightedCorpus(ICorpus Corpus, double Weight);

/// <summary>The text of a run's corpora as tokens: for each, a domain of documents, one of conversations, and one of held-out documents.</summary>
/// <param name="corpora">At least one.</param>
/// <param name="tokenizer">Of the model.</param>
/// <param name="seed">Of the run.</param>
public sealed class StageData(IReadOnlyList<WeightedCorpus> corpora, Tokenizer tokenizer, ulong seed)
{
    /// <summary>Text beyond this is not kept; a stage that needs more sees it again.</summary>
    const long MostBytes = 64L << 20;

    const double BytesPerToken = 4;

    const string RepeatsName = "repeats";

    /// <summary>Of each domain's held-out documents.</summary>
    const long ValidationBytes = 75_000;

    /// <summary>About as many tokens.</summary>
    internal const double ValidationTokens = 25_000;

    readonly ChatFormat format = new(tokenizer);

    /// <summary>The batches of a stage: documents and conversations of all corpora in the recipe's shares.</summary>
    /// <param name="recipe">Which stage.</param>
    /// <param name="tokens">It is trained on.</param>
    /// <param name="length">T.</param>
    public Mixture Of(StageRecipe recipe, double tokens, int length)
    {
        double sum = corpora.Sum(c => c.Weight);
        // A text of a sentence or two makes no conversations.
        var talks = corpora.Select(c => c.Corpus).Where(c => c.Conversations(recipe.StreamOf(seed)).Any()).ToHashSet();
        var sources = new List<TokenSource>();
        foreach (var part in corpora)
        {
            sources.Add(TokenSource.OfDocuments(part.Corpus.Name, tokenizer, format.Begin, Documents(part, recipe, tokens)));
            if (talks.Contains(part.Corpus)) sources.Add(TokenSource.OfConversations(ChatName(part.Corpus), format, Conversations(part, recipe, tokens)));
        }
        if (recipe.Repeats.Most > 0) sources.Add(TokenSource.OfTokens(RepeatsName, Repeats(tokenizer.VocabularySize, recipe.StreamOf(seed))));
        return new(sources, progress =>
        {
            double chat = recipe.Conversations.At(progress), repeats = recipe.Repeats.At(progress);
            var weights = new Dictionary<string, double>();
            foreach (var (corpus, weight) in corpora)
            {
                double part = (1 - repeats) * weight / sum, talk = talks.Contains(corpus) ? chat : 0;
                weights[corpus.Name] = part * (1 - talk);
                if (talk > 0) weights[ChatName(corpus)] = part * talk;
            }
            if (repeats > 0) weights[RepeatsName] = repeats;
            return weights;
        }, length);
    }

    /// <summary>The words of all that a stage is trained on.</summary>
    /// <param name="recipe">Which stage.</param>
    /// <param name="tokens">It is trained on.</param>
    public IEnumerable<string> Texts(StageRecipe recipe, double tokens) =>
        corpora.SelectMany(part => Documents(part, recipe, tokens).Concat(Conversations(part, recipe, tokens).Select(c => string.Join('\n', c.Messages.Select(m => string.Concat(m.Parts.Select(p => p.Text)))))));

    IEnumerable<string> Documents(WeightedCorpus part, StageRecipe recipe, double tokens) =>
        Take(part.Corpus.Documents(recipe.StreamOf(seed)), Bytes(part, tokens) * (1 - recipe.Conversations.Mean), d => d.Length);

    IEnumerable<Conversation> Conversations(WeightedCorpus part, StageRecipe recipe, double tokens) =>
        Take(part.Corpus.Conversations(recipe.StreamOf(seed)), Bytes(part, tokens) * recipe.Conversations.Mean, c => c.Messages.Sum(m => m.Parts.Sum(p => (long)p.Text.Length)));

    /// <summary>Text for so many tokens of all corpora: by how much a token is, at most. What is left over costs a little time, what is missing is seen twice.</summary>
    double Bytes(WeightedCorpus part, double tokens) => tokens * BytesPerToken * part.Weight / corpora.Sum(c => c.Weight);

    /// <summary>Short runs of random tokens, each said two to four times: the shortest way to learn to look up what followed the last time, which a small model does not find in text for millions of tokens.</summary>
    /// <remarks>Olsson et al. 2022, "In-context learning and induction heads"; Hu et al. 2025, "Between circuits and Chomsky", for training on such patterns first. Runs of up to a third of the context are not
    /// learned in as many steps.</remarks>
    static int[] Repeats(int vocabularySize, ulong seed)
    {
        const int Count = 1 << 20, Shortest = 3, Longest = 10;
        var random = new StoryRandom(seed ^ 0x7265706561747321);
        var tokens = new List<int>(Count);
        while (tokens.Count < Count)
        {
            var run = new int[Shortest + random.Below(Longest - Shortest + 1)];
            for (int i = 0; i < run.Length; i++) run[i] = random.Below(vocabularySize);
            for (int times = 2 + random.Below(3); times > 0; times--) tokens.AddRange(run);
        }
        return [.. tokens];
    }

    /// <summary>Documents that no stage is trained on, by corpus: what bits per byte are measured on at every stage, so that forgetting shows.</summary>
    public IReadOnlyList<TokenSource> Validation =>
        [.. corpora.Where(c => c.Corpus.HeldOutDocuments(seed).Any()).Select(c => TokenSource.OfDocuments(c.Corpus.Name, tokenizer, format.Begin, Take(c.Corpus.HeldOutDocuments(seed), ValidationBytes, d => d.Length)))];

    static string ChatName(ICorpus corpus) => corpus.Name + " chat";

    static IEnumerable<T> Take<T>(IEnumerable<T> items, double bytes, Func<T, long> length)
    {
        long left = (long)Math.Clamp(bytes, 1 << 16, MostBytes);
        foreach (var item in items)
        {
            yield return item;
            if ((left -= length(item)) <= 0) yield break;
        }
    }
}
