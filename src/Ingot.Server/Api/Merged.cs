namespace Ingot.Server.Api;

/// <summary>Several streams read as one.</summary>
static class Merged
{
    /// <summary>The pieces of all streams as they come, each with the stream's number; null where a stream has ended.</summary>
    public static async IAsyncEnumerable<(int Index, T? Piece)> Of<T>(IReadOnlyList<IAsyncEnumerable<T>> streams) where T : class
    {
        List<(int Index, IAsyncEnumerator<T> Stream, Task<bool> Next)> open = [];
        try
        {
            foreach (var (i, stream) in streams.Index())
            {
                var s = stream.GetAsyncEnumerator();
                open.Add((i, s, s.MoveNextAsync().AsTask()));
            }
            while (open.Count > 0)
            {
                if (open.Count > 1) await Task.WhenAny(open.Select(o => o.Next));
                int at = open.Count == 1 ? 0 : open.FindIndex(o => o.Next.IsCompleted);
                var (index, stream, next) = open[at];
                bool hasMore = await next;
                T? piece = hasMore ? stream.Current : null;
                if (hasMore) open[at] = (index, stream, stream.MoveNextAsync().AsTask());
                else
                {
                    open.RemoveAt(at);
                    await stream.DisposeAsync();
                }
                yield return (index, piece);
            }
        }
        finally
        {
            foreach (var (_, stream, next) in open)
            {
                await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // the first failure is the one that is told
                await stream.DisposeAsync();
            }
        }
    }
}
