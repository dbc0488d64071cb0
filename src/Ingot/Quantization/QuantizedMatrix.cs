using System.Runtime.CompilerServices;
using Ingot.Codegen.X64;
using Ingot.Formats;
using Ingot.Graph;
using Ingot.Runtime;
using Ingot.Runtime.Weights;

namespace Ingot;

/// <summary>
/// A matrix of weights that stays in memory as it is stored: in quantized blocks, or in half precision. Products with it read each weight once, where it lies,
/// and decode it in registers or a stretch at a time in the cache.
/// </summary>
/// <remarks>
/// A row's result has the same bits whatever rows are computed with it and on however many threads. By vectors weights are multiplied as the float32 values that their format stands for, with
/// activations in float32 or, if both are quantized, in 8 bits; on the matrix unit, which <see cref="MatrixUnitRows"/> asks for, both are bf16. The layouts are ggml's, as in GGUF files; plain
/// F32, F16 and BF16 are taken too. See docs/quantization.md.
/// </remarks>
public sealed class QuantizedMatrix
{
    readonly Storage memory;
    readonly WeightProduct product;
    readonly IntegerProduct? integers;
    readonly TileProduct tiles;
    readonly CustomKernel linear, rows;
    readonly ConditionalWeakTable<MatrixUnitRows, CustomKernel> onUnit = [];

    QuantizedMatrix(GgmlType type, int rows, int columns, Storage memory, WeightProduct product, IntegerProduct? integers)
    {
        (Type, Rows, Columns, this.memory, this.product, this.integers) = (type, rows, columns, memory, product, integers);
        tiles = new(product);
        linear = Kernel(null);
        this.rows = new CustomKernel($"{Name}_rows", Take) { WritesAll = true };
    }

    string Name => Type.ToString().ToLowerInvariant();

    CustomKernel Kernel(MatrixUnitRows? onUnit) =>
        new($"{Name}_{Rows}x{Columns}{(onUnit is null ? "" : "_prompt")}", a => Multiply(a, onUnit)) { WritesAll = true, Gradient = (_, _, g) => [g.Matmul(Dequantize())] };

    /// <summary>How the weights are stored.</summary>
    public GgmlType Type { get; }

    /// <summary>Outputs of <see cref="Linear"/>.</summary>
    public int Rows { get; }

    /// <summary>Inputs of <see cref="Linear"/>.</summary>
    public int Columns { get; }

    /// <summary>Bytes of the weights as they are stored.</summary>
    public long Bytes => Type.BytesOf((long)Rows * Columns);

    /// <summary>Bound of the error of <see cref="Linear"/> relative to the exact product with these weights, as root mean squares over many results.</summary>
    public double RelativeError => RoundsActivations ? 0.01 : 1e-5;

    /// <summary>The same of rows that go through the matrix unit.</summary>
    public const double RelativeErrorOnMatrixUnit = 0.005;

    bool RoundsActivations => integers is not null && IntegerProduct.IsSupported;

    /// <summary>The matrix in this memory.</summary>
    /// <param name="type">How it is stored.</param>
    /// <param name="rows">Outputs.</param>
    /// <param name="columns">Inputs; a multiple of the type's block.</param>
    /// <param name="memory">The blocks row by row, at its beginning; kept alive, not copied. A mapped file's pages are read when they are used.</param>
    /// <exception cref="ShapeException">Rows are no whole number of blocks, or the memory is too small.</exception>
    /// <exception cref="DTypeException">There is no product for weights of this type.</exception>
    public static QuantizedMatrix Of(GgmlType type, int rows, int columns, Storage memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        if (!IsSupported(type)) throw new DTypeException($"there is no product with weights of type {type}; convert the model to one of {string.Join(", ", Enum.GetValues<GgmlType>().Where(IsSupported))}");
        if (columns % type.BlockLength != 0) throw new ShapeException($"a {type} matrix has rows of whole blocks of {type.BlockLength} values, {columns} columns are not; keep it in F16, BF16 or F32");
        long inRow = type.BytesOf(columns);
        if (memory.Bytes / inRow < rows) throw new ShapeException($"a {type} matrix of ({rows}, {columns}) takes {rows * inRow} bytes, {memory.Bytes} were given");
        var (floats, integers) = Formats[type](memory, rows, columns, inRow);
        return new(type, rows, columns, memory, floats, integers);
    }

    /// <summary>A tensor of floats as it is, without a copy.</summary>
    /// <param name="weights">(rows, columns), float32, float16 or bfloat16; computed now if it is not yet.</param>
    public static QuantizedMatrix Of(Tensor weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        if (weights.Rank != 2) throw new ShapeException($"a matrix of weights has two dimensions (outputs, inputs), not {weights.Shape}");
        weights.Realize();
        return Of(GgmlTypes.Of(weights.DType), weights.Size(0), weights.Size(1), weights.Memory!);
    }

    /// <summary>Whether weights of this type can be multiplied.</summary>
    public static bool IsSupported(GgmlType type) => Formats.ContainsKey(type);

    /// <summary>x times the transpose of the matrix, as <see cref="Tensor.Linear"/>.</summary>
    /// <param name="x">(.., Columns), any float; computed in float32.</param>
    /// <returns>(.., Rows), float32. Gradients flow to x. How it is computed is up to the <see cref="MatrixUnitRows"/> in use.</returns>
    /// <exception cref="ShapeException">The last dimension of x is not Columns.</exception>
    public Tensor Linear(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (x.Rank == 0 || x.Size(-1) != Columns) throw new ShapeException($"a {Type} matrix of ({Rows}, {Columns}) multiplies rows of {Columns} values, x has shape {x.Shape}");
        int[] shape = [.. x.Shape.Span[..^1], Rows];
        var kernel = MatrixUnitRows.Current is { } onUnit ? this.onUnit.GetValue(onUnit, Kernel) : linear;
        return Tensor.Custom(kernel, shape, DType.F32, x.To(DType.F32));
    }

