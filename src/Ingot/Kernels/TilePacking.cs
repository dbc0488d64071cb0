using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot.Kernels;

/// <summary>
/// Copies an operand of the matrix unit, with whatever is fused into it, to panels of 32 rows or columns: steps of 32 along k of 2 KB each, as
/// <see cref="EmulatedTiles"/> says. Beyond the last k there are zeros, beyond the last row or column the last is repeated.
/// </summary>
/// <param name="nest">The kernel.</param>
/// <param name="free">What its values depend on.</param>
/// <param name="x">The operand's value, bf16.</param>
/// <param name="side">The axes that are rows or columns of the product.</param>
/// <param name="k">The axes that are summed.</param>
/// <param name="ofRows">A: word (row, pair) of a step is row * 16 + pair. Else B: word (pair, column) is (column / 16) * 256 + pair * 16 + column % 16.</param>
sealed class TilePacking(LoopNest nest, FreeRanges free, Node x, List<Node> side, List<Node> k, bool ofRows)
{
    public const int Side = EmulatedTiles.Side, StepDepth = EmulatedTiles.RowBytes / 2, StepWords = EmulatedTiles.StepBytes / 4;
    const int Lanes = 16, TileWords = StepWords / 2;
    static readonly Node Lane = Ir.Lane(Lanes);

    readonly long count = Product(side), ks = Product(k);

    /// <summary>Steps of a panel, and its 32-bit words.</summary>
    public long Steps => (ks + StepDepth - 1) / StepDepth;
    public long PanelWords => Steps * StepWords;

    static long Product(List<Node> ranges) => ranges.Aggregate(1L, (p, r) => p * Ir.Extent(r));

    int Scratch(long words, bool perWorker)
    {
        nest.Slots.Add(new SlotInfo(DType.F32, words, perWorker));
        return nest.Slots.Count - 1;
    }

    /// <summary>The bf16 value that a factor widens, of dtype bf16; null if it is anything else, for nothing is rounded here that the program does not round.</summary>
    public static Node? Bf16(Node x) => x switch
    {
        { Op: Op.Cast, DType: DType.F32, src: [{ DType: DType.BF16 } half] } => half,
        { Op: Op.Cast, DType: DType.F32, src: [{ DType: DType.F32 } same] } => Bf16(same),
        { Op: Op.Where, src: [var guard, var value, { Const: 0.0 }] } when Bf16(value) is { } half =>
            Ir.Scalar(Op.Where, DType.BF16, guard, half, Graph.Build.Const(DType.BF16, Shape.Scalar, 0.0)),
        _ => null,
    };

    /// <summary>Vectors of 16 lie within the innermost of these axes, where the operand has unit strides.</summary>
    bool MayPackAlong(List<Node> axes) => MayPackAlong(free, x, axes);

    public static bool MayPackAlong(FreeRanges free, Node x, List<Node> axes) =>
        Ir.IsRange(axes[^1]) && Ir.Extent(axes[^1]) >= Lanes && free.IsUnit(x, axes[^1]) && (axes.Count == 1 || Ir.Extent(axes[^1]) % Lanes == 0);

    /// <summary>A kernel before the main one that makes so many panels; returns the slot they are in, one after the other.</summary>
    /// <param name="name">For listings.</param>
    /// <param name="panels">How many.</param>
    /// <param name="of">What a panel's number means: values of other axes, and the panel's number along the side.</param>
    public int Phase(string name, long panels, Func<Node, (Dictionary<Node, Node> Given, Node Tile)> of)
    {
        int slot = Scratch(panels * PanelWords, perWorker: false);
        var p = Ir.Range(Math.Max(2, panels));
        var loop = new For(p, Chunk.Start, Chunk.End);
        var (given, tile) = of(p);
        var target = new Target(given, IndexMath.Mul(tile, Side), slot, IndexMath.Mul(p, PanelWords));
        if (count % Side == 0) Panel(loop.Body, target, isWhole: true);
        else if (count < Side) Panel(loop.Body, target, isWhole: false);
        else
        {
            var split = new If(IndexMath.Less(tile, Ir.Int(count / Side)));
            Panel(split.Then, target, isWhole: true);
            Panel(split.Else, target, isWhole: false);
            loop.Body.Add(split);
        }
        nest.Phases.Add(new(name, [loop], panels, 1, ks * Side));
        return slot;
    }

