namespace Ingot.Onnx.Operators;

/// <summary>Tensors made from shapes and numbers.</summary>
static class CreationOperators
{
    /// <summary>One value everywhere; 0 of float32 unless one is given.</summary>
    [OnnxOperator("ConstantOfShape", Since = 9)]
    static OnnxValue ConstantOfShape(OperatorCall c)
    {
        int[] shape = c.ConstantInts(0);
        if (Array.Exists(shape, d => d < 0)) throw c.Bad($"a shape of ({string.Join(", ", shape)})");
        var value = c.TensorAttribute("value");
        return value is null ? Tensor.Zeros(shape) : OnnxValue.Move([value], t => t[0].Reshape().Expand(shape));
    }

    /// <summary>start, start + delta, ... up to the limit, which is left out.</summary>
    [OnnxOperator("Range", Since = 11)]
    static Tensor Range(OperatorCall c)
    {
        var dtype = c.Numbers(0).Tensor.DType;
        if (dtype.IsFloat)
        {
            double start = c.ScalarOf<double>(0), limit = c.ScalarOf<double>(1), delta = c.ScalarOf<double>(2);
            if (delta == 0) throw c.Bad("the step is 0");
            int count = checked((int)Math.Max(0, Math.Ceiling((limit - start) / delta)));
            return (Tensor.Arange(count, DType.F64) * Tensor.Full([], delta, DType.F64) + Tensor.Full([], start, DType.F64)).To(dtype);
        }
        long first = c.ScalarOf<long>(0), end = c.ScalarOf<long>(1), step = c.ScalarOf<long>(2);
        if (step == 0) throw c.Bad("the step is 0");
        var span = (Int128)end - first;
        var whole = (span + step - Int128.Sign(step)) / step; // rounded up, as towards 0 is down
        return (Tensor.Arange(checked((int)Int128.Max(0, whole)), DType.I64) * step + first).To(dtype);
    }

    /// <summary>Ones on a diagonal of a matrix of another tensor's shape.</summary>
    [OnnxOperator("EyeLike", Since = 9)]
    static Tensor EyeLike(OperatorCall c)
    {
        var shape = c.Shape(0);
        if (shape.Rank != 2) throw c.Bad($"needs a matrix, not {shape}");
        var dtype = c.DType("dtype", c.TypeOf(0));
        return (Operands.Positions(2, 0, shape[0]) + c.Int("k", 0)).Eq(Operands.Positions(2, 1, shape[1])).To(dtype.Storage);
    }

    /// <summary>The upper or lower triangle of the last two dimensions from a diagonal on, zeros in the other.</summary>
    [OnnxOperator("Trilu", Since = 14)]
    static Tensor Trilu(OperatorCall c)
    {
        var x = c.Tensor(0);
        if (x.Rank < 2) throw c.Bad($"needs a matrix or a batch of them, not {x.Shape}");
        int k = c.Has(1) ? OperatorCall.Clamped(c.ScalarOf<long>(1)) : 0;
        return c.Flag("upper", true) ? x.Triu(k) : x.Tril(k);
    }

    /// <summary>Columns of an image added up where their blocks lie: the transpose of cutting an image into blocks, in any number of dimensions.</summary>
    [OnnxOperator("Col2Im", Since = 18)]
    static Tensor Col2Im(OperatorCall c)
    {
        var x = c.Tensor(0);
        int[] image = c.ConstantInts(1), block = c.ConstantInts(2);
        int n = image.Length;
        int[] strides = c.Ints("strides") ?? Ones(n), dilations = c.Ints("dilations") ?? Ones(n), pads = c.Ints("pads") ?? new int[2 * n];
        if (block.Length != n || strides.Length != n || dilations.Length != n || pads.Length != 2 * n) throw c.Bad($"an image of {n} dimensions needs as many of block, strides and dilations, and twice as many pads");
        int blockSize = Operands.Product(block), imageSize = Operands.Product(image);
        int[] steps = [.. Enumerable.Range(0, n).Select(d => (image[d] + pads[d] + pads[d + n] - dilations[d] * (block[d] - 1) - 1) / strides[d] + 1)];
        int columns = Operands.Product(steps);
        if (x.Rank != 3 || x.Shape[1] % blockSize != 0 || x.Shape[2] != columns) throw c.Bad($"{x.Shape} is not (N, C * {blockSize}, {columns})");
        int channels = x.Shape[1] / blockSize, pixels = x.Shape[0] * channels;

        // What falls into the padding goes to one place more, which is cut off.
        c.Afford((Int128)blockSize * columns, sizeof(int));
        var target = new int[checked(blockSize * columns)];
        var (inBlock, inImage) = (new int[n], new int[n]);
        for (int b = 0, i = 0; b < blockSize; b++)
        {
            Unravel(b, block, inBlock);
            for (int s = 0; s < columns; s++, i++)
            {
                Unravel(s, steps, inImage);
                for (int d = 0; d < n && target[i] >= 0; d++)
                {
                    int at = inImage[d] * strides[d] + inBlock[d] * dilations[d] - pads[d];
                    target[i] = at < 0 || at >= image[d] ? -1 : target[i] * image[d] + at;
                }
                if (target[i] < 0) target[i] = imageSize;
            }
        }
        var index = Tensor.From(target, [target.Length]).Reshape(1, target.Length).Expand(pixels, target.Length);
        var wide = x.DType is DType.F16 or DType.BF16 ? DType.F32 : x.DType;
        return Tensor.Zeros([pixels, imageSize + 1], wide).ScatterAdd(1, index, x.To(wide).Reshape(pixels, target.Length))
            .Narrow(1, 0, imageSize).Reshape([x.Shape[0], channels, .. image]).To(x.DType);
    }

    static int[] Ones(int n) => [.. Enumerable.Repeat(1, n)];

    /// <summary>A row-major position as an index for each dimension.</summary>
    static void Unravel(int position, int[] extents, int[] index)
    {
        for (int d = extents.Length - 1; d >= 0; d--) (position, index[d]) = Math.DivRem(position, extents[d]);
    }
}
