using System.Buffers.Text;
using Ingot.Llm.Tokenizers.Decoders;
using Ingot.Llm.Tokenizers.Models;
using Ingot.Llm.Tokenizers.Patterns;
using Ingot.Llm.Tokenizers.Pretokenizers;

namespace Ingot.Llm.Tokenizers.Files;

/// <summary>What a rank file of tiktoken does not say itself.</summary>
/// <param name="Name">"cl100k_base".</param>
/// <param name="Pattern">How text is split.</param>
/// <param name="Special">Special tokens.</param>
public sealed record TiktokenEncoding(string Name, string Pattern, IReadOnlyList<AddedToken> Special)
{
    /// <summary>The encodings of OpenAI's models. gpt2 is r50k_base.</summary>
    public static IReadOnlyList<TiktokenEncoding> Known { get; } =
    [
        new("r50k_base", SplitPatterns.Gpt2, [new(50256, "<|endoftext|>")]),
        new("p50k_base", SplitPatterns.Gpt2, [new(50256, "<|endoftext|>")]),
        new("cl100k_base", SplitPatterns.Cl100k, [new(100257, "<|endoftext|>"), new(100258, "<|fim_prefix|>"), new(100259, "<|fim_middle|>"), new(100260, "<|fim_suffix|>"), new(100276, "<|endofprompt|>")]),
        new("o200k_base", SplitPatterns.O200k, [new(199999, "<|endoftext|>"), new(200018, "<|endofprompt|>")]),
    ];
}

/// <summary>tiktoken's rank files: a token in base64 and its rank on each line; the rank is the id.</summary>
static class TiktokenFile
{
    /// <exception cref="FormatException">A line is not what it should be; the message has its number.</exception>
    public static Tokenizer Read(ReadOnlySpan<byte> file, string name, TiktokenEncoding encoding)
    {
        var vocabulary = new VocabularyBuilder();
        int number = 0;
        while (!file.IsEmpty)
        {
            int end = file.IndexOf((byte)'\n');
            var line = (end < 0 ? file : file[..end]).TrimEnd((byte)'\r');
            file = end < 0 ? [] : file[(end + 1)..];
            number++;
            if (line.IsEmpty) continue;
            int space = line.IndexOf((byte)' ');
            var token = new byte[Base64.GetMaxDecodedFromUtf8Length(Math.Max(space, 0))];
            if (space <= 0 || Base64.DecodeFromUtf8(line[..space], token, out _, out int length) != System.Buffers.OperationStatus.Done
                || !Utf8Parser.TryParse(line[(space + 1)..], out int rank, out int read) || read != line.Length - space - 1 || length == 0)
                throw new FormatException($"{name}: line {number} is not a token in base64, a space and its rank");
            vocabulary.Add(rank, token[..length]);
        }
        try
        {
            if (vocabulary.Count == 0) throw new FormatException("it is empty");
            var model = BpeModel.OfRanks(vocabulary.ById());
            for (int b = 0; b < 256; b++)
                if (model.Bytes.Find([(byte)b]) < 0) throw new FormatException($"the byte {b} has no token");
            return new(new(model) { Pretokenizer = new SplitPretokenizer(SplitPatterns.Of(encoding.Pattern), SplitBehavior.Isolated), Decoder = new ByteLevelDecoder(), Added = encoding.Special, SplitPattern = encoding.Pattern });
        }
        catch (FormatException e) { throw new FormatException($"{name} is not a rank file that can be used: {e.Message}", e); }
    }
}
