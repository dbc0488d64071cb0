using Ingot.Schedule;

namespace Ingot.Autograd;

/// <summary>
/// A loss and its gradients share the forward pass, so whoever asks for one of them gets the others computed in the same schedule: reading the loss before the
/// optimizer's step does not leave the gradients to run the forward pass a second time, nor the other way round.
/// </summary>
static class Companions
{
    /// <summary>Held weakly: a loss that nobody looks at is not computed.</summary>
    sealed record Group(List<WeakReference<Tensor>> Results, List<WeakReference<Tensor>> Gradients);

    static readonly Lock Gate = new();
    static readonly List<Group> Pending = [];
    static readonly List<WeakReference<Tensor>> Awaiting = [];

    /// <summary>Something that the forward pass measures on the way, computed with the next loss that is differentiated.</summary>
    public static void Await(Tensor tensor)
    {
        lock (Gate) Awaiting.Add(new(tensor));
    }

    public static void Join(Tensor result, IEnumerable<Tensor> gradients)
    {
        lock (Gate)
        {
            Pending.RemoveAll(g => !g.Results.Concat(g.Gradients).Any(IsWaiting));
            Pending.Add(new([new(result), .. Awaiting], [.. gradients.Select(g => new WeakReference<Tensor>(g))]));
            Awaiting.Clear();
        }
    }

    /// <summary>Adds a result that is computed from these gradients, their norm for one, to be computed when they are used up.</summary>
    public static void Follow(Tensor result, IReadOnlyCollection<Tensor> gradients)
    {
        lock (Gate)
        {
            foreach (var group in Pending)
                if (group.Gradients.Exists(g => g.TryGetTarget(out var t) && gradients.Contains(t))) group.Results.Add(new(result));
        }
    }

    /// <summary>The members of every group that one of the targets is in; the groups are done with.</summary>
    public static IReadOnlyList<Tensor> Take(IReadOnlyList<Tensor> targets) => Take(targets, g => g.Results.Concat(g.Gradients));

    /// <summary>The losses of these gradients, for an optimizer that uses the gradients up without needing them in memory.</summary>
    public static IReadOnlyList<Tensor> TakeResults(IReadOnlyList<Tensor> gradients) => Take(gradients, g => g.Results);

    static List<Tensor> Take(IReadOnlyList<Tensor> targets, Func<Group, IEnumerable<WeakReference<Tensor>>> members)
    {
        lock (Gate)
        {
            if (Pending.Count == 0) return [];
            var asked = new HashSet<Tensor>(targets, ReferenceEqualityComparer.Instance);
            var found = new List<Tensor>();
            foreach (var group in Pending.ToList())
            {
                if (!group.Results.Concat(group.Gradients).Any(w => w.TryGetTarget(out var t) && asked.Contains(t))) continue;
                Pending.Remove(group);
                foreach (var w in members(group))
                    if (IsWaiting(w) && w.TryGetTarget(out var t) && !asked.Contains(t)) found.Add(t);
            }
            return found;
        }
    }

    static bool IsWaiting(WeakReference<Tensor> w) => w.TryGetTarget(out var t) && Realizer.BufferOrNull(t.Node) is null;
}
