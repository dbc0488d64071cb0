using Ingot.Graph;

namespace Ingot.Kernels;

/// <summary>
/// A product's operand that skips elements along every axis (a convolution of 1 x 1 with a stride) is gathered first, once: then it is an operand like any other, with unit
/// strides and axes that merge.
/// </summary>
static class DenseOperands
{
    /// <summary>Times an element must be used for the copy to be worth it.</summary>
    const int Uses = 16;

    /// <summary>The kernel with dense operands, the copies before it added to the stages; the kernel itself if nothing is to be gathered.</summary>
    public static KernelAst Of(KernelAst kernel, List<Phase> stages, int vectorBytes, Recipe recipe)
    {
        var folds = Ir.All(kernel.Roots).Where(x => x.Op == Op.Fold).ToList();
        if (folds is not [{ DType: DType.F32 } fold] || ContractionNest.Product(fold.src[0]) is not var (a, b)) return kernel;
        var free = new FreeRanges();
        var made = kernel;
        foreach (var x in new[] { a, b })
        {
            if (x is not { Op: Op.Load, DType: DType.F32, src: [var index], Arg: BufferSlot { Slot: var source } } || kernel.Slots[source].ScratchElements > 0) continue;
            var form = IndexMath.Of(index);
            if (form.Terms.Count == 0 || form.Terms.Exists(t => !Ir.IsRange(t.Atom) || t.Factor < 2)) continue;
            long elements = form.Terms.Aggregate(1L, (p, t) => p * Ir.Extent(t.Atom));
            long products = free.Of(a).Union(free.Of(b)).Aggregate(1L, (p, r) => p * Ir.Extent(r));
            if (products < Uses * elements) continue;
            // In the order of the source's memory.
            var axes = form.Terms.OrderByDescending(t => t.Factor).Select(t => t.Atom).ToList();
            var to = Ir.Int(0);
            foreach (var r in axes) to = IndexMath.Add(IndexMath.Mul(to, Ir.Extent(r)), r);
            if (made == kernel) made = new KernelAst { Name = kernel.Name, Outer = [.. kernel.Outer], Steps = [.. kernel.Steps], Slots = [.. kernel.Slots] };
            made.Slots.Add(new SlotInfo(DType.F32, elements));
            int slot = made.Slots.Count - 1;
            // Loops of its own, as those of the product may be merged.
            var fresh = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
            foreach (var r in axes) fresh[r] = Ir.Range(Ir.Extent(r));
            stages.AddRange(GeneralNest.Stage("gather", [.. axes.Select(r => fresh[r])], new StoreSpec(slot, DType.F32, Ir.Substitute(to, fresh), Ir.Substitute(x, fresh)), made.Slots, vectorBytes, recipe));
            made.Substitute(new(ReferenceEqualityComparer.Instance) { [x] = Ir.Load(DType.F32, slot, to) });
        }
        if (made != kernel) AxisTransforms.MergeContiguous(made);
        return made;
    }
}
