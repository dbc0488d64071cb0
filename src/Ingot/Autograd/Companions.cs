using System.Runtime.CompilerServices;
using Ingot.Graph;
using Ingot.Schedule;

namespace Ingot.Autograd;

/// <summary>
/// A loss and its gradients share the forward pass, so whoever asks for one of them gets the others computed in the same schedule: reading the loss before the
/// optimizer's step does not leave the gradients to run the forward pass a second time, nor the other way round.
/// </summary>
/// <remarks>
/// What is computed together must not depend on when the collector runs, or a training loop would compile now and then. So a group holds its members, and
/// lives as long as one of them does; a gradient that was replaced or cleared is no longer a member, by the program's order and not the collector's.
/// </remarks>
static class Companions
{
    internal sealed record Group(List<Tensor> Results, List<(Tensor Leaf, Tensor Gradient)> Gradients)
    {
        public IEnumerable<Tensor> CurrentGradients => Gradients.Where(g => ReferenceEquals(g.Leaf.Grad, g.Gradient)).Select(g => g.Gradient);
    }

    static readonly Lock Gate = new();
    /// <summary>By the node that was measured: a loss that was computed from it takes the tensor along.</summary>
    static readonly ConditionalWeakTable<Node, List<Tensor>> Awaiting = [];

    /// <summary>Something that the forward pass measures on the way, computed with the first loss that is differentiated and was computed from that measurement.</summary>
    public static void Await(Tensor tensor, Tensor measured)
    {
        lock (Gate) Awaiting.GetOrCreateValue(measured.Node).Add(tensor);
    }

    /// <summary>A result and the gradients of its leaves.</summary>
    public static void Join(Tensor result, IEnumerable<Tensor> leaves)
    {
        lock (Gate)
        {
            var group = new Group([result], [.. leaves.Select(l => (l, l.Grad!))]);
            if (Awaiting.Any())
                foreach (var n in Build.TopologicalOrder([result.Node], n => n.Realized is not null))
                    if (Awaiting.Remove(n, out var measured)) group.Results.AddRange(measured.Distinct());
            foreach (var t in group.Results.Concat(group.CurrentGradients)) (t.Companions ??= []).Add(group);
        }
    }

    /// <summary>Adds a result that is computed from these gradients, their norm for one, to be computed when they are used up.</summary>
    public static void Follow(Tensor result, IReadOnlyCollection<Tensor> gradients)
    {
        lock (Gate)
            foreach (var group in Of(gradients))
            {
                group.Results.Add(result);
                (result.Companions ??= []).Add(group);
            }
    }

    /// <summary>The members of every group that one of the targets is in; the groups are done with.</summary>
    public static IReadOnlyList<Tensor> Take(IReadOnlyList<Tensor> targets) => Take(targets, g => g.Results.Concat(g.CurrentGradients));

    /// <summary>The losses of these gradients, for an optimizer that uses the gradients up without needing them in memory.</summary>
    public static IReadOnlyList<Tensor> TakeResults(IReadOnlyList<Tensor> gradients) => Take(gradients, g => g.Results);

    static List<Tensor> Take(IReadOnlyList<Tensor> targets, Func<Group, IEnumerable<Tensor>> members)
    {
        lock (Gate)
        {
            var seen = new HashSet<Tensor>(targets, ReferenceEqualityComparer.Instance);
            var found = new List<Tensor>();
            foreach (var group in Of(targets))
            {
                foreach (var t in members(group))
                    if (Realizer.BufferOrNull(t.Node) is null && seen.Add(t)) found.Add(t);
                foreach (var t in group.Results.Concat(group.Gradients.Select(g => g.Gradient)))
                    t.Companions?.Remove(group);
            }
            return found;
        }
    }

    /// <summary>The groups that some of these are in, each once, in the order of the tensors.</summary>
    static List<Group> Of(IEnumerable<Tensor> members)
    {
        var found = new List<Group>();
        foreach (var t in members)
            if (t.Companions is { Count: > 0 } groups) found.AddRange(groups.Where(g => !found.Contains(g)));
        return found;
    }
}
