using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot.Kernels;

/// <summary>Choices about memory traffic: which results go past the caches, what is fetched ahead.</summary>
sealed partial class GeneralNest
{
    /// <summary>Results stored past the caches.</summary>
    readonly HashSet<int> far = [];

    void ChooseFar()
    {
        bool asked = recipe.NonTemporal is { } choice ? choice != 0 : LeavesCaches(kernel);
        if (!asked) return;
        var read = Ir.All(kernel.Roots).Where(n => n.Op == Op.Load).Select(n => ((BufferSlot)n.Arg!).Slot).ToHashSet();
        foreach (var s in kernel.Steps.SelectMany(step => step.Stores))
            // Of 16-bit results a 32-byte vector leaves half a vector, and stores of 16 bytes past the caches are 2 to 5 % slower than plain ones.
            if (kernel.Slots[s.Slot].ScratchElements == 0 && !read.Contains(s.Slot) && (s.DType.Size >= 4 || vectorBytes == 64)) far.Add(s.Slot);
    }

    /// <summary>
    /// Whether the results are too much for the last-level cache, so that plain stores would first read every line they overwrite. Up to half of the
    /// cache they are kept, for the kernel that reads them next.
    /// </summary>
    public static bool LeavesCaches(KernelAst kernel)
    {
        var caches = Cpu.Caches;
        var free = new FreeRanges();
        double written = 0;
        foreach (var step in kernel.Steps)
            foreach (var s in step.Stores)
                if (kernel.Slots[s.Slot].ScratchElements == 0) written += free.Of(s.Index).Aggregate((double)s.DType.Size, (p, r) => p * Ir.Extent(r));
        return written > Math.Max(caches.L3, 8 * caches.L2) / 2;
    }

    IEnumerable<string> Notes() => far.Count > 0 ? ["results past the caches"] : [];

    /// <summary>
    /// A row that is walked more than once comes from memory in the first pass, while the processor waits, and from the cache in the others, while
    /// the memory does. So the pass that computes most fetches the next row.
    /// </summary>
    void FetchNextRow(Node row, For loop)
    {
        var passes = new List<For>();
        foreach (var s in loop.Body)
            if (s is For { Body: var inner } pass && inner.TrueForAll(t => t is not (For or If))) passes.Add(pass);
        if (passes.Count < 2 || loop.Body.Exists(s => s is If || (s is For f && !passes.Contains(f)))) return;
        var written = kernel.Steps.SelectMany(s => s.Stores).Select(s => s.Slot).ToHashSet();
        var busiest = passes.Skip(1).Where(p => p.Body.Exists(s => s.Expressions.Any(HasLane))).MaxBy(p => Ir.All(p.Body.SelectMany(s => s.Expressions)).Count(n => n.DType.IsFloat) / (double)p.Step);
        if (busiest is null) return;
        var fetched = new HashSet<(int, long)>();
        foreach (var pass in passes)
            foreach (var n in Ir.All(pass.Body.SelectMany(s => s.Expressions)))
            {
                if (n is not { Op: Op.Load, Arg: BufferSlot { Slot: var slot }, src: [var index] } || written.Contains(slot) || kernel.Slots[slot].ScratchElements > 0) continue;
                var form = IndexMath.Of(index);
                long length = form.FactorOf(row);
                if (length == 0 || form.FactorOf(pass.Var) != 1 || !form.Terms.TrueForAll(t => t.Atom == row || t.Atom == pass.Var || Ir.IsLane(t.Atom)) || !fetched.Add((slot, length))) continue;
                busiest.Body.Add(new Prefetch(slot, n.DType, IndexMath.Add(IndexMath.Mul(IndexMath.Add(row, 1), length), busiest.Var)));
            }

        static bool HasLane(Node n) => Ir.All(n).Exists(Ir.IsLane);
    }
}
