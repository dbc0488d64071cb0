namespace Ingot.Llm.Models;

/// <summary>
/// What a decoder is told of the positions of its rows: two tables of the same width, in which the rows of all kinds of layers stand side by side. Cosines and
/// sines where positions turn heads; where they have embeddings, their numbers.
/// </summary>
sealed class Positions
{
    readonly DecoderConfig config;
    readonly Rope[] kinds, longKinds; // all layers' or first the full ones', then those' with a window

    public Positions(DecoderConfig config)
    {
        this.config = config;
        int width = config.RotaryWidth ?? config.HeadWidth;
        Rope[] Kinds(bool isLong)
        {
            var all = new Rope(width, config.RopeTheta, config.Scaling, isLong);
            return config.WindowRopeTheta is { } theta ? [all, new(width, theta, null, isLong)] : [all];
        }
        kinds = Kinds(isLong: false);
        longKinds = config.Scaling is RopeScaling.LongRope ? Kinds(isLong: true) : kinds;
    }

    /// <summary>Columns of each table.</summary>
    public int Width => config.LearnedPositions ? 1 : kinds.Sum(k => k.Pairs);

    /// <summary>True if texts of this length have other rotations than short ones (LongRoPE).</summary>
    public bool IsLong(int length) => config.Scaling is RopeScaling.LongRope s && length > s.OriginalContext;

    /// <summary>The tables' rows, (positions, Width) each.</summary>
    /// <param name="positions">From 0.</param>
    /// <param name="isLong">For a text longer than the original context.</param>
    public (Tensor Cos, Tensor Sin) Rows(ReadOnlySpan<int> positions, bool isLong)
    {
        int n = positions.Length, width = Width;
        var (cos, sin) = (new float[n * width], new float[n * width]);
        for (int row = 0; row < n; row++)
        {
            int at = row * width;
            if (config.LearnedPositions)
            {
                cos[at] = positions[row];
                continue;
            }
            foreach (var rope in isLong ? longKinds : kinds)
            {
                rope.Write(positions[row], cos.AsSpan(at), sin.AsSpan(at));
                at += rope.Pairs;
            }
        }
        return (Tensor.From(cos, n, width), Tensor.From(sin, n, width));
    }

    /// <summary>How a layer turns its heads; null if it does not.</summary>
    /// <param name="layer">Of the decoder.</param>
    /// <param name="cos">The table of cosines.</param>
    /// <param name="sin">The table of sines.</param>
    public Rotation? OfLayer(int layer, Tensor cos, Tensor sin)
    {
        if (config.LearnedPositions || config.UnrotatedLayers.Contains(layer)) return null;
        if (kinds.Length == 1) return new(cos, sin);
        int pairs = kinds[0].Pairs, at = config.WindowOf(layer) is null ? 0 : pairs;
        return new(cos.Narrow(1, at, pairs), sin.Narrow(1, at, pairs));
    }
}
