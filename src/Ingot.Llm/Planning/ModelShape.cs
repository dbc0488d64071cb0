namespace Ingot.Llm.Planning;

/// <summary>The numbers of a decoder that decide what it costs.</summary>
/// <param name="Layers">L: blocks.</param>
/// <param name="Width">C: the residual stream.</param>
/// <param name="Heads">H: query heads.</param>
/// <param name="KeyHeads">G: heads of keys and values.</param>
/// <param name="HeadWidth">D: width of a head.</param>
/// <param name="Hidden">F: the feed-forward layer's inner width.</param>
/// <param name="VocabularySize">V.</param>
/// <param name="ContextLength">T: positions it is trained on.</param>
public sealed record ModelShape(int Layers, int Width, int Heads, int KeyHeads, int HeadWidth, int Hidden, int VocabularySize, int ContextLength)
{
    /// <summary>Three matrices in the feed-forward layer (SwiGLU) instead of two.</summary>
    public bool IsGated { get; init; } = true;

    /// <summary>The head's matrix is the embedding's.</summary>
    public bool IsTied { get; init; }

    /// <summary>A learned vector a position (GPT-2, GPT-3).</summary>
    public bool HasLearnedPositions { get; init; }

    /// <summary>Biases in every linear layer, and layer norms with a bias (GPT-2, GPT-3).</summary>
    public bool HasBiases { get; init; }

    /// <summary>A norm a head of queries and of keys (Qwen3).</summary>
    public bool HasQkNorm { get; init; }

    /// <summary>The parameter count that its name states, where that differs from the counted one; 0: none.</summary>
    public double NominalParameters { get; init; }

    /// <summary>The tokens it was trained on by its paper; 0: not stated.</summary>
    public double NominalTokens { get; init; }

    long QueryWidth => (long)Heads * HeadWidth;

    long KeyWidth => (long)KeyHeads * HeadWidth;

    /// <summary>Weights of a block that take part in matrix products: queries, keys, values, output, feed-forward.</summary>
    public long BlockMatrices => Width * (2 * QueryWidth + 2 * KeyWidth) + (IsGated ? 3L : 2L) * Width * Hidden;

    /// <summary>All weights.</summary>
    public long Parameters
    {
        get
        {
            long norm = HasBiases ? 2L * Width : Width;
            long biases = HasBiases ? QueryWidth + 2 * KeyWidth + Width + Hidden + Width : 0;
            long block = BlockMatrices + 2 * norm + biases + (HasQkNorm ? 2L * HeadWidth : 0);
            return Layers * block + norm + (IsTied ? 1L : 2L) * VocabularySize * Width + (HasLearnedPositions ? (long)ContextLength * Width : 0);
        }
    }

    /// <summary>Weights that take part in matrix products: the blocks' and the head's. Looking a row up takes none.</summary>
    public long MatrixParameters => Layers * BlockMatrices + (long)VocabularySize * Width;

    /// <summary>Named models, as their papers or configurations have them.</summary>
    public static IReadOnlyDictionary<string, ModelShape> Known { get; } = new Dictionary<string, ModelShape>
    {
        // Radford et al. 2019; the small one's 124M.
        ["gpt-2"] = new(12, 768, 12, 12, 64, 3072, 50257, 1024) { IsGated = false, IsTied = true, HasLearnedPositions = true, HasBiases = true },
        // Brown et al. 2020, table 2.1: 175 B parameters, 300 B tokens.
        ["gpt-3"] = new(96, 12288, 96, 96, 128, 49152, 50257, 2048) { IsGated = false, IsTied = true, HasLearnedPositions = true, HasBiases = true, NominalParameters = 175e9, NominalTokens = 300e9 },
        // Touvron et al. 2023: 2 T tokens.
        ["llama-2-7b"] = new(32, 4096, 32, 32, 128, 11008, 32000, 4096) { NominalTokens = 2e12 },
        ["llama-2-70b"] = new(80, 8192, 64, 8, 128, 28672, 32000, 4096) { NominalTokens = 2e12 },
        // Qwen team 2025.
        ["qwen3-0.6b"] = new(28, 1024, 16, 8, 128, 3072, 151936, 40960) { IsTied = true, HasQkNorm = true },
    };

    /// <exception cref="IngotException">There is no model of this name.</exception>
    public static ModelShape Named(string name) =>
        Known.TryGetValue(name.ToLowerInvariant(), out var shape) ? shape : throw new IngotException($"there is no model shape '{name}'; the known ones are {string.Join(", ", Known.Keys)}, or give --layers, --width and so on");

    /// <summary>
    /// The one dial of Ingot's own models, shaped as Qwen3: from the depth follow all other sizes. Width 32 a layer up to 8 layers and rising to 64 a layer at 16; about 32 wide heads, from a width of 256 about 64 wide, half as
    /// many key heads; a feed-forward layer of three widths; the head tied.
    /// </summary>
    /// <remarks>Small models are narrow for their depth: to follow a name through a text takes layers, not width, and one of two layers cannot do it in two hops.</remarks>
    /// <param name="depth">Layers.</param>
    /// <param name="vocabularySize">V; if not given, 4,096 up to 8 layers (2,048 for one), rising to 32,768 above 16: names of few tokens are facts that are learned.</param>
    /// <param name="contextLength">T; if not given, 256 up to 8 layers, rising to 2,048 above 16.</param>
    public static ModelShape OfDepth(int depth, int? vocabularySize = null, int? contextLength = null)
    {
        if (depth < 1) throw new IngotException($"the depth must be at least 1, not {depth}");
        int width = 32 * (int)Math.Round(depth * Math.Clamp(depth / 8.0, 1, 2)), wantedHeadWidth = width < 256 ? 32 : 64;
        // An even number of heads, so that two share their keys; their width is what is left, in whole vectors.
        int heads = Math.Max(2, 2 * (int)Math.Round(width / (2.0 * wantedHeadWidth))), headWidth = (width / heads + 7) / 8 * 8, keyHeads = heads / 2;
        int vocabulary = vocabularySize ?? depth switch { <= 1 => 2048, <= 8 => 4096, <= 12 => 8192, <= 16 => 16384, _ => 32768 };
        int context = contextLength ?? depth switch { <= 8 => 256, <= 12 => 512, <= 16 => 1024, _ => 2048 };
        return new ModelShape(depth, width, heads, keyHeads, headWidth, 3 * width, vocabulary, context) { IsTied = true, HasQkNorm = true }.Checked();
    }

    /// <exception cref="IngotException">A number is out of range, or the heads cannot share the key heads.</exception>
    public ModelShape Checked()
    {
        foreach (var (name, value) in new[] { ("layers", Layers), ("width", Width), ("heads", Heads), ("key heads", KeyHeads), ("head width", HeadWidth), ("hidden width", Hidden), ("vocabulary", VocabularySize), ("context length", ContextLength) })
            if (value < 1) throw new IngotException($"the {name} must be at least 1, not {value}");
        if (Heads % KeyHeads != 0) throw new IngotException($"{Heads} heads cannot share {KeyHeads} key heads; give a divisor of the heads");
        return this;
    }
}
