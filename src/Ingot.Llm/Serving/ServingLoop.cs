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
    readonly Queue<Errand> errands = [];
    readonly List<ServedSequence> running = []; // the thread's
    readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly Action? trim;
    readonly long kvBytes;
    int runningCount;
    bool isStopping, isAborted, hasTrimmed;

    /// <param name="engine">From here on the loop's alone.</param>
    /// <param name="options">How much it takes on.</param>
    /// <param name="trim">Gives back memory that others than the engine keep, when nothing happens for a while.</param>
    public ServingLoop(Engine engine, ServingOptions? options = null, Action? trim = null)
    {
        (this.engine, this.options, this.trim) = (engine, (options ?? new()).Checked(), trim);
        kvBytes = this.options.KvBytes ?? Math.Max(engine.Cache.PageBytes, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2);
        new Thread(Run) { IsBackground = true, Name = "ingot serving" }.Start();
    }

    /// <summary>Texts that wait for a slot.</summary>
    public int Waiting { get { lock (gate) return waiting.Count; } }

    /// <summary>Texts that are being written.</summary>
    public int Running { get { lock (gate) return runningCount; } }

    /// <summary>Pages of keys and values that nobody holds and that are kept for texts to come.</summary>
    internal int FreePages => engine.Cache.PagesFree;

    /// <summary>Texts to be written, all or none of them.</summary>
    /// <returns>The first request's texts, then the second's, ...</returns>
    /// <exception cref="QueueFullException">There is no room for them.</exception>
    /// <exception cref="IngotException">An option is out of range, or a prompt alone needs more memory than there is for keys and values.</exception>
    /// <exception cref="LoopStoppedException">The loop has ended or is ending.</exception>
    public IReadOnlyList<ServedSequence> Submit(params IReadOnlyList<TextRequest> requests)
    {
        List<ServedSequence> sequences = [];
        foreach (var (prompt, sampling, count) in requests)
        {
            var limited = Limited(sampling.Checked(), prompt.Length); // here, where the caller sees it
            ServedSequence? first = null;
            for (int i = 0; i < count; i++)
            {
                var s = new ServedSequence(this, prompt, limited with { Seed = sampling.Seed + (ulong)i }, first) { KvBytes = KvBytesOf(prompt.Length, limited.MaxTokens) };
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

    /// <summary>Does something else with the engine and its model, a part between two steps; several take turns.</summary>
    /// <param name="parts">Null as long as there is more to do, then the result.</param>
    /// <param name="cancellation">The result is not wanted any more.</param>
    /// <exception cref="QueueFullException">Too much waits already.</exception>
    /// <exception cref="LoopStoppedException">The loop has ended or is ending.</exception>
    public Task<T> RunInPartsAsync<T>(Func<Engine, IEnumerable<T?>> parts, CancellationToken cancellation = default) where T : class
    {
        var errand = new Errand<T>(parts, cancellation);
        lock (gate)
        {
            if (isStopping) throw new LoopStoppedException();
            if (errands.Count >= options.MostWaiting) throw new QueueFullException(errands.Count, options.MostWaiting);
            errands.Enqueue(errand);
            Monitor.Pulse(gate);
        }
        return errand.Result;
    }

    /// <summary>The options of a text that becomes no longer than there is memory for.</summary>
    SamplingOptions Limited(SamplingOptions sampling, int prompt)
    {
        long positions = kvBytes / engine.Cache.PageBytes * KvCache.PagePositions, room = positions - prompt;
        if (room < 1) throw new IngotException($"the prompt has {prompt} tokens, but the memory for keys and values holds {positions} ({kvBytes >> 20} MB); give more of it, or keep them in bf16 or int8");
        return sampling.MaxTokens <= room ? sampling : sampling with { MaxTokens = (int)room };
    }

    /// <summary>Bytes of keys and values of a text as long as it may become.</summary>
    long KvBytesOf(int prompt, int mostTokens)
    {
        long positions = Math.Min(engine.Model.ContextLength, prompt + (long)mostTokens);
        return (positions + KvCache.PagePositions - 1) / KvCache.PagePositions * engine.Cache.PageBytes;
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
                    lock (gate) DropErrands(e);
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
            Errand? errand;
            bool isIdle = false;
            lock (gate)
            {
                Drop(aborted: isAborted);
                while (waiting.Count == 0 && running.Count == 0 && errands.Count == 0)
                {
                    runningCount = 0;
                    if (isStopping) return false;
                    if (isIdle = engine.HasEnded) break;
                    if (hasTrimmed) Monitor.Wait(gate);
                    else if (!Monitor.Wait(gate, options.IdleTime))
                    {
                        engine.Cache.Trim();
                        trim?.Invoke();
                        hasTrimmed = true;
                    }
                    Drop(aborted: isAborted);
                }
                hasTrimmed = false;
                long taken = running.Sum(s => s.KvBytes);
                while (running.Count < options.Slots && waiting.First is { Value: var next } && taken + next.KvBytes <= kvBytes)
                {
                    taken += next.KvBytes;
                    waiting.RemoveFirst();
                    running.Add(next);
                }
                runningCount = running.Count;
                errands.TryDequeue(out errand); // a part of one a step: texts being written must not wait for many
            }
            if (isIdle)
            {
                try { engine.StepAgain(); }
                catch (Exception) { engine.ForgetEnded(); } // nobody waits for it: what comes next is computed then
                continue;
            }
            if (errand is not null && !errand.DoPart(engine))
                lock (gate) errands.Enqueue(errand);
            running.RemoveAll(s => !s.HasBegun && !Begin(s));
            if (engine.Active > 0) return true; // texts, or an errand's
        }
    }

    bool Begin(ServedSequence s)
    {
        try
        {
            s.Begin(engine, options.Drafting?.Invoke());
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
        DropErrands(new LoopStoppedException());
    }

    void DropErrands(Exception why)
    {
        foreach (var e in errands) e.Drop(why);
        errands.Clear();
    }
}
