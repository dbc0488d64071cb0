namespace Ingot.Coverage;

/// <summary>What a parser of <c>ingot fuzz</c> is made of.</summary>
/// <param name="Name">As the command calls it.</param>
/// <param name="Files">Source files, from src/ on.</param>
/// <param name="NotParsing">Methods of these files that do something else: they write, or open files by name. "File.cs:Method" where another file has one of that name.</param>
sealed record Parser(string Name, string[] Files, params string[] NotParsing)
{
    const string Formats = "src/Ingot/Formats/", Llm = "src/Ingot.Llm/", Onnx = "src/Ingot.Onnx/Format/";

    /// <summary>All of them, in the command's order.</summary>
    public static IReadOnlyList<Parser> All { get; } =
    [
        new("safetensors", [Formats + "SafetensorsHeader.cs"]),
        new("gguf", [.. Of(Formats, "Gguf", "GgufCursor", "GgufDirectory", "GgufMetadata", "GgufValue", "GgufParts")], "Open", "OpenOne", "Gguf.cs:Read", "Map"),
        new("npy", [.. Of(Formats, "Npy", "NpyHeader")], "Save", "SaveArchive", "Write", "Descr", "Open", "LoadArchive", "ReadArchive", "EndOfArchive"),
        new("npz", [Formats + "Npy.cs"], "Save", "SaveArchive", "Write", "Open", "LoadArchive"),
        new("tokenizer.json", [.. Of(Llm + "Tokenizers/", "Files/HuggingFaceFile", "Files/HuggingFaceModel", "Files/HuggingFaceSteps", "Files/JsonFields", "Files/VocabularyBuilder", "Patterns/RegexParser", "Normalizers/PrecompiledNormalizer")], "ByPlace"),
        new("sentencepiece", [.. Of(Llm + "Tokenizers/", "Files/SentencePieceFile", "Files/ProtobufReader", "Normalizers/PrecompiledNormalizer")], "ByCluster", "Shortest"),
        new("tiktoken", [Llm + "Tokenizers/Files/TiktokenFile.cs"]),
        new("config.json", [.. Of(Llm + "Models/Families/", "ConfigJson", "Family", "RopeJson", "WindowLayers", "LlamaFamily", "MistralFamily", "Qwen2Family", "Qwen3Family", "Gemma3Family", "Phi3Family", "Gpt2Family", "SmolLm3Family", "IngotFamily", "UnknownParts")],
            "Write", "WriteOptional", "Amend", "Named", "EndTokens", "RequireCommon", "Require", "FromFolder", "ToFolder", "OursOf", "FileOf"),
        new("gguf-model", [.. Of(Llm, "Models/GgufModel", "Models/Families/GgufFamily", "Models/Families/GgufFields", "Tokenizers/Files/GgufVocabulary", "Tokenizers/Files/GgufSplits", "Tokenizers/Files/WordPieceFile")], "ToGguf", "GgufMetadata", "WordPieceFile.cs:Read"),
        new("gzip", [Llm + "Data/DataSource.cs"], "Read", "Files", "ReadFile", "Items", "Archive", "Next", "Documents", "Text", "Bytes", "IsTar", "Ending"),
        new("jinja", [.. Of(Llm + "Chat/Templates/", "ChatTemplate", "Lexer", "Parser", "Parser.Expressions", "Syntax")]),
        new("schema", [.. Of(Llm + "Constraints/", "SchemaCompiler", "SchemaCompiler.Containers", "SchemaCompiler.Merging", "SchemaCompiler.Objects", "NamePattern", "NumberPatterns")]),
        // Classes such as [:alpha:] are not of this language; those of tokenizer.json count them.
        new("regex", [.. Of(Llm, "Constraints/RegexGrammar", "Tokenizers/Patterns/RegexParser")], "Posix"),
        new("onnx", [.. Of(Onnx, "ModelCheck", "ModelParser", "ModelParser.Attributes", "ModelParser.Tensors", "NumberLists", "OnnxNode", "NameUses", "ProtoReader", "TensorData", "TensorDecoder")]),
        new("onnx-value", [.. Of(Onnx, "ModelParser.Values", "ModelParser.Tensors", "NumberLists", "ProtoReader", "TensorDecoder")], "External", "Map", "Real", "Number"),
    ];

    static IEnumerable<string> Of(string folder, params IEnumerable<string> names) => names.Select(n => $"{folder}{n}.cs");

    public bool Has(Branch branch) => Files.Contains(branch.File, StringComparer.Ordinal) && !NotParsing.Contains(branch.Method, StringComparer.Ordinal)
        && !NotParsing.Contains($"{Path.GetFileName(branch.File)}:{branch.Method}", StringComparer.Ordinal);
}
