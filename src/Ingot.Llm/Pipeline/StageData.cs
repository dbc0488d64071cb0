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

    /// <summary>Of each domain's held-out documents.</summary>
    const long ValidationBytes = 200_000;

    readonly ChatFormat format = new(tokenizer);

    /// <summary>The batches of a stage: documents and conversations of all corpora in the recipe's shares.</summary>
    /// <param name="recipe">Which stage.</param>
    /// <param name="tokens">It is trained on.</param>
    /// <param name="length">T.</param>
    public Mixture Of(StageRecipe recipe, double tokens, int length)
    {
        double sum = corpora.Sum(c => c.Weight);
        // By how much text a token is, at most: what is left over costs a little time, what is missing is seen twice.
        const double BytesPerToken = 4;
        double conversations = (recipe.Conversations(0) + recipe.Conversations(1)) / 2;
        var sources = new List<TokenSource>();
        foreach (var (corpus, weight) in corpora)
        {
            double share = tokens * BytesPerToken * weight / sum;
            sources.Add(TokenSource.OfDocuments(corpus.Name, tokenizer, format.Begin, Take(corpus.Documents(recipe.StreamOf(seed)), share * (1 - conversations), d => d.Length)));
            sources.Add(TokenSource.OfConversations(ChatName(corpus), format, Take(corpus.Conversations(recipe.StreamOf(seed)), share * conversations, c => c.Messages.Sum(m => m.Parts.Sum(p => (long)p.Text.Length)))));
        }
        return new(sources, progress =>
        {
            double chat = recipe.Conversations(progress);
            var weights = new Dictionary<string, double>();
            foreach (var (corpus, weight) in corpora) (weights[corpus.Name], weights[ChatName(corpus)]) = ((1 - chat) * weight, chat * weight);
            return weights;
        }, length);
    }

    /// <summary>Documents that no stage is trained on, by corpus: what bits per byte are measured on at every stage, so that forgetting shows.</summary>
    public IReadOnlyList<TokenSource> Validation =>
        [.. corpora.Select(c => TokenSource.OfDocuments(c.Corpus.Name, tokenizer, format.Begin, Take(c.Corpus.HeldOutDocuments(seed), ValidationBytes, d => d.Length)))];

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
