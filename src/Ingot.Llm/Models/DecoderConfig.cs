using Ingot.Runtime;

namespace Ingot.Llm.Models;

/// <summary>What a block does between attention and the next block.</summary>
public enum FeedForwardKind
{
    /// <summary>down(silu(gate x) * up x).</summary>
    SwiGlu,
    /// <summary>down(relu(up x)^2); So et al. 2021, "Primer".</summary>
    Relu2,
    /// <summary>down(gelu(up x)).</summary>
    Gelu,
    /// <summary>down(gelu(up x)) with GELU by its tanh approximation.</summary>
    GeluTanh,
    /// <summary>down(gelu(gate x) * up x) with GELU by its tanh approximation; Shazeer 2020, "GLU variants improve transformer".</summary>
    GeGlu,
}

/// <summary>The shape of a <see cref="Decoder"/>. What is not given is as in Ingot's own models, which are shaped as Qwen3.</summary>
public sealed record DecoderConfig
{
    /// <summary>The family's model_type: "llama", "mistral", "smollm3", "qwen2", "qwen3", "gemma3_text", "phi3", "gpt2", "ingot".</summary>
    public string Family { get; init; } = "qwen3";

    /// <summary>C: the residual stream.</summary>
    public required int Width { get; init; }

    /// <summary>The feed-forward layer's inner width.</summary>
    public required int Hidden { get; init; }

    /// <summary>Blocks.</summary>
    public required int Layers { get; init; }

    /// <summary>H: query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>G: key and value heads, each shared by H / G query heads.</summary>
    public required int KeyHeads { get; init; }

    /// <summary>D: the width of a head; H D need not be C.</summary>
    public required int HeadWidth { get; init; }

    /// <summary>V.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>The most positions.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Base of the rotary frequencies.</summary>
    public double RopeTheta { get; init; } = 10000;

    /// <summary>Null: none.</summary>
    public RopeScaling? Scaling { get; init; }

    /// <summary>Base of the rotary frequencies in layers with a window, which are not scaled; null: all layers are alike.</summary>
    public double? WindowRopeTheta { get; init; }

    /// <summary>How many of a head's first dimensions are turned by positions; null: all.</summary>
    public int? RotaryWidth { get; init; }

    /// <summary>The pairs that are turned are (2i, 2i + 1), as in Meta's, llama2.c's and llama.cpp's Llama files, and not (i, i + D/2).</summary>
    public bool AdjacentRotation { get; init; }

    /// <summary>Layers without rotary positions.</summary>
    public IReadOnlyList<int> UnrotatedLayers { get; init; } = [];

    /// <summary>Each position has an embedding of its own, and nothing is turned.</summary>
    public bool LearnedPositions { get; init; }

    /// <summary>What embeddings of tokens are multiplied by; null: nothing.</summary>
    public double? EmbeddingScale { get; init; }

    /// <summary>What products of queries and keys are multiplied by; null: 1 / sqrt(D).</summary>
    public double? AttentionScale { get; init; }

    /// <summary>What attention and the feed-forward layer give passes a norm before it is added to the residual stream.</summary>
    public bool PostNorms { get; init; }

    /// <summary>The norms' weights are kept as their distance from 1.</summary>
    public bool NormsFromOne { get; init; }

    /// <summary>The norms have biases; only layer norms do.</summary>
    public bool NormBiases { get; init; }

    /// <summary>Added to the mean square in RMS norm.</summary>
    public double NormEpsilon { get; init; } = 1e-6;

    /// <summary>Queries and keys of each head pass an RMS norm.</summary>
    public bool QkNorm { get; init; } = true;

    /// <summary>Queries, keys and values have biases.</summary>
    public bool QkvBiases { get; init; }

    /// <summary>The attention's output has a bias.</summary>
    public bool OutputBias { get; init; }

    /// <summary>The feed-forward layer's three products have biases.</summary>
    public bool MlpBiases { get; init; }

    /// <summary>The output weights are the token embedding's.</summary>
    public bool TiedHead { get; init; } = true;

    /// <summary>Layer norms, with a scale and no bias, in the place of RMS norms (but not of queries' and keys').</summary>
    public bool LayerNorm { get; init; }

    public FeedForwardKind FeedForward { get; init; }

    /// <summary>Logits become cap tanh(logits / cap); null: they stay.</summary>
    public double? LogitCap { get; init; }

    /// <summary>A position sees this many positions, itself among them; null: all before it.</summary>
    public int? Window { get; init; }

    /// <summary>Layers that see all positions although there is a window.</summary>
    public IReadOnlyList<int> FullLayers { get; init; } = [];

    /// <summary>How many positions a position of a layer sees, itself among them; null: all before it.</summary>
    public int? WindowOf(int layer) => Window is null || FullLayers.Contains(layer) ? null : Window;