    /// <summary>A whole panel in scratch of the thread; returns its slot.</summary>
    public int OfThread(List<Stmt> into, Dictionary<Node, Node> given)
    {
        int slot = Scratch(PanelWords, perWorker: true);
        Panel(into, new(given, Ir.Int(0), slot, Ir.Int(0)), isWhole: true);
        return slot;
    }

    /// <summary>Where a panel goes and what of: values of other axes, the first row or column, the slot and the word at which the panel begins.</summary>
    sealed record Target(Dictionary<Node, Node> Given, Node First, int Slot, Node At)
    {
        public Node WordsOf(Node step) => IndexMath.Add(At, IndexMath.Mul(step, StepWords));
    }

    void Panel(List<Stmt> into, Target to, bool isWhole)
    {
        long whole = ks / StepDepth;
        if (whole > 0)
        {
            var step = Ir.Range(whole);
            var loop = new For(step, Ir.Int(0), Ir.Int(whole));
            if (isWhole && MayPackAlong(side)) AlongSide(loop.Body, to, step);
            else if (MayPackAlong(k)) AlongDepth(loop.Body, to, step, isWhole);
            else OneByOne(loop.Body, to, step, isWhole, isFull: true);
            into.Add(loop);
        }
        if (whole < Steps) OneByOne(into, to, Ir.Int(whole), isWhole, isFull: false);
    }

    Node Value(Target to, Node within, Node depth, bool isWhole, bool isFull)
    {
        var all = new Dictionary<Node, Node>(to.Given, ReferenceEqualityComparer.Instance);
        var place = IndexMath.Add(to.First, within);
        IndexMath.Digits(side, isWhole ? place : IndexMath.Min(place, Ir.Int(count - 1)), all);
        IndexMath.Digits(k, isFull ? depth : IndexMath.Min(depth, Ir.Int(ks - 1)), all);
        var value = Ir.Substitute(x, all);
        return isFull ? value : Ir.Scalar(Op.Where, DType.BF16, IndexMath.Less(depth, Ir.Int(ks)), value, Graph.Build.Const(DType.BF16, Shape.Scalar, 0.0));
    }

    /// <summary>Vectors along rows or columns: values of an even and the next odd k make words. B's lie so; A's are squares of words to be turned.</summary>
    void AlongSide(List<Stmt> into, Target to, Node step)
    {
        Node Words(Node half, Node pair)
        {
            Node Bits(int odd) => Ir.Scalar(Op.Bitcast, DType.U32, Ir.Scalar(Op.Cast, DType.F32,
                Value(to, IndexMath.Add(Lane, IndexMath.Mul(half, Lanes)), IndexMath.Add(IndexMath.Add(IndexMath.Mul(step, StepDepth), IndexMath.Mul(pair, 2)), odd), true, true)));
            return Ir.Scalar(Op.Bitcast, DType.F32, Ir.Scalar(Op.Or, DType.U32, Bits(1), Ir.Scalar(Op.Shr, DType.U32, Bits(0), Graph.Build.Const(DType.U32, Shape.Scalar, 16L))));
        }
        if (ofRows)
        {
            var half = Ir.Range(2);
            var halves = new For(half, Ir.Int(0), Ir.Int(2));
            halves.Body.Add(new StoreTransposed(to.Slot, IndexMath.Add(to.WordsOf(step), IndexMath.Mul(half, TileWords)), Lanes, [.. Enumerable.Range(0, Lanes).Select(p => Words(half, Ir.Int(p)))]));
            into.Add(halves);
            return;
        }
        var pair = Ir.Range(Lanes);
        var pairs = new For(pair, Ir.Int(0), Ir.Int(Lanes));
        for (int half = 0; half < 2; half++)
            pairs.Body.Add(new Store(to.Slot, DType.F32, IndexMath.Add(IndexMath.Add(to.WordsOf(step), half * TileWords), IndexMath.Add(IndexMath.Mul(pair, Lanes), Lane)), Words(Ir.Int(half), pair)));
        into.Add(pairs);
    }

