using Ingot.Autograd;
using Ingot.Graph;
using Ingot.Runtime;
using Ingot.Schedule;

namespace Ingot;

// Gradients: which tensors want one, the backward walk, and the in-place update of parameters.
public sealed partial class Tensor
{
    /// <summary>The memory that <see cref="Assign"/> may overwrite: no other tensor was ever given it.</summary>
    Storage? ownStorage;

    /// <summary>What is to be computed along with this tensor; of <see cref="Autograd.Companions"/> alone, under its lock.</summary>
    internal List<Companions.Group>? Companions;

    /// <summary>A gradient flows to this tensor, or through it. Setting it makes the tensor a leaf, whose <see cref="Grad"/> a backward pass fills.</summary>
    /// <exception cref="DTypeException">Set on a tensor that is not floating point.</exception>
    /// <exception cref="IngotException">Cleared on a result of an operation; use <see cref="Detach"/>.</exception>
    public bool RequiresGrad
    {
        get => node.RequiresGrad;
        set
        {
            if (value == node.RequiresGrad) return;
            if (value && !DType.IsFloat) throw new DTypeException($"only floating point tensors have gradients; this one is {DType.Name}{Shape}");
            if (!value && node.Op != Op.Leaf) throw new IngotException($"this {DType.Name}{Shape} tensor is the result of an operation; use Detach() to cut it off from its history");
            node = value ? Build.Leaf(Node, new LeafOwner(this)) : Node.src[0];
        }
    }

    /// <summary>A backward pass ends here: this is no result of an operation that a gradient flows through.</summary>
    public bool IsLeaf => IsOwnLeaf || !node.RequiresGrad;

    /// <summary>This tensor's gradient is wanted. An operation that changes nothing gives another tensor on the same node, which is a result all the same.</summary>
    bool IsOwnLeaf => node.Op == Op.Leaf && node.Arg is LeafArg { Owner: LeafOwner owner } && ReferenceEquals(owner.Tensor, this);

    /// <summary>Sets <see cref="RequiresGrad"/> and returns this tensor.</summary>
    public Tensor WithGrad()
    {
        RequiresGrad = true;
        return this;
    }

    /// <summary>The sum of the gradients of all backward passes since <see cref="ZeroGrad"/>; null before the first.</summary>
    public Tensor? Grad
    {
        get
        {
            if (field is { } gradient) Capture.Current?.ReadGradient(this, gradient);
            return field;
        }
        set
        {
            field = value;
            Capture.Current?.SetGradient(this, value);
        }
    }

    /// <summary>Forgets the gradient.</summary>
    public void ZeroGrad() => Grad = null;

    /// <summary>The same values, through which no gradient flows.</summary>
    public Tensor Detach() => new(Build.Detach(Node));

    /// <summary>
    /// Adds the gradient of this tensor to the <see cref="Grad"/> of every leaf it was computed from. Nothing runs yet: gradients are lazy like all tensors.
    /// This tensor is computed together with them, so that reading a loss after the step does not run the forward pass again.
    /// </summary>
    /// <param name="gradient">Gradient of this tensor, of its shape; 1 by default, for which this must be a scalar.</param>
    /// <exception cref="ShapeException">This has more than one element and no gradient was given, or it has another shape.</exception>
    /// <exception cref="IngotException">Nothing below requires a gradient.</exception>
    public void Backward(Tensor? gradient = null)
    {
        var gradients = Backpropagation.Run(Node, Seed(gradient));
        var leaves = new List<(Tensor Tensor, Node Gradient)>();
        foreach (var (n, g) in gradients)
            if (n.Op == Op.Leaf && n.Arg is LeafArg { Owner: LeafOwner { Tensor: { } leaf } }) leaves.Add((leaf, g));

        // A gradient of an earlier micro-batch that is still a graph would keep that batch's activations alive: compute it first.
        var waiting = leaves.Select(l => l.Tensor.Grad).OfType<Tensor>().Where(g => Realizer.BufferOrNull(g.Node) is null).Distinct().ToList();
        if (waiting.Count > 0) Realizer.Realize(waiting, default);

        foreach (var (leaf, g) in leaves)
        {
            var detached = Build.Detach(g);
            leaf.Grad = new(leaf.Grad is { } sum ? Build.Binary(Op.Add, sum.Node, detached) : detached);
        }
        Autograd.Companions.Join(this, leaves.Select(l => l.Tensor));
    }

