using Ingot.Llm.Chat;
using Ingot.Llm.Corpus.World;

namespace Ingot.Llm.Corpus;

/// <summary>
/// One origin of everything the stages train on and are tested with: the generated world, the documentation of .NET, the user's own files. The same seed
/// gives the same items.
/// </summary>
/// <remarks>
/// What training gets has no end: take as many items as the stage needs. An origin of limited size goes round in a new order each time. A sequence is empty
/// only if there is nothing of the kind at all. The training side never has what the held-out side has.
/// </remarks>
public interface ICorpus
{
    /// <summary>Of the domain in mixtures and tables, such as "world".</summary>
    string Name { get; }

    /// <summary>Texts to pretrain on, without end.</summary>
    IEnumerable<string> Documents(ulong seed);

    /// <summary>Texts that training never has, for bits per byte. May end; a limited origin gives each once.</summary>
    IEnumerable<string> HeldOutDocuments(ulong seed);

    /// <summary>For mid-training and supervised fine-tuning, without end.</summary>
    IEnumerable<Conversation> Conversations(ulong seed);

    /// <summary>A better and a worse answer to a prompt, without end.</summary>
    IEnumerable<PreferencePair> Preferences(ulong seed);

    /// <summary>Tasks whose answers a program judges, without end on the training side.</summary>
    IEnumerable<VerifiableTask> Verifiable(Split split, ulong seed);

    /// <summary>Questions of the held-out side; none if there are no such.</summary>
    /// <param name="seed">Of the choice.</param>
    /// <param name="count">Items a set, at most.</param>
    IReadOnlyList<TaskSet> Evaluations(ulong seed, int count);
}
