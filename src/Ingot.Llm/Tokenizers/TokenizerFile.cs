using Ingot.Formats;
using Ingot.Llm.Tokenizers.Files;

namespace Ingot.Llm.Tokenizers;

/// <summary>Reads the files that tokenizers come in, and writes tokenizer.json.</summary>
public static class TokenizerFile
{
    /// <summary>Files longer than this are refused: no tokenizer comes near it.</summary>
    const long Longest = 512L << 20;

    /// <summary>
    /// A tokenizer from a file, whose format is found in its beginning and its name: Hugging Face's tokenizer.json, tiktoken's rank files (named for their encoding:
    /// <c>cl100k_base.tiktoken</c>), SentencePiece's .model, BERT's vocab.txt; or from a folder that has one of them.
    /// </summary>
    /// <exception cref="FormatException">The file is missing, damaged or of no known kind; the message says what is wrong.</exception>
    public static Tokenizer Load(string path)
    {
        if (Directory.Exists(path))
            path = new[] { "tokenizer.json", "tokenizer.model", "spiece.model", "vocab.txt" }.Select(f => Path.Combine(path, f)).FirstOrDefault(File.Exists)
                ?? throw new FormatException($"there is no tokenizer.json, tokenizer.model, spiece.model or vocab.txt in {path}");
        byte[] file = ReadAll(path);
        string name = Path.GetFileName(path);
        if (file.Length == 0) throw new FormatException($"{path} is empty");
        if (name.EndsWith(".tiktoken", StringComparison.Ordinal)) return TiktokenFile.Read(file, path, EncodingOf(name));
        if (name.EndsWith(".txt", StringComparison.Ordinal)) return WordPieceFile.Read(file, path, lowers: !name.Contains("-cased", StringComparison.Ordinal));
        if (name.EndsWith(".model", StringComparison.Ordinal)) return SentencePieceFile.Read(file, path);
        if (file[0] is (byte)'{' or 0xEF || name.EndsWith(".json", StringComparison.Ordinal)) return HuggingFaceFile.Read(file, path);
        throw new FormatException($"{path} is no tokenizer of a known kind: a tokenizer.json, .tiktoken, .model or vocab.txt");
    }

    /// <summary>A tokenizer.json from its bytes.</summary>
    /// <param name="json">The file.</param>
    /// <param name="name">What errors call it.</param>
    /// <exception cref="FormatException">It is damaged, or uses what is not supported; the message names it.</exception>
    public static Tokenizer FromJson(ReadOnlySpan<byte> json, string name) => HuggingFaceFile.Read(json, name);

    /// <summary>A rank file of tiktoken, with the split and the special tokens of an encoding.</summary>
    /// <exception cref="FormatException">It is damaged; the message has the line.</exception>
    public static Tokenizer FromTiktoken(ReadOnlySpan<byte> file, string name, TiktokenEncoding encoding) => TiktokenFile.Read(file, name, encoding);

    /// <summary>A SentencePiece model from its bytes.</summary>
    /// <exception cref="FormatException">It is damaged; the message says where.</exception>
    public static Tokenizer FromSentencePiece(ReadOnlySpan<byte> file, string name) => SentencePieceFile.Read(file, name);

    /// <summary>Writes a tokenizer as tokenizer.json: byte-level BPE, SentencePiece's kinds, BERT's. The file appears whole or not at all.</summary>
    /// <exception cref="IngotException">The tokenizer is of another kind, or the file cannot be written.</exception>
    public static void Save(Tokenizer tokenizer, string path) => AtomicFile.Write(path, stream => HuggingFaceWriter.Write(tokenizer, stream));

    static TiktokenEncoding EncodingOf(string name) => TiktokenEncoding.Known.FirstOrDefault(e => name.StartsWith(e.Name, StringComparison.Ordinal))
        ?? throw new FormatException($"a rank file is to be named for its encoding, {string.Join(", ", TiktokenEncoding.Known.Select(e => e.Name))}, not {name}");

    static byte[] ReadAll(string path)
    {
        try
        {
            return new FileInfo(path).Length <= Longest ? File.ReadAllBytes(path) : throw new FormatException($"{path} has more than {Longest >> 20} MB; it is no tokenizer");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw new FormatException($"cannot read {path}: {e.Message}", e); }
    }
}
