using System.Text;
using Ingot.Graph;

namespace Ingot.Kernels;

/// <summary>slot[index] = value for every iteration of the step's loops.</summary>
sealed record StoreSpec(int Slot, DType DType, Node Index, Node Value);

/// <summary>One loop nest inside the outer loops. Steps run one after the other in each outer iteration.</summary>
/// <param name="Inner">Loops of this step, outermost first.</param>
/// <param name="Stores">What is stored.</param>
/// <param name="Running">The fold whose running value is stored along the last inner loop (a scan), or null.</param>
sealed record Step(List<Node> Inner, List<StoreSpec> Stores, Op? Running = null);

/// <summary>
/// A kernel before its recipe: outer loops that are free of dependences, steps inside them, and the buffers they touch.
/// </summary>
sealed class KernelAst
{
    public required string Name { get; set; }
    public required List<Node> Outer { get; init; }
    public required List<Step> Steps { get; init; }
    public required List<SlotInfo> Slots { get; init; }

    /// <summary>A program over rows that holds products: for <see cref="RowBlockNest"/>.</summary>
    public bool IsRowBlock { get; set; }

    /// <summary>Positions that such a program may leave out.</summary>
    public RowMask? Mask { get; set; }

    public IEnumerable<Node> Roots => Steps.SelectMany(s => s.Stores).SelectMany(s => new[] { s.Index, s.Value });

    /// <summary>Replaces nodes everywhere.</summary>
    public void Substitute(Dictionary<Node, Node> map)
    {
        var memo = new Dictionary<Node, Node>(map, ReferenceEqualityComparer.Instance);
        for (int i = 0; i < Steps.Count; i++)
            Steps[i] = Steps[i] with { Stores = [.. Steps[i].Stores.Select(s => s with { Index = Ir.Rebuild(s.Index, memo, null), Value = Ir.Rebuild(s.Value, memo, null) })] };
    }

    /// <summary>Floating point operations of one run: each arithmetic primitive counts 1 for every iteration of the loops it depends on. Neg flips a bit and counts nothing, so a - b, which is a + -b, counts 1.</summary>
    public long Flops()
    {
        long total = 0;
        var free = new FreeRanges();
        // Scratch holds other values in each outer iteration, whatever its index depends on.
        var ofScratch = new HashSet<Node>(ReferenceEqualityComparer.Instance);
        foreach (var n in Ir.All(Roots))
        {
            if (Array.Exists(n.src, ofScratch.Contains) || (n is { Op: Op.Load, Arg: BufferSlot b } && Slots[b.Slot].ScratchElements > 0)) ofScratch.Add(n);
            if (!n.DType.IsFloat && n.Op is not (Op.CmpLt or Op.CmpNe)) continue;
            long each = n.Op switch
            {
                Op.Fold => n.src[1..].Aggregate(1L, (p, r) => p * Ir.Extent(r)),
                Op.CmpLt or Op.CmpNe => n.src[0].DType.IsFloat ? 1 : 0,
                Op.Neg => 0,
                _ => n.Op.IsUnary || n.Op.IsBinary ? 1 : 0,
            };
            if (each == 0) continue;
            foreach (var r in ofScratch.Contains(n) ? free.Of(n).Union(Outer) : free.Of(n)) each *= Ir.Extent(r);
            total += each;
        }
        return total;
    }

    /// <summary>The kernel as text: canonical (ranges and accumulators are numbered by first use), so it is also the key of the kernel cache.</summary>
    public string Print()
    {
        var text = new StringBuilder();
        var names = new Dictionary<Node, string>(ReferenceEqualityComparer.Instance);
        int ranges = 0, values = 0;
        string Range(Node r)
        {
            if (!names.TryGetValue(r, out var name)) names[r] = name = $"r{ranges++}:{Ir.Extent(r)}";
            return name;
        }
        if (IsRowBlock) text.Append("row block\n");
        for (int i = 0; i < Slots.Count; i++) text.Append($"slot{i} {Slots[i].DType.Name}{(Slots[i].ScratchElements > 0 ? $" scratch {Slots[i].ScratchElements}" : "")}\n");
        text.Append("for ").AppendJoin(' ', Outer.Select(Range)).Append('\n');
        foreach (var step in Steps)
        {
            text.Append(step.Running is { } op ? $" scan {op} " : " step ").AppendJoin(' ', step.Inner.Select(Range)).Append('\n');
            foreach (var s in step.Stores)
            {
                string value = Expr(s.Value), index = Expr(s.Index);
                text.Append($"  slot{s.Slot}[{index}] = {value}\n");
            }
        }
        return text.ToString();

        string Expr(Node root)
        {
            foreach (var n in Ir.All(root))
            {
                if (names.ContainsKey(n)) continue;
                if (Ir.IsRange(n)) { Range(n); continue; }
                if (n.Op == Op.Const) { names[n] = n.DType.IsFloat ? $"{n.Const!.Value:R}{n.DType.Name}" : $"{n.IntConst}{(n.DType == DType.I64 ? "" : n.DType.Name)}"; continue; }
                string args = string.Join(", ", n.src.Select(s => names[s]));
                string arg = n.Arg switch { SlotArg s => $"{s.Slot}", BufferSlot b => $"slot{b.Slot}", FoldArg f => f.Kind.ToString(), CheckArg c => $"{c.Extent}@{c.Site}", _ => "" };
                names[n] = $"v{values++}";
                text.Append($"    {names[n]} = {n.Op}{(arg == "" ? "" : $"<{arg}>")} {n.DType.Name}({args})\n");
            }
            return names[root];
        }
    }
}

/// <summary>Ranges (and lanes) a value depends on: those of its operands, less what a fold binds.</summary>
sealed class FreeRanges
{
    readonly Dictionary<Node, HashSet<Node>> memo = new(ReferenceEqualityComparer.Instance);
    static readonly HashSet<Node> None = [];

    public HashSet<Node> Of(Node root)
    {
        if (memo.TryGetValue(root, out var found)) return found;
        foreach (var n in Build.TopologicalOrder([root], n => memo.ContainsKey(n)))
            if (!memo.ContainsKey(n)) memo[n] = Make(n);
        return memo[root];
    }

    /// <summary>All reads of x move with unit stride (or not at all) along r, and some do.</summary>
    public bool IsUnit(Node x, Node r)
    {
        bool some = false;
        foreach (var load in Ir.All(x))
        {
            if (load.Op != Op.Load) continue;
            var form = IndexMath.Of(load.src[0]);
            long factor = form.FactorOf(r);
            if (factor is not (0 or 1) || form.Terms.Exists(t => t.Atom != r && Of(t.Atom).Contains(r))) return false;
            some |= factor == 1;
        }
        return some;
    }

    HashSet<Node> Make(Node n)
    {
        if (n.Op == Op.Range) return new(ReferenceEqualityComparer.Instance) { n };
        if (n.Op == Op.Across || n.src.Length == 0) return None;
        if (n.src.Length == 1) return memo[n.src[0]];
        var set = new HashSet<Node>(ReferenceEqualityComparer.Instance);
        if (n.Op == Op.Fold)
        {
            set.UnionWith(memo[n.src[0]]);
            set.ExceptWith(n.src[1..]);
            return set;
        }
        foreach (var s in n.src) set.UnionWith(memo[s]);
        return set;
    }
}
