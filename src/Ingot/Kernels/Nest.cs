using Ingot.Graph;

namespace Ingot.Kernels;

/// <summary>A loop nest: what the emitters translate. Expressions in it are scalar or, where they depend on a lane, vectors.</summary>
abstract class Stmt
{
    /// <summary>What the statement itself evaluates, not what stands inside it.</summary>
    public virtual IEnumerable<Node> Expressions => [];

    /// <summary>The buffer it writes, or -1.</summary>
    public virtual int Written => -1;

    /// <summary>The buffers it reads by itself, beside those that its expressions read.</summary>
    public virtual IEnumerable<int> Read => [];
}

/// <summary>for (Var = From; Var &lt; To; Var += Step)</summary>
sealed class For(Node var, Node from, Node to, long step = 1) : Stmt
{
    public Node Var { get; } = var;
    public Node From { get; } = from;
    public Node To { get; } = to;
    public long Step { get; } = step;
    public override IEnumerable<Node> Expressions => [From, To];
    public List<Stmt> Body { get; init; } = [];
}

sealed class If(Node condition) : Stmt
{
    public Node Condition { get; } = condition;
    public List<Stmt> Then { get; init; } = [];
    public List<Stmt> Else { get; init; } = [];
    public override IEnumerable<Node> Expressions => [Condition];
}

/// <summary>buffer[index] = value; a vector value goes to consecutive elements.</summary>
sealed class Store(int slot, DType dtype, Node index, Node value, bool nonTemporal = false) : Stmt
{
    public int Slot { get; } = slot;
    public DType DType { get; } = dtype;
    public Node Index { get; } = index;
    public Node Value { get; } = value;
    public bool NonTemporal { get; } = nonTemporal;
    public override IEnumerable<Node> Expressions => [Index, Value];
    public override int Written => Slot;
}

/// <summary>A square of vectors, turned: element j of value c goes to slot[Index + j * Stride + c]. As many float32 vectors as a vector has lanes.</summary>
sealed class StoreTransposed(int slot, Node index, long stride, Node[] values) : Stmt
{
    public int Slot { get; } = slot;
    public Node Index { get; } = index;
    public long Stride { get; } = stride;
    public Node[] Values { get; } = values;
    public override IEnumerable<Node> Expressions => [Index, .. Values];
    public override int Written => Slot;
}

/// <summary>slot[index] will be read soon: its cache line is fetched into the second-level cache. Any address will do, also one that is not memory.</summary>
sealed class Prefetch(int slot, DType dtype, Node index) : Stmt
{
    public int Slot { get; } = slot;
    public DType DType { get; } = dtype;
    public Node Index { get; } = index;
    public override IEnumerable<Node> Expressions => [Index];
    public override IEnumerable<int> Read => [Slot];
}

/// <summary>
/// A block of 32 x 32 results: c = (0 if first, else c) + a b, on the matrix unit. a and b are panels of bf16 of so many steps of 32 along k, each step
/// 2 KB; <see cref="Runtime.EmulatedTiles"/> says how they lie. Indices count 32-bit words.
/// </summary>
sealed class MatrixProduct((int Slot, Node Index) a, (int Slot, Node Index) b, (int Slot, Node Index) c, Node steps, Node continues) : Stmt
{
    public (int Slot, Node Index) A { get; } = a;
    public (int Slot, Node Index) B { get; } = b;
    public (int Slot, Node Index) C { get; } = c;
    public Node Steps { get; } = steps;
    /// <summary>0: c begins from zeros.</summary>
    public Node Continues { get; } = continues;

    /// <summary>The same product with other expressions for its places.</summary>
    public MatrixProduct At(Func<Node, Node> of) => new((A.Slot, of(A.Index)), (B.Slot, of(B.Index)), (C.Slot, of(C.Index)), of(Steps), of(Continues));

    public override IEnumerable<Node> Expressions => [A.Index, B.Index, C.Index, Steps, Continues];
    public override int Written => C.Slot;
    public override IEnumerable<int> Read => [A.Slot, B.Slot, C.Slot];
}

/// <summary>Acc = Value: opens an accumulator in the scope it stands in.</summary>
sealed class Init(Node acc, Node value) : Stmt
{
    public Node Acc { get; } = acc;
    public Node Value { get; } = value;
    public override IEnumerable<Node> Expressions => [Value];
}

/// <summary>Acc = Acc op Value; Add of a product is one fused multiply-add.</summary>
sealed class Update(Node acc, Op kind, Node value) : Stmt
{
    public Node Acc { get; } = acc;
    public Op Kind { get; } = kind;
    public Node Value { get; } = value;
    public override IEnumerable<Node> Expressions => [Value];
}

/// <summary>One parallel region of a kernel: a nest over [start, end) of a parallel index.</summary>
/// <param name="Name">For listings.</param>
/// <param name="Body">Uses <see cref="Chunk.Start"/> and <see cref="Chunk.End"/>.</param>
/// <param name="Extent">Number of parallel iterations.</param>
/// <param name="Grain">Chunks start at multiples of this.</param>
/// <param name="Cost">About how many scalar operations one iteration is.</param>
/// <param name="VectorBytes">Width of its vectors; 0: the level's.</param>
sealed record Phase(string Name, List<Stmt> Body, long Extent, long Grain, double Cost, int VectorBytes = 0)
{
    /// <summary>What it does to memory, of a phase whose statements are not known any more: it comes from a <see cref="Schedule.PlanStore"/>.</summary>
    public PhaseMemory? Known { get; init; }

    public PhaseMemory Memory => Known ?? PhaseMemory.Of(Body);
}

/// <summary>Values known only at launch.</summary>
static class Chunk
{
    sealed record BoundArg(string Name) : NodeArg;

    /// <summary>First and last-plus-one parallel iteration of a chunk.</summary>
    public static Node Start => Node.Of(Op.Arg, DType.I64, Shape.Scalar, new BoundArg("start"));
    public static Node End => Node.Of(Op.Arg, DType.I64, Shape.Scalar, new BoundArg("end"));

    public static string? Name(Node n) => (n.Arg as BoundArg)?.Name;
}

/// <summary>A buffer of a kernel: an input or output of the launch, or scratch.</summary>
/// <param name="DType">Element type.</param>
/// <param name="ScratchElements">0 for launch buffers; otherwise elements of scratch.</param>
/// <param name="PerWorker">Scratch that each worker has its own copy of.</param>
sealed record SlotInfo(DType DType, long ScratchElements = 0, bool PerWorker = false);

/// <summary>A lowered kernel: phases over slots, ready to emit.</summary>
sealed class LoopNest
{
    public required string Name { get; init; }
    public required List<SlotInfo> Slots { get; init; }
    public List<Phase> Phases { get; } = [];
    /// <summary>About how many cycles of one core it takes at the best, to spare a search hopeless candidates; 0: not known.</summary>
    public double Cycles { get; set; }
    /// <summary>Its products are on the matrix unit.</summary>
    public bool UsesMatrixUnit { get; set; }
    /// <summary>What the recipe did, for listings.</summary>
    public List<string> Recipe { get; } = [];
}
