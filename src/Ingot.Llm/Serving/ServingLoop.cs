using Ingot.Llm.Generation;

namespace Ingot.Llm.Serving;

/// <summary>
/// Serves many callers with one <see cref="Engine"/>, which one thread owns: between two steps it takes what has arrived as far as there are slots, drops what was
/// given up, and after a step hands each text's tokens to its channel.
/// </summary>
/// <remarks>The shape is that of mini-sglang's scheduler: receive, choose a batch, run, deal with the result.</remarks>
public sealed class ServingLoop : IAsyncDisposable
{
    readonly Engine engine;
    readonly ServingOptions options;
    readonly object gate = new(); // guards all below but the thread's own list; pulsed when something arrives, is given up, or ends
    readonly LinkedList<ServedSequence> waiting = [];
    readonly Queue<Action<Engine>> errands = [];
    readonly List<ServedSequence> running = []; // the thread's
    readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    int runningCount;
    bool isStopping, isAborted;

    /// <param name="engine">From here on the loop's alone.</param>
    /// <param name="options">How much it takes on.</param>
    public ServingLoop(Engine engine, ServingOptions? options = null)
    {
        (this.engine, this.options) = (engine, (options ?? new()).Checked());
        new Thread(Run) { IsBackground = true, Name = "ingot serving" }.Start();
    }

    /// <summary>Texts that wait for a slot.</summary>
    public int Waiting { get { lock (gate) return waiting.Count; } }

    /// <summary>Texts that are being written.</summary>
    public int Running { get { lock (gate) return runningCount; } }

    /// <summary>Texts to be written, all or none of them.</summary>
    /// <returns>The first request's texts, then the second's, ...</returns>
    /// <exception cref="QueueFullException">There is no room for them.</exception>
    /// <exception cref="LoopStoppedException">The loop has ended or is ending.</exception>
    public IReadOnlyList<ServedSequence> Submit(params IReadOnlyList<TextRequest> requests)
    {
        List<ServedSequence> sequences = [];
        foreach (var (prompt, sampling, count) in requests)
        {
            sampling.Checked(); // here, where the caller sees it
            ServedSequence? first = null;
            for (int i = 0; i < count; i++)
            {
                var s = new ServedSequence(this, prompt, sampling with { Seed = sampling.Seed + (ulong)i }, first);
                first ??= s;
                sequences.Add(s);
            }
        }
        lock (gate)
        {
            if (isStopping) throw new LoopStoppedException();
            int free = options.Slots - runningCount; // these leave the queue before the next step
            if (waiting.Count + sequences.Count > options.MostWaiting + Math.Max(0, free)) throw new QueueFullException(waiting.Count, options.MostWaiting);
            foreach (var s in sequences) waiting.AddLast(s);
            Monitor.Pulse(gate);
        }
        return sequences;
    }

    /// <summary>Does something else with the engine and its model, between two steps.</summary>
    /// <exception cref="QueueFullException">Too much waits already.</exception>
    /// <exception cref="LoopStoppedException">The loop has ended or is ending.</exception>
    public Task<T> RunAsync<T>(Func<Engine, T> errand)
    {
        var result = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (gate)
        {
            if (isStopping) throw new LoopStoppedException();
            if (errands.Count >= options.MostWaiting) throw new QueueFullException(errands.Count, options.MostWaiting);
            errands.Enqueue(e =>
            {
                try { result.SetResult(errand(e)); }
                catch (Exception error) { result.SetException(error); } // it is the caller's, who awaits
            });
            Monitor.Pulse(gate);
        }
        return result.Task;
    }

    /// <summary>Takes nothing more, and ends what is there: as it ends itself within the patience, or else where it is.</summary>
    /// <param name="patience">How long texts may go on.</param>
    public async Task StopAsync(TimeSpan patience)
    {
        lock (gate)
        {
            isStopping = true;
            Monitor.Pulse(gate);
        }
        if (await Task.WhenAny(ended.Task, Task.Delay(patience)).ConfigureAwait(false) != ended.Task)
        {
            lock (gate)
            {
                isAborted = true;
                Monitor.Pulse(gate);
            }
        }
        await ended.Task.ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync() => await StopAsync(TimeSpan.Zero).ConfigureAwait(false);

    internal void Cancel(ServedSequence sequence)
    {
        lock (gate)
        {
            if (waiting.Remove(sequence)) sequence.End(Finish.Stopped);
            Monitor.Pulse(gate);
        }
    }

    void Run()
    {
        while (Receive())
        {
            try { engine.Step(); }
            catch (Exception e) // whatever it is, those who wait must hear of it, and the next ones are to be served
            {
                // An error of single texts is theirs alone: HandOut ends these with it.
                if (!running.Exists(s => s.HasFailed))
                {
                    foreach (var s in running) s.End(Finish.Stopped, e);
                    running.Clear();
                    continue;
                }
            }
            running.RemoveAll(s => s.HandOut());
        }
        ended.SetResult();
    }

    /// <summary>Waits for work, gives slots to texts that wait and drops those that were given up.</summary>
    /// <returns>False if the loop is to end.</returns>
    bool Receive()
    {
        while (true)
        {
            List<Action<Engine>> now = [];
            lock (gate)
            {
                Drop(aborted: isAborted);
                while (waiting.Count == 0 && running.Count == 0 && errands.Count == 0)
                {
                    runningCount = 0;
                    if (isStopping) return false;
                    Monitor.Wait(gate);
                    Drop(aborted: isAborted);
                }
                while (running.Count < options.Slots && waiting.First is { Value: var next })
                {
                    waiting.RemoveFirst();
                    running.Add(next);
                }
                runningCount = running.Count;
                if (errands.TryDequeue(out var errand)) now.Add(errand); // one a step: texts being written must not wait for many
            }
            foreach (var errand in now) errand(engine);
            running.RemoveAll(s => !s.HasBegun && !Begin(s));
            if (running.Count > 0) return true;
        }
    }

    bool Begin(ServedSequence s)
    {
        try
        {
            s.Begin(engine);
            return true;
        }
        catch (Exception e) // the caller's prompt: it hears of it, the others go on
        {
            s.End(Finish.Stopped, e);
            return false;
        }
    }

    void Drop(bool aborted)
    {
        running.RemoveAll(s =>
        {
            if (!s.IsCancelled && !aborted) return false;
            s.End(Finish.Stopped, aborted ? new LoopStoppedException() : null);
            return true;
        });
        if (!aborted) return;
        foreach (var s in waiting) s.End(Finish.Stopped, new LoopStoppedException());
        waiting.Clear();
    }
}
