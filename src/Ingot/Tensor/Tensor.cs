using Ingot.Autograd;
using Ingot.Graph;
using Ingot.Runtime;
using Ingot.Schedule;

namespace Ingot;

/// <summary>
/// A multi-dimensional array whose values are computed when they are asked for. A handle on a node of the graph:
/// operations build new nodes; <see cref="Realize(CancellationToken)"/>, <see cref="ToArray{T}"/>, <see cref="Item{T}"/> and printing compute.
/// Names, argument order and meaning are PyTorch's.
/// </summary>
public sealed partial class Tensor
{
    Node node;

    internal Tensor(Node node)
    {
        this.node = NoGrad.IsActive ? Build.Detach(node) : node;
        Capture.Current?.Made(this);
    }

    /// <summary>
    /// The graph node this tensor stands for. A computed node that needs no gradient is replaced by its buffer, so that history can be freed;
    /// so is what a leaf was initialised with or assigned.
    /// </summary>
    internal Node Node
    {
        get
        {
            Settle();
            if (Capture.Current?.Read(this) == true) Settle();
            return node;
        }
        set
        {
            node = value;
            Capture.Current?.Rebound(this);
        }
    }

    void Settle()
    {
        if (ownStorage is { } own && IsBehind(own)) node = OverMemory(own);
        if (node.Op == Op.Buffer) return;
        if (!node.RequiresGrad) node = Realizer.BufferOrNull(node) ?? node;
        else if (node.Arg is LeafArg { Owner: LeafOwner owner } && node.src[0].Op != Op.Buffer && Realizer.BufferOrNull(node) is { } buffer)
            node = Build.Leaf(buffer, owner);
    }

    /// <summary>A replay has overwritten this tensor's own memory: what its node stands for is there, a version further.</summary>
    bool IsBehind(Storage own) => (node.Op == Op.Leaf ? node.src[0] : node) is { Op: Op.Buffer, Arg: BufferArg b } && ReferenceEquals(b.Storage, own) && b.Version != own.Version;

    /// <summary>The node of this tensor's dtype, shape and leaf mark over some memory.</summary>
    Node OverMemory(Storage memory)
    {
        var buffer = Build.Buffer(DType, Shape, memory);
        return node.Op == Op.Leaf ? Build.Leaf(buffer, ((LeafArg)node.Arg!).Owner) : buffer;
    }

    /// <summary>The memory of the computed values now; null where they have not been computed.</summary>
    /// <exception cref="IngotException">The memory has been overwritten since.</exception>
    internal Storage? Memory
    {
        get
        {
            if (Realizer.BufferOrNull(node) is not { Arg: BufferArg b } buffer) return null;
            if (!ReferenceEquals(b.Storage, ownStorage)) Realizer.CheckVersion(buffer);
            return b.Storage;
        }
    }

    /// <summary>Becomes a handle on other memory of the same shape and dtype.</summary>
    internal void Hold(Storage memory) => node = OverMemory(memory);

    public Shape Shape => node.Shape;

    public DType DType => node.DType;

    /// <summary>Number of dimensions.</summary>
    public int Rank => node.Shape.Rank;

    /// <summary>Number of elements.</summary>
    public long Count => node.Shape.Count;

    /// <summary>Extent of a dimension; negative counts from the end.</summary>
    public int Size(int dim) => Shape[Shape.Axis(dim)];

    // ---- from C# values ----

    /// <summary>A tensor of these values (copied).</summary>
    /// <exception cref="ShapeException">The shape does not hold as many elements.</exception>
    public static Tensor From<T>(ReadOnlySpan<T> values, params ReadOnlySpan<int> shape) where T : unmanaged
    {
        var s = shape.Length == 0 ? new Shape(values.Length) : new Shape(shape);
        if (s.Count != values.Length) throw new ShapeException($"shape {s} holds {s.Count} elements, but {values.Length} were given");
        return new(Build.Buffer(DTypes.Of<T>(), s, Storage.Of(values)));
    }

    public static Tensor From<T>(T[] values, params ReadOnlySpan<int> shape) where T : unmanaged => From((ReadOnlySpan<T>)values, shape);

    /// <summary>A tensor of the array's shape (copied).</summary>
    public static Tensor From<T>(T[,] values) where T : unmanaged => From(values.Cast<T>().ToArray(), values.GetLength(0), values.GetLength(1));

    /// <summary>A tensor of the array's shape (copied).</summary>
    public static Tensor From<T>(T[,,] values) where T : unmanaged =>
        From(values.Cast<T>().ToArray(), values.GetLength(0), values.GetLength(1), values.GetLength(2));

    /// <summary>A scalar: float32 from float, int32 from int and so on.</summary>
    public static Tensor Scalar<T>(T value) where T : unmanaged => new(ConstOf(DTypes.Of<T>(), Shape.Scalar, value));

    /// <summary>A scalar that C# gives for every run.</summary>
    internal static Tensor Host(HostValue source, DType dtype = DType.F32) => new(Build.Host(dtype, Shape.Scalar, source));

    internal static Node ConstOf<T>(DType dtype, Shape shape, T value) where T : unmanaged => value switch
    {
        bool b => Build.Const(dtype, shape, b ? 1L : 0L),
        ulong u => Build.Const(dtype, shape, unchecked((long)u)),
        byte or sbyte or short or ushort or int or uint or long => Build.Const(dtype, shape, Convert.ToInt64(value)),
        Half h => Build.Const(dtype, shape, (double)h),
        BFloat16 b => Build.Const(dtype, shape, (float)b),
        _ => Build.Const(dtype, shape, Convert.ToDouble(value)),
    };

    public static implicit operator Tensor(float value) => Scalar(value);
    public static implicit operator Tensor(double value) => Scalar(value);
    public static implicit operator Tensor(int value) => Scalar(value);
    public static implicit operator Tensor(long value) => Scalar(value);
    public static implicit operator Tensor(bool value) => Scalar(value);

    // ---- to C# values ----

    /// <summary>Computes this tensor, and everything it needs, now.</summary>
    public Tensor Realize(CancellationToken cancellation = default)
    {
        Realizer.Realize([this], cancellation);
        return this;
    }

    /// <summary>Computes several tensors in one schedule: what they share is computed once.</summary>
    public static void Realize(params IReadOnlyList<Tensor> tensors) => Realizer.Realize(tensors, default);

    /// <summary>The values in row-major order, converted to T (floats to integers truncate).</summary>
    public T[] ToArray<T>() where T : unmanaged
    {
        var source = DType == DTypes.Of<T>() ? this : To(DTypes.Of<T>());
        var values = source.Values<T>().ToArray();
        GC.KeepAlive(source); // the memory is freed by a finalizer: not before it has been copied
        return values;
    }

    /// <summary>The realised memory as elements of the tensor's own type.</summary>
    internal ReadOnlySpan<T> Values<T>() where T : unmanaged
    {
        Capture.Refuse("reading values", this);
        Realize();
        var buffer = Realizer.BufferOf(Node);
        var span = buffer.Storage.Span<T>(0, checked((int)Count));
        return span;
    }

    /// <summary>The only value of a tensor with one element.</summary>
    /// <exception cref="ShapeException">There is not exactly one element.</exception>
    public T Item<T>() where T : unmanaged =>
        Count == 1 ? ToArray<T>()[0] : throw new ShapeException($"Item() needs exactly one element, this tensor has shape {Shape}; use ToArray()");

    /// <summary>This tensor as another dtype; floats to integers truncate, anything to bool is != 0.</summary>
    public Tensor To(DType dtype) => dtype == DType ? this : new(Build.Cast(Node, dtype));
}
