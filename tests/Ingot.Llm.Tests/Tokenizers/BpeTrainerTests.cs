using System.Text.Json;
using Ingot.Llm.Corpus;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tokenizers.Patterns;
using Ingot.Llm.Tokenizers.Training;

namespace Ingot.Llm.Tests.Tokenizers;

public class BpeTrainerTests
{
    static string Json(Tokenizer tokenizer)
    {
        using var folder = new TemporaryFolder();
        TokenizerFile.Save(tokenizer, folder["t.json"]);
        return File.ReadAllText(folder["t.json"]);
    }

    static Tokenizer Train(BpeTrainerOptions options, params string[] texts)
    {
        var trainer = new BpeTrainer(options);
        foreach (string text in texts) trainer.Add(text);
        return trainer.Train();
    }

    [Fact]
    public void Train_ReferenceCorpus_GivesItsMergesAndVocabulary()
    {
        string path = SharedData.Path("tokenizers/bpe-train/corpus.en");
        var trainer = new BpeTrainer(new() { VocabularySize = 500, SpecialTokens = ["<|endoftext|>"], Pattern = SplitPatterns.Gpt2 });
        trainer.AddFile(path);
        var tokenizer = trainer.Train();
        using var json = JsonDocument.Parse(Json(tokenizer));
        var model = json.RootElement.GetProperty("model");
        model.GetProperty("merges").EnumerateArray().Select(m => $"{m[0].GetString()} {m[1].GetString()}").ShouldBe(File.ReadLines(SharedData.Path("tokenizers/bpe-train/train-bpe-reference-merges.txt")));
        using var expected = JsonDocument.Parse(File.ReadAllBytes(SharedData.Path("tokenizers/bpe-train/train-bpe-reference-vocab.json")));
        model.GetProperty("vocab").EnumerateObject().Select(p => (p.Name, p.Value.GetInt32())).ShouldBe(expected.RootElement.EnumerateObject().Select(p => (p.Name, p.Value.GetInt32())), ignoreOrder: true);
    }

    /// <summary>Counts all pairs anew for each merge.</summary>
    static List<string> PlainMerges(IEnumerable<string> words, int count)
    {
        var pieces = words.Select(w => w.Select(c => c.ToString()).ToList()).ToList();
        List<string> merges = [];
        for (; count > 0; count--)
        {
            var best = pieces.SelectMany(p => p.Zip(p.Skip(1))).GroupBy(p => p).Where(g => g.Count() > 1)
                .OrderByDescending(g => g.Count()).ThenByDescending(g => g.Key.First, StringComparer.Ordinal).ThenByDescending(g => g.Key.Second, StringComparer.Ordinal).FirstOrDefault();
            if (best is null) break;
            var (left, right) = best.Key;
            merges.Add($"{left} {right}");
            foreach (var p in pieces)
                for (int i = 0; i + 1 < p.Count; i++)
                {
                    if (p[i] != left || p[i + 1] != right) continue;
                    p[i] += right;
                    p.RemoveAt(i + 1);
                }
        }
        return merges;
    }

    [Fact]
    public void Train_RandomWordsOfFewLetters_MergesAsCountingAnewDoes()
    {
        for (int seed = 0; seed < 30; seed++)
        {
            var random = new Random(seed);
            string[] words = [.. Enumerable.Range(0, 60).Select(_ => new string([.. Enumerable.Range(0, random.Next(1, 12)).Select(_ => (char)('a' + random.Next(2 + seed % 3)))]))];
            var tokenizer = Train(new() { VocabularySize = 256 + 40, SpecialTokens = [] }, string.Join('\n', words));
            using var json = JsonDocument.Parse(Json(tokenizer));
            var merges = json.RootElement.GetProperty("model").GetProperty("merges").EnumerateArray().Select(m => $"{m[0].GetString()} {m[1].GetString()}");
            merges.ShouldBe(PlainMerges(words, 40), $"seed {seed}");
        }
    }

    [Fact]
    public void Train_AnyNumberOfThreads_GivesTheSame()
    {
        string text = StoryCorpus.Generate(1, 400_000) + "\n/usr/bin\n1234\n\n\n漢字\n";
        string one = Json(Train(new() { VocabularySize = 700, Threads = 1 }, text));
        foreach (int threads in new[] { 2, 5 }) Json(Train(new() { VocabularySize = 700, Threads = threads }, text)).ShouldBe(one);
    }

    [Fact]
    public void Train_SpecialTokensInText_AreNotLearnt()
    {
        var tokenizer = Train(new() { VocabularySize = 300, SpecialTokens = ["<|x|>"] }, string.Concat(Enumerable.Repeat("ab<|x|>", 50)));
        tokenizer.TokenId("<|x|>").ShouldBe(0);
        tokenizer.VocabularySize.ShouldBe(258); // the bytes, the special token and "ab"
        tokenizer.Encode("ab<|x|>ab").ShouldBe([257, 0, 257]);
    }

    [Fact]
    public void Constructor_ImpossibleOptions_SayWhy()
    {
        Should.Throw<IngotException>(() => new BpeTrainer(new() { VocabularySize = 256 })).Message.ShouldContain("at least 265");
        Should.Throw<IngotException>(() => new BpeTrainer(new() { SpecialTokens = ["a", "a"] })).Message.ShouldContain("twice");
        Should.Throw<IngotException>(() => new BpeTrainer(new() { SpecialTokens = ["a\nb"] })).Message.ShouldContain("line break");
        Should.Throw<Ingot.FormatException>(() => new BpeTrainer(new() { Pattern = "(" })).Message.ShouldContain("pattern");
        Should.Throw<IngotException>(() => new BpeTrainer(new()).Train()).Message.ShouldContain("without text");
        Should.Throw<Ingot.FormatException>(() => new BpeTrainer(new()).AddFile("no-such-file")).Message.ShouldContain("no-such-file");
    }
}
