using Ingot.Runtime;

namespace Ingot.Llm.Models;

/// <summary>How the frequencies of rotary positions are changed for contexts longer than the first training's.</summary>
public abstract record RopeScaling
{
    /// <summary>Every position is divided by a factor.</summary>
    public sealed record Linear(double Factor) : RopeScaling;

    /// <summary>Llama 3.1's: long wavelengths are divided, short ones stay, and those between are blended.</summary>
    /// <param name="Factor">What long wavelengths are divided by.</param>
    /// <param name="LowFrequencyFactor">Wavelengths above OriginalContext / this are long.</param>
    /// <param name="HighFrequencyFactor">Wavelengths below OriginalContext / this are short.</param>
    /// <param name="OriginalContext">The context of the first training.</param>
    public sealed record Llama3(double Factor, double LowFrequencyFactor, double HighFrequencyFactor, int OriginalContext) : RopeScaling;
}

/// <summary>What a block does between attention and the next block.</summary>
public enum FeedForwardKind
{
    /// <summary>down(silu(gate x) * up x).</summary>
    SwiGlu,
    /// <summary>down(relu(up x)^2); So et al. 2021, "Primer".</summary>
    Relu2,
    /// <summary>down(gelu(up x)).</summary>
    Gelu,
}

/// <summary>The shape of a <see cref="Decoder"/>. What is not given is as in Ingot's own models, which are shaped as Qwen3.</summary>
public sealed record DecoderConfig
{
    /// <summary>The family's model_type: "llama", "mistral", "qwen2", "qwen3".</summary>
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

    /// <summary>The token a text begins with; null: none is known.</summary>
    public int? BeginToken { get; init; }

    /// <summary>Tokens that end a text or a turn.</summary>
    public IReadOnlyList<int> EndTokens { get; init; } = [];

    /// <summary>Number of trained values; a double, since sizes from a file may pass 2^63.</summary>
    public double ParameterCount => (double)VocabularySize * Width * (TiedHead ? 1 : 2) + Width + (double)Layers * BlockParameterCount;

    double BlockParameterCount
    {
        get
        {
            double queries = (double)Heads * HeadWidth, keys = (double)KeyHeads * HeadWidth;
            return Width * (2 * queries + 2 * keys + (FeedForward == FeedForwardKind.SwiGlu ? 3.0 : 2.0) * Hidden + 2) + (QkNorm ? 2 * HeadWidth : 0)
                + (QkvBiases ? queries + 2 * keys : 0) + (OutputBias ? Width : 0) + (MlpBiases ? (FeedForward == FeedForwardKind.SwiGlu ? 2.0 : 1.0) * Hidden + Width : 0);
        }
    }

    /// <summary>Bytes of float32 that the key-value cache takes for a token.</summary>
    public long CacheBytesPerToken => 2L * Layers * KeyHeads * HeadWidth * sizeof(float);

    /// <exception cref="IngotException">The numbers make no model.</exception>
    /// <exception cref="InsufficientMemoryException">Its weights do not fit into the memory that Ingot may take.</exception>
    public DecoderConfig Checked()
    {
        if (this is not { Width: > 0, Hidden: > 0, Layers: > 0, Heads: > 0, KeyHeads: > 0, HeadWidth: > 0, VocabularySize: > 0, ContextLength: > 0 })
            throw new IngotException($"every size of a decoder must be at least 1: width {Width}, hidden {Hidden}, layers {Layers}, heads {Heads}, key heads {KeyHeads}, head width {HeadWidth}, vocabulary {VocabularySize}, context {ContextLength}");
        if (Heads % KeyHeads != 0) throw new IngotException($"{Heads} query heads cannot share {KeyHeads} key heads evenly");
        if (HeadWidth % 2 != 0) throw new IngotException($"rotary positions turn pairs: the head width {HeadWidth} must be even");
        if (!(RopeTheta > 0) || !double.IsFinite(RopeTheta) || !(NormEpsilon >= 0)) throw new IngotException($"the rotary base {RopeTheta} must be positive, the norm's epsilon {NormEpsilon} not negative");
        if (Window is < 1) throw new IngotException($"a window of {Window} positions sees nothing");
        if (sizeof(float) * ParameterCount > MemoryPool.Limit)
            throw new InsufficientMemoryException($"a model of {ParameterCount:N0} parameters takes {sizeof(float) * ParameterCount / (1 << 20):N0} MB, the limit is {MemoryPool.Limit >> 20:N0} MB; raise INGOT_MEMORY if the machine has more");
        return this;
    }
}
