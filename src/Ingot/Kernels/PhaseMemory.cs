using Ingot.Graph;

namespace Ingot.Kernels;

/// <summary>What a phase does to memory.</summary>
/// <param name="Reads">Slots that it reads values of.</param>
/// <param name="Writes">Slots that it stores to.</param>
/// <param name="IsFixed">What it stores depends on memory alone: on no scalar, and nothing in it can fail.</param>
sealed record PhaseMemory(IReadOnlySet<int> Reads, IReadOnlySet<int> Writes, bool IsFixed)
{
    public static PhaseMemory Of(List<Stmt> body)
    {
        var (reads, writes, isFixed) = (new HashSet<int>(), new HashSet<int>(), true);
        void Walk(List<Stmt> block)
        {
            foreach (var s in block)
            {
                foreach (var n in s.Expressions.SelectMany(e => Ir.All(e)))
                {
                    if (n is { Op: Op.Load, Arg: BufferSlot b }) reads.Add(b.Slot);
                    isFixed &= n.Arg is not SlotArg && n.Op != Op.CheckIndex;
                }
                if (s.Written >= 0) writes.Add(s.Written);
                if (s is For f) Walk(f.Body);
                if (s is If c) { Walk(c.Then); Walk(c.Else); }
            }
        }
        Walk(body);
        return new(reads, writes, isFixed);
    }
}
