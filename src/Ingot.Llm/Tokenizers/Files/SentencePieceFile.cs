using Ingot.Llm.Tokenizers.Decoders;
using Ingot.Llm.Tokenizers.Models;
using Ingot.Llm.Tokenizers.Normalizers;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers.Files;

/// <summary>What the pieces of a SentencePiece vocabulary are.</summary>
public enum SentencePieceKind
{
    /// <summary>Text.</summary>
    Normal = 1,

    /// <summary>For what nothing else covers.</summary>
    Unknown = 2,

    /// <summary>Begin, end, padding: never found in text.</summary>
    Control = 3,

    /// <summary>Found in text before anything else, never cut.</summary>
    UserDefined = 4,

    /// <summary>Not used.</summary>
    Unused = 5,

    /// <summary>A byte, as &lt;0x0A&gt;.</summary>
    Byte = 6,
}

/// <summary>SentencePiece's .model files: a protobuf message (sentencepiece_model.proto) of pieces, trainer and normalizer settings.</summary>
static class SentencePieceFile
{
    sealed class Contents
    {
        public List<(byte[] Text, float Score, SentencePieceKind Kind)> Pieces { get; } = [];
        public int ModelType { get; set; } = 1;
        public bool HasByteFallback { get; set; }
        public bool SpaceIsSuffix { get; set; }
        public int Begin { get; set; } = 1;
        public int End { get; set; } = 2;
        public string UnknownSurface { get; set; } = " \u2047 ";
        public byte[] Replacements { get; set; } = [];
        public SentencePieceSpaces Spaces { get; set; } = new();
    }

    /// <exception cref="FormatException">The file is damaged; the message says where.</exception>
    public static Tokenizer Read(ReadOnlySpan<byte> file, string name)
    {
        try
        {
            var contents = Parse(file);
            if (contents.Pieces.Count == 0) throw new FormatException("it has no pieces");
            return Build(contents);
        }
        catch (FormatException e) { throw new FormatException($"{name} is not a SentencePiece model that can be used: {e.Message}", e); }
    }

    static Contents Parse(ReadOnlySpan<byte> file)
    {
        var contents = new Contents();
        var reader = new ProtobufReader(file, 0);
        while (reader.Read())
        {
            var part = new ProtobufReader(reader.Content, reader.ContentStart);
            if (reader.Field == 1) Piece(part, contents);
            else if (reader.Field == 2) Trainer(part, contents);
            else if (reader.Field == 3) Normalizer(part, contents);
        }
        return contents;
    }

    static void Piece(ProtobufReader reader, Contents contents)
    {
        byte[] text = [];
        float score = 0;
        ulong kind = 1;
        while (reader.Read())
        {
            if (reader.Field == 1) text = reader.Content.ToArray();
            else if (reader.Field == 2) score = reader.Single;
            else if (reader.Field == 3) kind = reader.Number;
        }
        if (kind is < 1 or > 6) throw new FormatException($"piece {contents.Pieces.Count} is of the kind {kind}, which is none of SentencePiece's");
        if (text.Length == 0 || !System.Text.Unicode.Utf8.IsValid(text)) throw new FormatException($"piece {contents.Pieces.Count} has no text, or one that is not UTF-8");
        if (!float.IsFinite(score)) throw new FormatException($"piece {contents.Pieces.Count} has the score {score}");
        contents.Pieces.Add((text, score, (SentencePieceKind)kind));
    }

    static void Trainer(ProtobufReader reader, Contents contents)
    {
        while (reader.Read())
        {
            switch (reader.Field)
            {
                case 3: contents.ModelType = (int)reader.Number; break;
                case 24: contents.SpaceIsSuffix = reader.Flag; break;
                case 35: contents.HasByteFallback = reader.Flag; break;
                case 41: contents.Begin = (int)reader.Number; break;
                case 42: contents.End = (int)reader.Number; break;
                case 44: contents.UnknownSurface = Utf8.Text(reader.Content); break;
            }
        }
    }

    static void Normalizer(ProtobufReader reader, Contents contents)
    {
        while (reader.Read())
        {
            switch (reader.Field)
            {
                case 2: contents.Replacements = reader.Content.ToArray(); break;
                case 3: contents.Spaces = contents.Spaces with { AddsPrefix = reader.Flag }; break;
                case 4: contents.Spaces = contents.Spaces with { RemovesExtra = reader.Flag }; break;
                case 5: contents.Spaces = contents.Spaces with { Escapes = reader.Flag }; break;
            }
        }
    }

