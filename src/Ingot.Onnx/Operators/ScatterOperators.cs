using System.Numerics;

namespace Ingot.Onnx.Operators;

/// <summary>Writing at computed positions. Negative indices count from the end.</summary>
static class ScatterOperators
{
    [OnnxOperator("Scatter", Since = 9)]
    [OnnxOperator("ScatterElements", Since = 11)]
    static OnnxValue ScatterElements(OperatorCall c)
    {
        var shape = c.Shape(0);
        int axis = c.Axis("axis", 0, shape.Rank);
        var index = Operands.Wrapped(c.Tensor(1), shape[axis]);
        string reduction = c.Text("reduction", "none");
        if (reduction == "none") return OnnxValue.Move([c.Input(0), c.Input(2)], t => t[0].Scatter(axis, index, t[1]));
        var (data, updates) = (c.Tensor(0), c.Tensor(2));
        if (reduction == "add") return Summed(data, x => x.ScatterAdd(axis, index, updates.To(x.DType)));
        // Each update's position in the flattened data: its own, but along the axis what the index says.
        Tensor? flat = null;
        for (int d = 0; d < shape.Rank; d++)
        {
            var at = d == axis ? index : Operands.Positions(shape.Rank, d, index.Shape[d]);
            flat = flat is null ? at : flat * shape[d] + at;
        }
        return Reduced(c, data, flat!.Expand(index.Shape), updates, reduction, rowLength: 1);
    }

    /// <summary>Whole slices at the positions that the index's last dimension holds.</summary>
    [OnnxOperator("ScatterND", Since = 11)]
    static OnnxValue ScatterND(OperatorCall c)
    {
        var shape = c.Shape(0);
        var index = c.Tensor(1);
        var (rows, count) = GatherOperators.RowsOf(c, shape, index, 0);
        int length = Operands.Product(shape.Span[index.Shape[^1]..]), n = checked((int)rows.Count);
        string reduction = c.Text("reduction", "none");
        if (reduction == "none")
            return OnnxValue.Move([c.Input(0), c.Input(2)], t =>
            {
                var table = t[0].Reshape(count, length);
                table[rows] = t[1].Reshape(n, length);
                return table.Reshape(shape);
            });
        var (data, updates) = (c.Tensor(0), c.Tensor(2));
        if (reduction == "add")
            return Summed(data, x => x.Reshape(count, length).ScatterAdd(0, rows.Reshape(n, 1).Expand(n, length), updates.To(x.DType).Reshape(n, length)).Reshape(shape));
        return Reduced(c, data, rows, updates, reduction, length);
    }

    /// <summary>Half precisions add up in float32.</summary>
    static Tensor Summed(Tensor data, Func<Tensor, Tensor> add) => data.DType is DType.F16 or DType.BF16 ? add(data.To(DType.F32)).To(data.DType) : add(data);

    /// <summary>A cache with new entries written from a position on, for each of a batch; "circular" goes on at the start.</summary>
    [OnnxOperator("TensorScatter", Since = 24)]
    static OnnxValue TensorScatter(OperatorCall c)
    {
        var (shape, update) = (c.Shape(0), c.Shape(1));
        int axis = c.Axis("axis", -2, shape.Rank);
        if (axis == 0) throw c.Bad("the axis cannot be that of the batch");
        bool isCircular = c.Text("mode", "linear") switch { "circular" => true, "linear" => false, var other => throw c.Bad($"mode '{other}' is not linear or circular") };
        var first = c.OptionalTensor(2)?.To(DType.I64) ?? Tensor.Zeros([shape[0]], DType.I64);
        int[] perBatch = [.. Enumerable.Repeat(1, shape.Rank)];
        perBatch[0] = shape[0];
        var at = first.Reshape(perBatch) + Operands.Positions(shape.Rank, axis, update[axis]);
        if (isCircular) at = at.Remainder(Tensor.Full([], (long)shape[axis], DType.I64));
        return OnnxValue.Move([c.Input(0), c.Input(1)], t => t[0].Scatter(axis, at.Expand(update), t[1]));
    }

    // ---- products, maxima and minima, which no primitive scatters ----

    static readonly CustomKernel Mul = Kernel("scatter mul", new Product()), Max = Kernel("scatter max", new Greater()), Min = Kernel("scatter min", new Lesser());

    static Tensor Reduced(OperatorCall c, Tensor data, Tensor rows, Tensor updates, string reduction, int rowLength)
    {
        var kernel = reduction switch { "mul" => Mul, "max" => Max, "min" => Min, var other => throw c.Bad($"reduction '{other}' is not none, add, mul, max or min") };
        var wide = data.DType switch
        {
            DType.F64 => DType.F64,
            { IsFloat: true } => DType.F32,
            DType.U64 => DType.U64,
            _ => DType.I64,
        };
        var length = Tensor.Scalar(rowLength).Reshape(1);
        return Tensor.Custom(kernel, data.Shape, wide, data.To(wide), rows.To(DType.I64).Contiguous(), updates.To(wide), length).To(data.DType);
    }

    static CustomKernel Kernel(string name, IMerge merge) => new(name, a =>
    {
        switch (a.OutputDType)
        {
            case DType.F64: Scatter<double>(a, merge); break;
            case DType.F32: Scatter<float>(a, merge); break;
            case DType.U64: Scatter<ulong>(a, merge); break;
            default: Scatter<long>(a, merge); break;
        }
    });

    static void Scatter<T>(CustomArguments a, IMerge merge) where T : unmanaged, INumber<T>
    {
        var output = a.Output<T>();
        a.Input<T>(0).CopyTo(output);
        var rows = a.Input<long>(1);
        var updates = a.Input<T>(2);
        int length = a.Input<int>(3)[0];
        for (int i = 0; i < rows.Length; i++)
        {
            if (rows[i] < 0 || (rows[i] + 1) * length > output.Length) throw new TensorIndexException($"position {rows[i]} is outside of {a.OutputShape}");
            var target = output.Slice((int)rows[i] * length, length);
            for (int j = 0; j < length; j++) target[j] = merge.Of(target[j], updates[i * length + j]);
        }
    }

    interface IMerge { T Of<T>(T a, T b) where T : INumber<T>; }

    sealed class Product : IMerge { public T Of<T>(T a, T b) where T : INumber<T> => a * b; }

    sealed class Greater : IMerge { public T Of<T>(T a, T b) where T : INumber<T> => T.Max(a, b); }

    sealed class Lesser : IMerge { public T Of<T>(T a, T b) where T : INumber<T> => T.Min(a, b); }
}
