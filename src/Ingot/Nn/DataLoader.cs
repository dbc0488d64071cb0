using System.Collections;
using System.Threading.Channels;

namespace Ingot.Nn;

/// <summary>Batches of a data set, made ahead on a background thread. Each enumeration is an epoch, with an order of its own if shuffled.</summary>
/// <typeparam name="T">A batch.</typeparam>
public sealed class DataLoader<T> : IEnumerable<T>
{
    readonly int count, batchSize, prefetch;
    readonly Func<int[], T> make;
    readonly int? seed;
    readonly bool dropLast;
    int epoch;

    /// <param name="count">Number of examples.</param>
    /// <param name="batchSize">Examples a batch.</param>
    /// <param name="make">Makes a batch of the examples with these numbers; called on the background thread, one call at a time.</param>
    /// <param name="shuffleSeed">Shuffles each epoch by this seed and the epoch's number; null keeps the order.</param>
    /// <param name="dropLast">Leaves out a last batch that is not full.</param>
    /// <param name="prefetch">Batches made ahead.</param>
    public DataLoader(int count, int batchSize, Func<int[], T> make, int? shuffleSeed = null, bool dropLast = false, int prefetch = 2)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(prefetch);
        (this.count, this.batchSize, this.make, seed, this.dropLast, this.prefetch) = (count, batchSize, make, shuffleSeed, dropLast, prefetch);
    }

    /// <summary>Batches an epoch.</summary>
    public int Batches => dropLast ? count / batchSize : (count + batchSize - 1) / batchSize;

    /// <summary>The number of the next epoch; set it to continue a training that was interrupted.</summary>
    public int Epoch
    {
        get => epoch;
        set => epoch = value;
    }

    public IEnumerator<T> GetEnumerator()
    {
        var order = Order(epoch++);
        var batches = Channel.CreateBounded<T>(prefetch);
        using var stop = new CancellationTokenSource();
        var maker = Task.Run(() => Fill(order, batches.Writer, stop.Token));
        try
        {
            // A failure of the maker closes the channel with its exception, which the wait then throws here.
            while (batches.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
                while (batches.Reader.TryRead(out var batch)) yield return batch;
        }
        finally
        {
            stop.Cancel(); // the loop was left early
            maker.Wait();
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    async Task Fill(int[] order, ChannelWriter<T> batches, CancellationToken stop)
    {
        try
        {
            for (int i = 0; i < Batches; i++)
            {
                int start = i * batchSize;
                await batches.WriteAsync(make(order[start..Math.Min(start + batchSize, count)]), stop).ConfigureAwait(false);
            }
            batches.Complete();
        }
        catch (Exception e) // handed to the thread that enumerates
        {
            batches.Complete(e is OperationCanceledException && stop.IsCancellationRequested ? null : e);
        }
    }

    int[] Order(int number)
    {
        var order = Enumerable.Range(0, count).ToArray();
        if (seed is { } s) new Random(HashOf(s, number)).Shuffle(order);
        return order;
    }

    /// <summary>Seeds that differ by one give unrelated orders, in every process the same.</summary>
    static int HashOf(int seed, int epoch) => (int)(((uint)seed * 0x9E3779B1u) ^ ((uint)epoch * 0x85EBCA77u));
}
