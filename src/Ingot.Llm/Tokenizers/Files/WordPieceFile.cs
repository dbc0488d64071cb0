using Ingot.Llm.Tokenizers.Decoders;
using Ingot.Llm.Tokenizers.Models;
using Ingot.Llm.Tokenizers.Normalizers;
using Ingot.Llm.Tokenizers.Patterns;
using Ingot.Llm.Tokenizers.Pretokenizers;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers.Files;

/// <summary>BERT's vocab.txt: a token a line, the line's number its id.</summary>
static class WordPieceFile
{
    /// <param name="file">The file.</param>
    /// <param name="name">Its name, for errors.</param>
    /// <param name="lowers">Text is made lower case and loses its accents (the uncased models).</param>
    /// <exception cref="FormatException">Tokens that BERT needs are missing.</exception>
    public static Tokenizer Read(ReadOnlySpan<byte> file, string name, bool lowers)
    {
        List<byte[]> tokens = [];
        while (!file.IsEmpty)
        {
            int end = file.IndexOf((byte)'\n');
            tokens.Add((end < 0 ? file : file[..end]).TrimEnd((byte)'\r').ToArray());
            file = end < 0 ? [] : file[(end + 1)..];
        }
        return Build([.. tokens], name, lowers);
    }

    public static Tokenizer Build(byte[]?[] tokens, string name, bool lowers)
    {
        var texts = new TokenTable(tokens);
        int Id(string token) => texts.Find(Utf8.Bytes(token)) is >= 0 and var id ? id : throw new FormatException($"{name} is not a vocabulary of BERT: the token {token} is missing");
        return new(new(new WordPieceModel(texts, Id("[UNK]"), "##", 100))
        {
            Normalizer = new BertNormalizer(cleansText: true, setsChineseApart: true, stripsAccents: lowers, lowers),
            Pretokenizer = new SequencePretokenizer([
                new SplitPretokenizer(new CharacterSplitter(c => CodePoint.Is(c, CodePoint.White)), SplitBehavior.Removed),
                new SplitPretokenizer(new CharacterSplitter(OldUnicode.IsPunctuation), SplitBehavior.Isolated)]),
            Decoder = new WordPieceDecoder("##", tidies: true),
            Added = [.. new[] { "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]" }.Where(t => texts.Find(Utf8.Bytes(t)) >= 0).Select(t => new AddedToken(Id(t), t))],
            Before = [Id("[CLS]")],
            After = [Id("[SEP]")],
        });
    }
}
