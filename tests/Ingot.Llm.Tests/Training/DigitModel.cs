using Ingot.Llm.Chat;
using Ingot.Llm.Corpus.World;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tokenizers.Training;
using Ingot.Llm.Training;
using Ingot.Nn;

namespace Ingot.Llm.Tests.Training;

/// <summary>A tiny model that answers every question with a digit: "7" in seven of ten cases, "0" in the others; and "1 + 2" with the calculator's help.</summary>
static class DigitModel
{
    static readonly string[] Words = ["cat", "dog", "mat", "hat", "sun", "moon", "tree", "rock", "fish", "bird", "star", "wind"];

    public static Tokenizer Tokenizer { get; } = MakeTokenizer();

    public static ChatFormat Format { get; } = new(Tokenizer);

    public static DecoderConfig Config { get; } = new() { Width = 32, Hidden = 64, Layers = 2, Heads = 2, KeyHeads = 1, HeadWidth = 16, VocabularySize = Tokenizer.VocabularySize + 3, ContextLength = 48, EndTokens = [Format.AssistantEnd] };

    static readonly Lazy<IReadOnlyDictionary<string, Tensor>> trained = new(Train);

    /// <summary>A new copy of the trained model.</summary>
    public static Decoder New()
    {
        var model = new Decoder(Config, 1);
        Module.LoadStateDict(model, trained.Value);
        return model;
    }

    public static float[] Weights(Decoder model) => [.. Module.StateDict(model).Values.SelectMany(t => t.ToArray<float>())];

    public static Conversation Ask(string question) => new([new(Role.User, question)]);

    /// <summary>Questions whose right answer is a digit, some held out.</summary>
    public static TaskPool Tasks(string expected)
    {
        List<VerifiableTask> Of(int from, int step) => [.. Enumerable.Range(0, 144).Where(i => i % 4 == 0 == (step == 4)).Select(i => new VerifiableTask("digit", Ask($"{Words[i / 12]} {Words[i % 12]}?"), expected))];
        return new(Of(1, 1), Of(0, 4));
    }

    static Tokenizer MakeTokenizer()
    {
        var trainer = new BpeTrainer(new() { VocabularySize = 300 });
        trainer.Add(string.Join(' ', Words) + " what is 1 + 2?");
        return trainer.Train();
    }

    static Dictionary<string, Tensor> Train()
    {
        var random = new Random(1);
        IEnumerable<Conversation> Talks()
        {
            for (int i = 0; i < 600; i++)
            {
                if (i % 4 == 0) yield return new([new(Role.User, "what is 1 + 2?"), new(Role.Assistant, [new(PartKind.ToolCall, "1 + 2"), new(PartKind.ToolResult, "3"), new(PartKind.Text, "3.")])]);
                else yield return new([new(Role.User, $"{Words[random.Next(12)]} {Words[random.Next(12)]}?"), new(Role.Assistant, random.Next(10) < 7 ? "7" : "0")]);
            }
        }
        var model = new Decoder(Config, 3);
        string folder = Path.Combine(Path.GetTempPath(), $"ingot-digits-{Guid.NewGuid():N}");
        new StageTrainer(model, new(TokenSource.OfConversations("digits", Format, Talks()), 40), new() { Name = "sft", Steps = 160, Batch = 16 }, folder).Run();
        Directory.Delete(folder, recursive: true);
        return Module.StateDict(model).ToDictionary(p => p.Key, p => Tensor.From(p.Value.ToArray<float>(), p.Value.Shape.Span));
    }
}
