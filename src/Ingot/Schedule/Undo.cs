using Ingot.Runtime;

namespace Ingot.Schedule;

/// <summary>
/// Old values of the tensors that a run overwrites while it may still fail, so that a run that fails has assigned nothing. Kept only for launches that
/// another one with an unchecked index follows; the scheduler puts assignments behind those wherever dependences let it.
/// </summary>
sealed class Undo(IReadOnlyList<Undo.Overwrite> overwrites, IReadOnlyList<Storage> leaves)
{
    /// <summary>A launch writes to the first bytes of a leaf.</summary>
    public readonly record struct Overwrite(int Launch, int Leaf, long Bytes);

    readonly Storage[] kept = [.. overwrites.Select(o => Storage.Allocate(o.Bytes))];
    int saved;

    /// <summary>Called before each launch, in order.</summary>
    public void Before(int launch)
    {
        for (; saved < overwrites.Count && overwrites[saved].Launch == launch; saved++)
            leaves[overwrites[saved].Leaf].CopyTo(kept[saved], overwrites[saved].Bytes);
    }

    /// <summary>Gives every leaf its old values back, the last overwritten first.</summary>
    public void Restore()
    {
        while (--saved >= 0) kept[saved].CopyTo(leaves[overwrites[saved].Leaf], overwrites[saved].Bytes);
    }
}
