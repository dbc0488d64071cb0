using Ingot.Llm.Generation;

namespace Ingot.Llm.Serving;

/// <summary>Something that a <see cref="ServingLoop"/> does beside its texts, a part between two steps.</summary>
abstract class Errand
{
    /// <summary>Does the next part.</summary>
    /// <returns>True if that was the last, or nobody wants the result any more.</returns>
    public abstract bool DoPart(Engine engine);

    /// <summary>It will not be done; whoever waits for it hears why.</summary>
    public abstract void Drop(Exception why);
}

/// <summary>An errand with a result.</summary>
/// <param name="begin">Null as long as there is more to do, then the result. What it throws is for the one who waits.</param>
/// <param name="cancellation">The result is not wanted any more.</param>
sealed class Errand<T>(Func<Engine, IEnumerable<T?>> begin, CancellationToken cancellation) : Errand where T : class
{
    readonly TaskCompletionSource<T> result = new(TaskCreationOptions.RunContinuationsAsynchronously);
    IEnumerator<T?>? parts;

    public Task<T> Result => result.Task;

    public override bool DoPart(Engine engine)
    {
        try
        {
            cancellation.ThrowIfCancellationRequested();
            parts ??= begin(engine).GetEnumerator();
            if (!parts.MoveNext()) throw new InvalidOperationException("an errand has ended without a result");
            if (parts.Current is not { } whole) return false;
            parts.Dispose();
            result.TrySetResult(whole);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            parts?.Dispose();
            result.TrySetCanceled(cancellation);
        }
        catch (Exception e) // the caller's, who awaits
        {
            parts?.Dispose();
            result.TrySetException(e);
        }
        return true;
    }

    public override void Drop(Exception why)
    {
        parts?.Dispose();
        result.TrySetException(why);
    }
}