    /// <summary>Rows by their numbers, as an embedding looks them up: (..) to (.., Columns), float32.</summary>
    /// <param name="indices">int32 or int64, any shape; each from 0 to Rows - 1.</param>
    public Tensor RowsOf(Tensor indices)
    {
        ArgumentNullException.ThrowIfNull(indices);
        if (!indices.DType.IsInteger) throw new DTypeException($"rows are taken by integers, not by {indices.DType.Name}{indices.Shape}");
        int[] shape = [.. indices.Shape.Span, Columns];
        return Tensor.Custom(rows, shape, DType.F32, indices.To(DType.I64));
    }

    /// <summary>The weights as float32 (Rows, Columns), decoded now.</summary>
    public Tensor Dequantize()
    {
        var values = Storage.Allocate((long)Rows * Columns * sizeof(float));
        WorkerPool.Run(new Decoding(product, values), Rows);
        GC.KeepAlive(memory);
        return new(Build.Buffer(DType.F32, new Shape(Rows, Columns), values));
    }

    void Multiply(CustomArguments a, MatrixUnitRows? onUnit)
    {
        int m = (int)(a.InputShape(0).Count / Columns);
        nint x = a.InputMemory(0).Address, y = a.OutputMemory.Address;
        if (onUnit is null || Unit is not { } unit) ByVectors(x, m, y);
        else
            for (int row = 0, end; row < m; row = end)
            {
                (end, bool areOnUnit) = onUnit.Run(row, m);
                nint from = x + (nint)row * Columns * sizeof(float), to = y + (nint)row * Rows * sizeof(float);
                if (areOnUnit) tiles.Run(from, end - row, to, unit);
                else ByVectors(from, end - row, to);
            }
        GC.KeepAlive(memory);
    }

    void ByVectors(nint x, int m, nint y)
    {
        if (RoundsActivations) integers!.Run(x, m, y);
        else product.Run(x, m, y);
    }

    /// <summary>The unit or its emulation; null below its level, or where it fails the product that it is tried with when its code is made.</summary>
    static TileRoutines? Unit
    {
        get
        {
            if (!Cpu.UsesMatrixUnit) return null;
            var code = MatrixCode.Shared;
            return Cpu.UsesMatrixUnit ? new(code.Configure, code.Release, code.Multiply(MatrixKind.Bf16), code.IsAssembled) : null;
        }
    }

    void Take(CustomArguments a)
    {
        var output = a.Output<float>();
        int at = 0;
        foreach (long index in a.Input<long>(0))
        {
            if ((ulong)index >= (ulong)Rows) throw new TensorIndexException($"row {index} of a matrix with {Rows}");
            product.Decode((int)index, output.Slice(at, Columns));
            at += Columns;
        }
        GC.KeepAlive(memory);
    }

    sealed class Decoding(WeightProduct product, Storage to) : IChunkWork
    {
        void IChunkWork.Run(int chunk, int worker) => product.Decode(chunk, to.Span<float>((long)chunk * product.Columns, product.Columns));
    }

    delegate (WeightProduct Floats, IntegerProduct? Integers) Maker(Storage memory, int rows, int columns, long bytesInRow);

    static Maker Plain<T>() where T : struct, IWeightBlock<T> => (m, r, c, b) => (new BlockProduct<T>(m, r, c, b), null);

    static Maker Unsigned<T>() where T : struct, IUnsignedBlock<T> => (m, r, c, b) => (new BlockProduct<T>(m, r, c, b), new UnsignedProduct<T>(m, r, c, b));

    static Maker Signed<T>() where T : struct, ISignedBlock<T> => (m, r, c, b) => (new BlockProduct<T>(m, r, c, b), new SignedProduct<T>(m, r, c, b));

    static readonly Dictionary<GgmlType, Maker> Formats = new()
    {
        [GgmlType.F32] = Plain<Singles>(),
        [GgmlType.F16] = (m, r, c, b) => (new BlockProduct<Halves>(m, r, c, b, HalfCode.Shared), null),
        [GgmlType.BF16] = Plain<BrainFloats>(),
        [GgmlType.Q4_0] = Unsigned<Q4_0>(),
        [GgmlType.Q4_1] = Unsigned<Q4_1>(),
        [GgmlType.Q5_0] = Unsigned<Q5_0>(),
        [GgmlType.Q5_1] = Unsigned<Q5_1>(),
        [GgmlType.Q8_0] = Signed<Q8_0>(),
        [GgmlType.Q2_K] = Plain<Q2_K>(),
        [GgmlType.Q3_K] = Signed<Q3_K>(),
        [GgmlType.Q4_K] = Unsigned<Q4_K>(),
        [GgmlType.Q5_K] = Unsigned<Q5_K>(),
        [GgmlType.Q6_K] = Signed<Q6_K>(),
        [GgmlType.IQ4_NL] = Signed<IQ4_NL>(),
        [GgmlType.IQ4_XS] = Signed<IQ4_XS>(),
        [GgmlType.TQ1_0] = Signed<TQ1_0>(),
        [GgmlType.TQ2_0] = Signed<TQ2_0>(),
        [GgmlType.MXFP4] = Signed<MXFP4>(),
    };
}