    static Tokenizer Build(Contents c)
    {
        if (c.SpaceIsSuffix) throw new FormatException("it has spaces at the ends of words (treat_whitespace_as_suffix), which is not supported");
        var replacements = c.Replacements.Length > 0 ? new PrecompiledNormalizer(c.Replacements, byCluster: false) : null;
        var model = SentencePieceModel(c.ModelType, [.. c.Pieces.Select(p => p.Text)], [.. c.Pieces.Select(p => p.Score)], [.. c.Pieces.Select(p => p.Kind)], c.HasByteFallback);
        int unknown = c.Pieces.FindIndex(p => p.Kind == SentencePieceKind.Unknown);
        return new(new(model)
        {
            Normalizer = new SentencePieceNormalizer(replacements, c.Spaces),
            Decoder = new SentencePieceDecoder(unknown < 0 ? null : Utf8.Text(c.Pieces[unknown].Text), c.UnknownSurface, c.Spaces),
            Added = [.. c.Pieces.Index().Where(p => p.Item.Kind == SentencePieceKind.Control).Select(p => new AddedToken(p.Index, Utf8.Text(p.Item.Text)))],
            Before = c.Begin >= 0 && c.Begin < c.Pieces.Count && c.Pieces[c.Begin].Kind == SentencePieceKind.Control ? [c.Begin] : [],
        });
    }

    /// <summary>The model of a SentencePiece vocabulary.</summary>
    /// <param name="type">1: unigram, 2: BPE.</param>
    /// <param name="texts">By id, as are the others.</param>
    /// <param name="scores">Log-probabilities, or the order of merges.</param>
    /// <param name="kinds">What the pieces are.</param>
    /// <param name="hasByteFallback">What nothing covers becomes bytes.</param>
    public static TokenModel SentencePieceModel(int type, byte[][] texts, float[] scores, SentencePieceKind[] kinds, bool hasByteFallback)
    {
        var table = new TokenTable(texts);
        int unknown = Array.IndexOf(kinds, SentencePieceKind.Unknown);
        var trie = new ByteTrie();
        for (int id = 0; id < texts.Length; id++)
            if (kinds[id] == SentencePieceKind.UserDefined) trie.Add(texts[id], id);
        bool IsFindable(int id) => kinds[id] is SentencePieceKind.Normal or SentencePieceKind.UserDefined;
        TokenModel model;
        if (type == 1)
        {
            var normal = Enumerable.Range(0, texts.Length).Where(id => kinds[id] == SentencePieceKind.Normal).ToList();
            if (normal.Count == 0) throw new FormatException("it has no pieces of text");
            model = new UnigramModel(table, [.. scores.Select(s => (double)s)], unknown, hasByteFallback, IsFindable, normal.Min(id => (double)scores[id]));
        }
        else if (type == 2)
        {
            var mergeable = texts.Select((t, id) => IsFindable(id) ? t : null).ToArray();
            model = BpeModel.OfScores(table, mergeable, scores, new() { Unknown = unknown, FusesUnknown = true, HasByteFallback = hasByteFallback });
        }
        else throw new FormatException($"its model is of the type {type}; unigram (1) and BPE (2) are supported");
        return trie.IsEmpty ? model : new UserDefinedModel(model, trie);
    }
}

/// <summary>Takes pieces that the user defined out of the text, the longest at each place, and gives the rest to another model.</summary>
sealed class UserDefinedModel(TokenModel inner, ByteTrie userDefined) : TokenModel(inner.Texts)
{
    public override string Kind => inner.Kind;

    public override void Encode(ReadOnlySpan<byte> piece, List<int> ids)
    {
        int done = 0;
        for (int at = 0; at < piece.Length;)
        {
            int id = userDefined.Longest(piece[at..], out int length);
            if (id < 0)
            {
                at++;
                continue;
            }
            if (at > done) inner.Encode(piece[done..at], ids);
            ids.Add(id);
            done = at += length;
        }
        if (done < piece.Length) inner.Encode(piece[done..], ids);
    }
}
