using System.Text;
using Ingot.Llm.Corpus;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tokenizers.Training;

namespace Ingot.Bench;

/// <summary>Training a byte-pair vocabulary, and encoding with it.</summary>
static class Tokenizers
{
    const int Tokens = 30_000, Bytes = 10_000_000;

    public static IEnumerable<Benchmark> All()
    {
        yield return new("tokenizer.train", "s to train 30,000 tokens on 10 MB of varied text, all threads", session =>
        {
            byte[] text = Encoding.UTF8.GetBytes(Text(session));
            int got = 0;
            var figure = Sampling.Measure("tokenizer.train", "s", session.Fma, 0, s => s, () => got = Train(text).VocabularySize, Effort.Long);
            return figure with { Note = $"{got:N0} tokens, {text.Length / 1e6:F1} MB" };
        });
        yield return Encode("tokenizer.encode", "MB/s of encoding that text with that vocabulary, one thread", Text);
        yield return Encode("tokenizer.encode.unique", "MB/s of encoding words of random letters with it, of which no two are the same", _ => UniqueWords());
    }

    static Benchmark Encode(string name, string meaning, Func<BenchSession, string> textOf) => new(name, meaning, session =>
    {
        var tokenizer = Train(Encoding.UTF8.GetBytes(Text(session)));
        byte[] text = Encoding.UTF8.GetBytes(textOf(session));
        int tokens = 0;
        var figure = Sampling.Measure(name, "MB/s", session.Fma, 0, s => text.Length / 1e6 / s, () => tokens = tokenizer.EncodeBytes(text).Length, Effort.Long);
        return figure with { Note = $"{tokens:N0} tokens, {text.Length / 1e6:F1} MB" };
    });

    static Tokenizer Train(byte[] text)
    {
        var trainer = new BpeTrainer(new() { VocabularySize = Tokens });
        trainer.Add(text);
        return trainer.Train();
    }

    static string Text(BenchSession session) => session.TextFile is { } file ? TextSource.Read([file]) : Varied(StoryCorpus.Generate(1, Bytes / 3));

    /// <summary>Lines of a text in random order, of whose words some are spelt anew, numbered or lengthened, so that there is something to learn for 30,000 tokens.</summary>
    static string Varied(string source)
    {
        string[] lines = source.Split('\n', StringSplitOptions.RemoveEmptyEntries), endings = ["'s", "-like", "é", " — ", "ness", "ing"];
        var random = new Random(5);
        var text = new StringBuilder(Bytes + 1000);
        while (text.Length < Bytes)
        {
            foreach (string word in lines[random.Next(lines.Length)].Split(' '))
            {
                double p = random.NextDouble();
                char[] letters = word.ToCharArray();
                if (p < 0.03) random.Shuffle(letters);
                text.Append(letters);
                if (p is >= 0.03 and < 0.05) text.Append(random.Next(10_000));
                else if (p is >= 0.05 and < 0.06) text.Append(endings[random.Next(endings.Length)]);
                text.Append(' ');
            }
            text[^1] = '\n';
        }
        return text.ToString();
    }

    static string UniqueWords()
    {
        var random = new Random(6);
        var seen = new HashSet<string>();
        var text = new StringBuilder(Bytes + 20);
        while (text.Length < Bytes)
        {
            string word = string.Create(random.Next(5, 12), random, (span, r) =>
            {
                foreach (ref char c in span) c = (char)('a' + r.Next(26));
            });
            if (seen.Add(word)) text.Append(word).Append(' ');
        }
        return text.ToString();
    }
}