    /// <summary>The token a text begins with; null: none is known.</summary>
    public int? BeginToken { get; init; }

    /// <summary>Tokens that end a text or a turn.</summary>
    public IReadOnlyList<int> EndTokens { get; init; } = [];

    /// <summary>The feed-forward layer has a gate.</summary>
    internal bool IsGated => FeedForward is FeedForwardKind.SwiGlu or FeedForwardKind.GeGlu;

    /// <summary>Number of trained values; a double, since sizes from a file may pass 2^63.</summary>
    public double ParameterCount => (double)VocabularySize * Width * (TiedHead ? 1 : 2) + (LearnedPositions ? (double)ContextLength * Width : 0) + NormParameterCount + Layers * BlockParameterCount;

    double NormParameterCount => NormBiases ? 2.0 * Width : Width;

    double BlockParameterCount
    {
        get
        {
            double queries = (double)Heads * HeadWidth, keys = (double)KeyHeads * HeadWidth, inner = IsGated ? 2.0 * Hidden : Hidden;
            return Width * (2 * queries + 2 * keys + inner + Hidden) + NormParameterCount * (PostNorms ? 4 : 2) + (QkNorm ? 2.0 * HeadWidth : 0)
                + (QkvBiases ? queries + 2 * keys : 0) + (OutputBias ? Width : 0) + (MlpBiases ? inner + Width : 0);
        }
    }

    /// <summary>Bytes of float32 that the key-value cache takes for a token.</summary>
    public long CacheBytesPerToken => 2L * Layers * KeyHeads * HeadWidth * sizeof(float);

    /// <exception cref="IngotException">The numbers make no model.</exception>
    public DecoderConfig Checked()
    {
        if (this is not { Width: > 0, Hidden: > 0, Layers: > 0, Heads: > 0, KeyHeads: > 0, HeadWidth: > 0, VocabularySize: > 0, ContextLength: > 0 })
            throw new IngotException($"every size of a decoder must be at least 1: width {Width}, hidden {Hidden}, layers {Layers}, heads {Heads}, key heads {KeyHeads}, head width {HeadWidth}, vocabulary {VocabularySize}, context {ContextLength}");
        if (Heads % KeyHeads != 0) throw new IngotException($"{Heads} query heads cannot share {KeyHeads} key heads evenly");
        if (HeadWidth % 2 != 0) throw new IngotException($"rotary positions turn pairs: the head width {HeadWidth} must be even");
        if (RotaryWidth is { } rotary && (rotary < 2 || rotary % 2 != 0 || rotary > HeadWidth)) throw new IngotException($"rotary positions turn pairs of a head's {HeadWidth} dimensions: the rotary width {rotary} must be even and from 2 to that");
        if (!(RopeTheta > 0) || !double.IsFinite(RopeTheta) || WindowRopeTheta is not null and not > 0 || !(NormEpsilon >= 0)) throw new IngotException($"the rotary base {RopeTheta} must be positive, the norm's epsilon {NormEpsilon} not negative");
        int pairs = (RotaryWidth ?? HeadWidth) / 2;
        foreach (var divisors in Scaling switch { RopeScaling.Divided s => [s.Divisors], RopeScaling.LongRope s => [s.Short, s.Long], _ => Array.Empty<IReadOnlyList<double>>() })
            if (divisors.Count != pairs || !divisors.All(d => d > 0 && double.IsFinite(d))) throw new IngotException($"rotary scaling gives {divisors.Count} factors for {pairs} frequencies; each needs one, and it must be positive");
        if (Scaling is RopeScaling.Linear { Factor: not > 0 } or RopeScaling.Llama3 { Factor: not > 0 } or RopeScaling.Yarn { Factor: not > 0 }) throw new IngotException($"the factor of rotary scaling must be positive: {Scaling}");
        if (NormBiases && !LayerNorm) throw new IngotException("only layer norms have biases");
        if (Window is < 1) throw new IngotException($"a window of {Window} positions sees nothing");
        return this;
    }

    /// <summary>As <see cref="Checked"/>, for a model that is to be held in float32.</summary>
    /// <exception cref="IngotException">The numbers make no model.</exception>
    /// <exception cref="InsufficientMemoryException">Its weights do not fit into the memory that Ingot may take.</exception>
    public DecoderConfig Fitting()
    {
        Checked();
        if (sizeof(float) * ParameterCount > MemoryPool.Limit)
            throw new InsufficientMemoryException($"a model of {ParameterCount:N0} parameters takes {sizeof(float) * ParameterCount / (1 << 20):N0} MB, the limit is {MemoryPool.Limit >> 20:N0} MB; raise INGOT_MEMORY if the machine has more");
        return this;
    }
}
