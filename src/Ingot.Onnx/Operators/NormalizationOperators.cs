namespace Ingot.Onnx.Operators;

/// <summary>Normalizations. Half precisions compute in float32 and round once.</summary>
static class NormalizationOperators
{
    /// <summary>
    /// One scale and shift for each channel. In training mode (since opset 14 by training_mode, before 7 by is_test = 0) the statistics are the batch's, and running ones come out.
    /// </summary>
    [OnnxOperator("BatchNormalization")]
    static Tensor[] BatchNormalization(OperatorCall c)
    {
        var input = c.Tensor(0);
        var compute = input.DType == DType.F64 ? DType.F64 : DType.F32;
        var x = input.To(compute);
        double epsilon = c.Float("epsilon", 1e-5f), momentum = c.Float("momentum", 0.9f);
        bool isSpatial = c.Opset >= 9 || c.Flag("spatial", true);
        var (scale, shift, mean, variance) = (Parameter(1), Parameter(2), Parameter(3), Parameter(4));
        bool isTraining = c.Opset >= 14 ? c.Flag("training_mode") : c.Opset < 7 ? !c.Flag("is_test") && c.OutputCount > 1 : c.OutputCount > 1;
        if (!isTraining)
        {
            // As one multiplication and addition, of constants in a model that is only run.
            var factor = scale * (variance + epsilon).Rsqrt();
            return [(x * factor + (shift - mean * factor)).To(input.DType)];
        }
        int[] axes = isSpatial ? [.. Enumerable.Range(0, x.Rank).Where(d => d != 1)] : [0];
        var (batchMean, batchVariance) = (x.Mean(axes, true), x.Var(axes, 0, true));
        var y = (x - batchMean) * (batchVariance + epsilon).Rsqrt() * scale + shift;
        var running = (Blend(mean, batchMean, 3), Blend(variance, batchVariance, 4));
        return c.OutputCount > 3
            ? [y.To(input.DType), running.Item1, running.Item2, Flat(batchMean, 3), Flat(batchVariance, 4)]
            : [y.To(input.DType), running.Item1, running.Item2];

        Tensor Parameter(int i)
        {
            var p = c.Tensor(i).To(compute);
            return isSpatial ? Operands.OfChannels(p, x.Rank) : p.Reshape([1, .. x.Shape.Span[1..]]);
        }

        Tensor Blend(Tensor old, Tensor now, int like) => Flat(old * momentum + now * (1 - momentum), like);
        Tensor Flat(Tensor t, int like) => t.Reshape(c.Shape(like)).To(c.Tensor(like).DType);
    }

    [OnnxOperator("InstanceNormalization")]
    static Tensor InstanceNormalization(OperatorCall c)
    {
        var (scale, shift) = (c.Tensor(1), c.Tensor(2));
        return c.Tensor(0).Widely(x =>
        {
            int[] axes = [.. Enumerable.Range(2, x.Rank - 2)];
            return Standardized(x, axes, c.Float("epsilon", 1e-5f)).Normal * Operands.OfChannels(scale.To(x.DType), x.Rank) + Operands.OfChannels(shift.To(x.DType), x.Rank);
        });
    }

    /// <summary>(x - mean) / sqrt(variance + epsilon) over axes, with the mean and the reciprocal of that root.</summary>
    static (Tensor Normal, Tensor Mean, Tensor InverseDeviation) Standardized(Tensor x, int[] axes, double epsilon)
    {
        if (axes.Length == 0) return (Tensor.ZerosLike(x), x, Tensor.FullLike(x, 1 / Math.Sqrt(epsilon)));
        var mean = x.Mean(axes, true);
        var centred = x - mean;
        var inverse = (centred.Square().Mean(axes, true) + epsilon).Rsqrt();
        return (centred * inverse, mean, inverse);
    }

    /// <summary>Over all dimensions from the axis on; stash_type is the precision of the statistics, which may be outputs.</summary>
    [OnnxOperator("LayerNormalization", Since = 17)]
    static Tensor[] LayerNormalization(OperatorCall c)
    {
        var input = c.Tensor(0);
        int[] axes = [.. Enumerable.Range(0, input.Rank).Skip(c.Axis("axis", -1, input.Rank))];
        var stash = StashType(c, input.DType);
        var (normal, mean, inverse) = Standardized(input.To(stash), axes, c.Float("epsilon", 1e-5f));
        var y = normal * c.Tensor(1).To(stash);
        if (c.Has(2)) y += c.Tensor(2).To(stash);
        var kept = c.DType("stash_type", OnnxDType.Float).Storage;
        return [y.To(input.DType), mean.To(kept), inverse.To(kept)];
    }

