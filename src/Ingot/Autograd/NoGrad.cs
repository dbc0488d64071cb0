namespace Ingot;

/// <summary>While one is alive, results of operations take no part in gradients. Follows the async flow.</summary>
/// <example><code>using (new NoGrad()) { ... }</code></example>
public sealed class NoGrad : IDisposable
{
    static readonly AsyncLocal<int> Depth = new();

    bool isDisposed;

    public NoGrad() => Depth.Value++;

    public static bool IsActive => Depth.Value > 0;

    /// <summary>Ends it; a second call does nothing.</summary>
    public void Dispose()
    {
        if (isDisposed) return;
        isDisposed = true;
        Depth.Value--;
    }
}
