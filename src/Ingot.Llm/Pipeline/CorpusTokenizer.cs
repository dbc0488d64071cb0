using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tokenizers.Training;

namespace Ingot.Llm.Pipeline;

/// <summary>Trains the tokenizer of a run.</summary>
public static class CorpusTokenizer
{
    /// <summary>Text that it is trained on: more changes little.</summary>
    const long Bytes = 10_000_000;

    /// <param name="corpora">Whose documents, as much of each as the mix has.</param>
    /// <param name="vocabularySize">V; fewer where the text has not so many pairs.</param>
    /// <param name="pattern">How it splits text.</param>
    /// <param name="seed">Of the run.</param>
    /// <param name="cancellation">Ends it.</param>
    public static Tokenizer Train(IReadOnlyList<WeightedCorpus> corpora, int vocabularySize, string pattern, ulong seed, CancellationToken cancellation = default)
    {
        var trainer = new BpeTrainer(new() { VocabularySize = vocabularySize, Pattern = pattern });
        double sum = corpora.Sum(c => c.Weight);
        foreach (var (corpus, weight) in corpora)
        {
            long left = (long)(Bytes * weight / sum);
            foreach (string document in corpus.Documents(seed))
            {
                trainer.Add(document);
                if ((left -= document.Length) <= 0) break;
            }
        }
        return trainer.Train(cancel: cancellation);
    }
}
