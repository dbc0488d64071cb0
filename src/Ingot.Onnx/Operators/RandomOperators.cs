namespace Ingot.Onnx.Operators;

/// <summary>
/// Random numbers. With a seed they are the same at every call of the node; without, the next of Ingot's stream (<see cref="Tensor.ManualSeed"/>).
/// They are not those of other runtimes, which ONNX leaves open.
/// </summary>
static class RandomOperators
{
    [OnnxOperator("RandomUniform", IsRandom = true)]
    static Tensor RandomUniform(OperatorCall c) => Uniform(c, Shape(c), DType(c, null), c.Float("low", 0), c.Float("high", 1));

    [OnnxOperator("RandomUniformLike", IsRandom = true)]
    static Tensor RandomUniformLike(OperatorCall c) => Uniform(c, c.Shape(0), DType(c, c.TypeOf(0)), c.Float("low", 0), c.Float("high", 1));

    [OnnxOperator("RandomNormal", IsRandom = true)]
    static Tensor RandomNormal(OperatorCall c) => Normal(c, Shape(c), DType(c, null));

    [OnnxOperator("RandomNormalLike", IsRandom = true)]
    static Tensor RandomNormalLike(OperatorCall c) => Normal(c, c.Shape(0), DType(c, c.TypeOf(0)));

    static Shape Shape(OperatorCall c) => new(c.Ints("shape") ?? throw c.Bad("needs the attribute shape"));

    static DType DType(OperatorCall c, OnnxDType? like) => c.DType("dtype", like is { IsNative: true } and not OnnxDType.String ? like.Value : OnnxDType.Float).Storage;

    static Tensor Uniform(OperatorCall c, Shape shape, DType dtype, double low, double high) => (Draws(c, shape, Seed(c)) * (high - low) + low).To(dtype);

    static Tensor Normal(OperatorCall c, Shape shape, DType dtype)
    {
        Tensor standard;
        if (Seed(c) is null) standard = Tensor.Randn(shape.Span);
        else
        {
            // Box and Muller 1958: two uniform numbers make a normal one.
            var pairs = Draws(c, new([2, .. shape]), Seed(c));
            standard = ((1 - pairs.Select(0, 0)).Log() * -2).Sqrt() * (pairs.Select(0, 1) * (2 * Math.PI)).Cos();
        }
        return (standard * c.Float("scale", 1) + c.Float("mean", 0)).To(dtype);
    }

    /// <summary>The seed as its float's bits; Dropout's alone is an integer.</summary>
    static long? Seed(OperatorCall c) => c.OptionalFloat("seed") is { } seed ? BitConverter.SingleToInt32Bits(seed) : null;

    /// <summary>Uniform numbers from 0 up to but not 1, float32.</summary>
    static Tensor Draws(OperatorCall c, Shape shape, long? seed)
    {
        if (seed is not { } number) return Tensor.Rand(shape.Span);
        c.Afford(shape.Count, sizeof(float));
        var random = new Random(number.GetHashCode());
        var values = new float[checked((int)shape.Count)];
        for (int i = 0; i < values.Length; i++) values[i] = random.NextSingle();
        return Tensor.From(values, [values.Length]).Reshape(shape);
    }

    /// <summary>1 with the probability that the input holds.</summary>
    [OnnxOperator("Bernoulli", Since = 15, IsRandom = true)]
    static Tensor Bernoulli(OperatorCall c)
    {
        var p = c.Tensor(0);
        return (Draws(c, p.Shape, Seed(c)) < p.To(Ingot.DType.F32)).To(DType(c, c.TypeOf(0)));
    }

    /// <summary>Classes drawn by unnormalized log-probabilities (batch, classes): (batch, sample_size). The greatest of scores with Gumbel noise is such a draw.</summary>
    [OnnxOperator("Multinomial", Since = 7, IsRandom = true)]
    static Tensor Multinomial(OperatorCall c)
    {
        var scores = c.Tensor(0).To(Ingot.DType.F32);
        if (scores.Rank != 2) throw c.Bad($"needs (batch, classes), not {scores.Shape}");
        int samples = (int)c.Int("sample_size", 1);
        var noise = Draws(c, new(scores.Shape[0], samples, scores.Shape[1]), Seed(c)).Clamp(1e-30, 1 - 1e-7);
        return (scores.Unsqueeze(1) - (-noise.Log()).Log()).ArgMax(-1).To(c.DType("dtype", OnnxDType.Int32).Storage);
    }

    /// <summary>
    /// Elements set to 0 with a probability, the others made greater by as much; in training only, which an input says since opset 12, and is_test = 0 before 7.
    /// The mask is the second output.
    /// </summary>
    [OnnxOperator("Dropout", IsRandom = true)]
    static OnnxValue[] Dropout(OperatorCall c)
    {
        var x = c.Tensor(0);
        double ratio = c.Opset >= 12 ? c.Has(1) ? c.ScalarOf<double>(1) : 0.5 : c.Float("ratio", 0.5f);
        bool isTraining = c.Opset >= 12 ? c.Has(2) && c.ScalarOf<bool>(2) : c.Opset < 7 && !c.Flag("is_test");
        var maskType = c.Opset >= 10 ? Ingot.DType.Bool : x.DType;
        if (!isTraining || ratio == 0) return [x, Tensor.Ones(x.Shape, maskType)];
        var keep = Draws(c, x.Shape, c.Opset >= 12 ? c.OptionalInt("seed") : null) >= ratio;
        return [keep.Where(x * (1 / (1 - ratio)), Tensor.ZerosLike(x)).To(x.DType), keep.To(maskType)];
    }
}