    /// <summary>Gradients of an output with respect to some inputs, without touching any <see cref="Grad"/>.</summary>
    /// <param name="output">What is differentiated; a scalar.</param>
    /// <param name="inputs">Leaves, or values on the way to the output.</param>
    /// <param name="createGraph">The gradients can be differentiated again.</param>
    /// <returns>A gradient for each input; zeros where the output does not depend on it.</returns>
    /// <exception cref="IngotException">An input does not require a gradient.</exception>
    public static Tensor[] GradOf(Tensor output, IReadOnlyList<Tensor> inputs, bool createGraph = false)
    {
        for (int i = 0; i < inputs.Count; i++)
            if (!inputs[i].RequiresGrad) throw new IngotException($"input {i}, {inputs[i].DType.Name}{inputs[i].Shape}, does not require a gradient; set RequiresGrad before it is used");
        var gradients = Backpropagation.Run(output.Node, output.Seed(null));
        return [.. inputs.Select(x => GradientFor(x.Node))];

        Tensor GradientFor(Node x)
        {
            var g = gradients.GetValueOrDefault(x) ?? Build.Const(x.DType, x.Shape, 0.0);
            return new(createGraph ? g : Build.Detach(g));
        }
    }

    Node Seed(Tensor? gradient)
    {
        if (!RequiresGrad) throw new IngotException($"this {DType.Name}{Shape} tensor has no gradient: nothing it was computed from has RequiresGrad, or it was computed under NoGrad");
        if (gradient is null)
            return Count == 1 ? Build.Const(DType, Shape, 1.0) : throw new ShapeException($"Backward() needs a scalar, this tensor has shape {Shape}; reduce it, or pass a gradient of that shape");
        if (!gradient.Shape.Equals(Shape)) throw new ShapeException($"the gradient has shape {gradient.Shape}, the tensor {Shape}");
        return Build.Cast(gradient.Node, DType);
    }

    /// <summary>
    /// Overwrites this tensor's memory with a value; both are computed by the next realise of this tensor, after everything that still reads the old values in
    /// that realise. A parameter stays a leaf. Tensors that were computed from the old values but not realised can no longer be.
    /// </summary>
    /// <exception cref="ShapeException">The value has another shape.</exception>
    /// <exception cref="DTypeException">The value has another dtype.</exception>
    public Tensor Assign(Tensor value)
    {
        if (!value.Shape.Equals(Shape)) throw new ShapeException($"cannot assign {value.Shape} to a tensor of shape {Shape}");
        if (value.DType != DType) throw new DTypeException($"cannot assign {value.DType.Name} to a tensor of {DType.Name}; use To(DType.{DType})");
        Capture.Current?.Assigning(this);
        Own();
        var assigned = Build.Assign(Realizer.BufferOf(Node), Build.Detach(value.Node));
        node = node.Op == Op.Leaf ? Build.Leaf(assigned, ((LeafArg)node.Arg!).Owner) : assigned;
        return this;
    }

    /// <summary>
    /// Gives the tensor memory of its own. Equal nodes are one node, so two parameters that both start as Ones(128) share a buffer until one of them is
    /// written to; so do a tensor and its Detach().
    /// </summary>
    internal void Own()
    {
        if (Realizer.BufferOrNull(node) is null) Realize();
        var buffer = Realizer.BufferOf(Node);
        if (!ReferenceEquals(buffer.Storage, ownStorage))
        {
            Capture.Current?.Unsettled();
            ownStorage = Copy(buffer.Storage);
            buffer = Build.Buffer(DType, Shape, ownStorage);
        }
        node = node.Op == Op.Leaf ? Build.Leaf(buffer, ((LeafArg)node.Arg!).Owner) : buffer;
    }

    /// <summary>Zeros in memory of their own, to be assigned to.</summary>
    internal static Tensor OwnZeros(Shape shape, DType dtype)
    {
        var zeros = Storage.Allocate(shape.Count * dtype.Size);
        zeros.Clear();
        return new(Build.Buffer(dtype, shape, zeros)) { ownStorage = zeros };
    }

    /// <summary>Takes on another tensor's values, now, in this tensor's dtype; a parameter stays a leaf. Unlike <see cref="Assign"/> it leaves the old memory as it is.</summary>
    /// <exception cref="ShapeException">The value has another shape.</exception>
    internal void Load(Tensor value)
    {
        if (!value.Shape.Equals(Shape)) throw new ShapeException($"cannot load {value.Shape} into a tensor of shape {Shape}");
        Capture.Refuse("loading values", this);
        var source = value.Detach().To(DType).Realize();
        ownStorage = Copy(Realizer.BufferOf(source.node).Storage);
        var buffer = Build.Buffer(DType, Shape, ownStorage);
        node = node.Op == Op.Leaf ? Build.Leaf(buffer, ((LeafArg)node.Arg!).Owner) : buffer;
    }

    /// <summary>Becomes a handle on another value of the same shape and dtype.</summary>
    internal void Become(Tensor value) => Node = value.Node;

    static Storage Copy(Storage source)
    {
        var copy = Storage.Allocate(source.Bytes);
        source.CopyTo(copy, source.Bytes);
        return copy;
    }

    /// <summary>Tensors that <see cref="Realizer"/> computes along with these: see <see cref="Companions"/>.</summary>
    internal static IReadOnlyList<Tensor> TakeCompanions(IReadOnlyList<Tensor> targets) => Autograd.Companions.Take(targets);
}
