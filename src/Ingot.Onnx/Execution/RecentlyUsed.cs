using System.Diagnostics.CodeAnalysis;

namespace Ingot.Onnx.Execution;

/// <summary>Values by name of which the one unused for longest goes when there are too many. May be used from any thread.</summary>
/// <param name="most">Values kept.</param>
sealed class RecentlyUsed<T>(int most) where T : class
{
    readonly Lock gate = new();
    readonly Dictionary<string, LinkedListNode<(string Key, T Value)>> byKey = new(StringComparer.Ordinal);
    readonly LinkedList<(string Key, T Value)> order = new();

    public int Count
    {
        get
        {
            lock (gate) return byKey.Count;
        }
    }

    /// <summary>The value of a name, made if there is none.</summary>
    public T GetOrAdd(string key, Func<T> make)
    {
        lock (gate)
        {
            if (TryGet(key, out var known)) return known;
            var made = make();
            byKey[key] = order.AddFirst((key, made));
            if (byKey.Count > most)
            {
                byKey.Remove(order.Last!.Value.Key);
                order.RemoveLast();
            }
            return made;
        }
    }

    /// <summary>Puts another value in a value's place, unless somebody else has done so.</summary>
    public void TryUpdate(string key, T value, T before)
    {
        lock (gate)
        {
            if (TryGet(key, out var current) && ReferenceEquals(current, before)) byKey[key].Value = (key, value);
        }
    }

    bool TryGet(string key, [NotNullWhen(true)] out T? value)
    {
        value = null;
        if (!byKey.TryGetValue(key, out var node)) return false;
        order.Remove(node);
        order.AddFirst(node);
        value = node.Value.Value;
        return true;
    }
}