    /// <summary>Vectors along k. A's lie so; B's go to rows first, unless memory has them so already, and are turned as squares of words.</summary>
    void AlongDepth(List<Stmt> into, Target to, Node step, bool isWhole)
    {
        Node Depth(int half) => IndexMath.Add(IndexMath.Add(IndexMath.Mul(step, StepDepth), half * Lanes), Lane);
        void Rows(int slot, Node begin)
        {
            var row = Ir.Range(Side);
            var loop = new For(row, Ir.Int(0), Ir.Int(Side));
            for (int half = 0; half < 2; half++)
                loop.Body.Add(new Store(slot, DType.BF16, IndexMath.Add(IndexMath.Mul(begin, 2), IndexMath.Add(IndexMath.Mul(row, StepDepth), IndexMath.Add(Lane, half * Lanes))), Value(to, row, Depth(half), isWhole, true)));
            into.Add(loop);
        }
        if (ofRows) { Rows(to.Slot, to.WordsOf(step)); return; }
        Func<Node, Node> word; // the words of a column along k
        if (InWords(to, step, isWhole) is { } direct) word = direct;
        else
        {
            int scratch = Scratch(StepWords, perWorker: true);
            Rows(scratch, Ir.Int(0));
            word = column => Ir.Load(DType.F32, scratch, IndexMath.Add(IndexMath.Mul(column, Lanes), Lane));
        }
        var half = Ir.Range(2);
        var halves = new For(half, Ir.Int(0), Ir.Int(2));
        halves.Body.Add(new StoreTransposed(to.Slot, IndexMath.Add(to.WordsOf(step), IndexMath.Mul(half, TileWords)), Lanes,
            [.. Enumerable.Range(0, Lanes).Select(c => word(IndexMath.Add(IndexMath.Mul(half, Lanes), c)))]));
        into.Add(halves);
    }

    /// <summary>Reads of whole words, where the operand is a plain read of memory in which each pair along k begins at an even place.</summary>
    Func<Node, Node>? InWords(Target to, Node step, bool isWhole)
    {
        if (x is not { Op: Op.Load, DType: DType.BF16, src: [_], Arg: BufferSlot source } || k.Count != 1) return null;
        Node Index(Node column) => Value(to, column, IndexMath.Add(IndexMath.Mul(step, StepDepth), IndexMath.Mul(Lane, 2)), isWhole, true).src[0];
        var form = IndexMath.Of(Index(Ir.Range(Side)));
        if (form.Constant % 2 != 0 || form.Terms.Exists(t => t.Factor % 2 != 0)) return null;
        return column => Ir.Load(DType.F32, source.Slot, IndexMath.Div(Index(column), 2));
    }

    void OneByOne(List<Stmt> into, Target to, Node step, bool isWhole, bool isFull)
    {
        Node within = Ir.Range(Side), pair = Ir.Range(StepDepth / 2);
        var pairs = new For(pair, Ir.Int(0), Ir.Int(StepDepth / 2));
        var places = new For(within, Ir.Int(0), Ir.Int(Side)) { Body = { pairs } };
        var word = ofRows
            ? IndexMath.Add(IndexMath.Mul(within, Lanes), pair)
            : IndexMath.Add(IndexMath.Add(IndexMath.Mul(IndexMath.Div(within, Lanes), TileWords), IndexMath.Mul(pair, Lanes)), IndexMath.Mod(within, Lanes));
        for (int odd = 0; odd < 2; odd++)
        {
            var depth = IndexMath.Add(IndexMath.Add(IndexMath.Mul(step, StepDepth), IndexMath.Mul(pair, 2)), odd);
            pairs.Body.Add(new Store(to.Slot, DType.BF16, IndexMath.Add(IndexMath.Mul(IndexMath.Add(to.WordsOf(step), word), 2), odd), Value(to, within, depth, isWhole, isFull)));
        }
        into.Add(places);
    }
}
