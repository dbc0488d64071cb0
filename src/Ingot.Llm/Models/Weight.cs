using Ingot.Formats;
using Ingot.Formats.Quantization;
using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot.Llm.Models;

/// <summary>A tensor of a model's file as it lies there: floats or blocks of quantized ones, row after row. Parts of it are views, not copies.</summary>
/// <param name="Type">Of the elements; rows are whole blocks of it.</param>
/// <param name="Shape">Outermost first.</param>
/// <param name="Memory">The bytes.</param>
sealed record Weight(GgmlType Type, Shape Shape, Storage Memory)
{
    /// <summary>The values of a tensor, computed now if they are not yet.</summary>
    public static Weight Of(Tensor tensor)
    {
        using var noGrad = new NoGrad();
        var values = tensor.Detach().Realize();
        return new(GgmlTypes.Of(values.DType), values.Shape, values.Memory!);
    }

    public long Bytes => Type.BytesOf(Shape.Count);

    long RowBytes => Shape.Rank == 1 ? Type.BytesOf(1) : Type.BytesOf(Shape.Count / Shape[0]);

    /// <summary>The values: floats in their own precision where they lie, blocks decoded to float32.</summary>
    public Tensor Values()
    {
        if (Type.DType is { } dtype) return new(Build.Buffer(dtype, Shape, Memory));
        var decoded = Storage.Allocate(Shape.Count * sizeof(float));
        BlockFormats.Decode(Type, Memory, decoded);
        return new(Build.Buffer(DType.F32, Shape, decoded));
    }

    /// <summary>Neighbouring rows, or elements of a vector: a view.</summary>
    /// <param name="from">The first.</param>
    /// <param name="count">How many.</param>
    public Weight Rows(int from, int count) => this with { Shape = new([count, .. Shape.Span[1..]]), Memory = new StoragePart(Memory, from * RowBytes, count * RowBytes) };

    /// <summary>A copy with its rows in another order.</summary>
    /// <param name="order">Which row comes where.</param>
    public Weight InOrder(ReadOnlySpan<int> order)
    {
        var copy = Storage.Allocate(Bytes);
        int bytes = checked((int)RowBytes);
        for (int i = 0; i < order.Length; i++) Memory.Span<byte>(order[i] * RowBytes, bytes).CopyTo(copy.Span<byte>(i * RowBytes, bytes));
        GC.KeepAlive(Memory);
        return this with { Memory = copy };
    }

    /// <summary>A copy of a matrix with rows and columns exchanged.</summary>
    public Weight Transposed() => Of(Values().Transpose(0, 1).Contiguous());

    /// <summary>A float32 copy with a number added to every value.</summary>
    public Weight Plus(float number) => Of(Values().To(DType.F32) + number);

    /// <summary>The same values in another type; itself if it has that already.</summary>
    /// <exception cref="IngotException">There is no encoder for the type, or a row is no whole number of its blocks.</exception>
    public Weight As(GgmlType type)
    {
        if (type == Type) return this;
        var values = Of(Values().To(type.DType ?? DType.F32));
        if (!type.IsQuantized) return values;
        if (Shape[^1] % type.BlockLength != 0) throw new IngotException($"rows of {Shape[^1]} values do not divide into the blocks of {type.BlockLength} that {type} has");
        var blocks = Storage.Allocate(type.BytesOf(Shape.Count));
        BlockFormats.Encode(type, values.Memory, blocks);
        return new(type, Shape, blocks);
    }

    /// <summary>One below the other, a copy; in float32 where their types differ.</summary>
    public static Weight Stacked(IReadOnlyList<Weight> parts)
    {
        if (parts.Any(p => p.Type != parts[0].Type)) parts = [.. parts.Select(p => p.As(GgmlType.F32))];
        var all = new Shape([parts.Sum(p => p.Shape[0]), .. parts[0].Shape.Span[1..]]);
        var memory = Storage.Allocate(parts[0].Type.BytesOf(all.Count));
        long at = 0;
        foreach (var part in parts)
        {
            part.Memory.CopyTo(new StoragePart(memory, at, part.Bytes), part.Bytes);
            at += part.Bytes;
        }
        return new(parts[0].Type, all, memory);
    }
}