    [OnnxOperator("RMSNormalization", Since = 23)]
    static Tensor RmsNormalization(OperatorCall c)
    {
        var (input, scale) = (c.Tensor(0), c.Tensor(1));
        int[] axes = [.. Enumerable.Range(0, input.Rank).Skip(c.Axis("axis", -1, input.Rank))];
        var stash = StashType(c, input.DType);
        var x = input.To(stash);
        var normal = x * (x.Square().Mean(axes, true) + c.Float("epsilon", 1e-5f)).Rsqrt();
        return (normal * scale.To(stash)).To(scale.DType);
    }

    /// <summary>What is computed in: float32 for half precisions whatever stash_type says, float64 where input or stash_type is.</summary>
    static DType StashType(OperatorCall c, DType input) => input == DType.F64 || c.DType("stash_type", OnnxDType.Float) == OnnxDType.Double ? DType.F64 : DType.F32;

    /// <summary>Scale and shift are given for each group in opset 18 and for each channel since 21.</summary>
    [OnnxOperator("GroupNormalization", Since = 18)]
    static Tensor GroupNormalization(OperatorCall c)
    {
        var input = c.Tensor(0);
        int groups = (int)(c.OptionalInt("num_groups") ?? throw c.Bad("needs num_groups"));
        if (input.Rank < 2 || groups < 1 || input.Shape[1] % groups != 0) throw c.Bad($"{input.Shape} does not divide into {groups} groups of channels");
        return input.Widely(x =>
        {
            int perGroup = x.Shape[1] / groups;
            var grouped = x.Reshape([x.Shape[0], groups, checked((int)(x.Count / Math.Max(1, x.Shape[0] * groups)))]);
            var normal = Standardized(grouped, [2], c.Float("epsilon", 1e-5f)).Normal.Reshape(x.Shape);
            return normal * Parameter(1) + Parameter(2);

            Tensor Parameter(int i)
            {
                var p = c.Tensor(i).To(x.DType);
                return Operands.OfChannels(c.Opset < 21 ? p.RepeatInterleave(perGroup, 0) : p, x.Rank);
            }
        });
    }

    /// <summary>Each element by a power of the squares around it in the channels.</summary>
    [OnnxOperator("LRN")]
    static Tensor Lrn(OperatorCall c)
    {
        int size = (int)(c.OptionalInt("size") ?? throw c.Bad("needs size"));
        double alpha = c.Float("alpha", 1e-4f), beta = c.Float("beta", 0.75f), bias = c.Float("bias", 1);
        return c.Tensor(0).Widely(x =>
        {
            int before = (size - 1) / 2;
            int[] pads = new int[2 * (x.Rank - 1)];
            (pads[^2], pads[^1]) = (before, size - 1 - before);
            var around = x.Square().Pad(pads).Unfold(1, size, 1).Sum(-1);
            return x / (around * (alpha / size) + bias).Pow(beta);
        });
    }

    /// <summary>By the sum of magnitudes (p = 1) or the root of that of squares; zeros where all is zero.</summary>
    [OnnxOperator("LpNormalization")]
    static Tensor LpNormalization(OperatorCall c)
    {
        var input = c.Tensor(0);
        int axis = c.Axis("axis", -1, input.Rank);
        long p = c.Int("p", 2);
        if (p is not (1 or 2)) throw c.Bad($"p must be 1 or 2, not {p}");
        return input.Widely(x =>
        {
            var norm = p == 1 ? x.Abs().Sum(axis, true) : x.Square().Sum(axis, true).Sqrt();
            return norm.Eq(0).Where(Tensor.ZerosLike(x), x / norm);
        });
    }

    /// <summary>Mean 0 and variance 1 over axes (all but the channels unless named); a deviation of 0 gives 0.</summary>
    [OnnxOperator("MeanVarianceNormalization")]
    static Tensor MeanVarianceNormalization(OperatorCall c) => c.Tensor(0).Widely(x =>
    {
        int[] axes = c.Opset >= 9 ? c.Axes(c.Ints("axes") ?? [0, 2, 3], x.Rank)
            : [.. Enumerable.Range(0, x.Rank).Where(d => d != 1 || c.Flag("across_channels"))];
        var centred = x - x.Mean(axes, true);
        if (c.Opset < 9 && !c.Flag("normalize_variance", true)) return centred;
        return centred / (centred.Square().Mean(axes, true).Sqrt() + 1e-9);
    });
}
