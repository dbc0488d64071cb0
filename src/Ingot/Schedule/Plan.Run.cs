using System.Diagnostics;
using System.Runtime.InteropServices;
using Ingot.Runtime;

namespace Ingot.Schedule;

/// <summary>Running a plan: addresses and scalars are filled in, then the launches run in order. One run at a time, under the realiser's lock.</summary>
sealed partial class Plan
{
    /// <summary>Where a kernel reports a bad index.</summary>
    readonly long[] error = GC.AllocateArray<long>(4, pinned: true);

    nint[] addresses = [];

    /// <summary>Time inside launches since the process began, in ticks of <see cref="Stopwatch"/>, while <see cref="IsTimed"/>; for measuring what is outside of them.</summary>
    internal static long LaunchTicks { get; private set; }

    internal static bool IsTimed { get; set; }

    /// <summary>Runs every launch.</summary>
    /// <param name="run">Leaves and scalars of this run.</param>
    /// <param name="cancellation">Checked between launches until the first that overwrites an assigned tensor: a cancelled run has assigned nothing.</param>
    /// <param name="given">Memory for results, where there is some already.</param>
    /// <param name="into">What is returned, if not a new array.</param>
    /// <returns>Storage of each distinct target.</returns>
    /// <remarks>
    /// A run that fails leaves all targets as they were, uncomputed. Out of memory and cancellation come before anything is assigned. A bad index is found by
    /// the kernel that meets it, and a kernel of the user's own may throw; what has been assigned before gets its old values back.
    /// </remarks>
    public Storage[] Execute(PlanArguments run, CancellationToken cancellation, Storage?[]? given = null, Storage[]? into = null)
    {
        if (WorkerPool.Threads > workers) PlaceTemporaries();
        packs ??= FindPacks();
        PlannedMemory.Check(this);
        foreach (var pack in packs) pack.Look(run.Leaves);
        var (results, arena, undo) = Allocate(run.Leaves, given, into ?? new Storage[outputs.Count]);
        try
        {
            Fill(run, results, arena);
            bool assigned = false, observed = Observe.IsOn || IsTimed;
            for (int l = 0; l < launches.Count; l++)
            {
                var launch = launches[l];
                if (!assigned) cancellation.ThrowIfCancellationRequested();
                if (launch.Host is { } host) { RunOnHost(launch.Name, host, run); continue; }
                var expected = Settings.Verify > 0 ? Expect(launch, run.Scalars) : null;
                undo?.Before(l);
                long start = observed ? Stopwatch.GetTimestamp() : 0;
                launch.Execute(workers);
                if (observed) Ran(launch, start);
                if (error[0] != 0) throw BadIndex(run);
                if (expected is not null) Compare(launch, expected);
                assigned |= launch.Assigns;
            }
            foreach (var pack in packs) pack.Ran();
        }
        catch
        {
            undo?.Restore();
            throw;
        }
        finally
        {
            if (arena != 0) MemoryPool.Return(arena, arenaBytes);
            GC.KeepAlive(run.Leaves);
        }
        return results;
    }

    static void Ran(Launch launch, long start)
    {
        LaunchTicks += Stopwatch.GetTimestamp() - start;
        if (Observe.IsOn) Observe.Ran(launch.Name, launch.Kernel!, launch.Instances.Count, launch.Instances.Sum(i => i.Flops), launch.Instances.Sum(i => i.Bytes), start);
    }

    /// <summary>Every kernel's arguments.</summary>
    void Fill(PlanArguments run, Storage[] results, nint arena)
    {
        if (addresses.Length != buffers.Count) addresses = new nint[buffers.Count];
        for (int b = 0; b < addresses.Length; b++)
        {
            var buffer = buffers[b];
            addresses[b] = buffer.Kind switch
            {
                Kind.Leaf => run.Leaves[buffer.Index].Address,
                Kind.Output => results[buffer.Index].Address,
                _ => arena + (nint)buffer.Offset,
            };
        }
        Array.Clear(error);
        nint errorAddress = Marshal.UnsafeAddrOfPinnedArrayElement(error, 0);
        foreach (var launch in launches)
            foreach (var i in launch.Instances)
            {
                var words = i.Words.AsSpan(i.First);
                words[0] = errorAddress;
                words = words[1..];
                for (int s = 0; s < i.Buffers.Length; s++) words[s] = addresses[i.Buffers[s]];
                for (int s = i.Buffers.Length; s < i.ScratchOffsets.Length; s++) words[s] = arena + (nint)i.ScratchOffsets[s];
                words = words[i.ScratchOffsets.Length..];
                for (int s = 0; s < i.Scalars.Length; s++) words[s] = run.Scalars[i.Scalars[s]];
            }
        foreach (var pack in packs!)
            for (int i = 0; pack.Kept is { } kept && i < kept.Length; i++) pack.Launch.Instances[i].Words[pack.Launch.Instances[i].First + 1 + pack.Slot] = kept[i].Address;
    }

    /// <summary>Memory of the targets, of the temporaries and of old values.</summary>
    (Storage[] Results, nint Arena, Undo? Undo) Allocate(Storage[] leaves, Storage?[]? given, Storage[] results)
    {
        try
        {
            for (int o = 0; o < results.Length; o++)
            {
                results[o] = outputs[o].AssignedLeaf is >= 0 and var leaf ? leaves[leaf] : given?[o] ?? Storage.Allocate(outputs[o].Bytes);
                if (given?[o] is { } again) again.Version++; // what was there before is gone
            }
            var undo = overwrites.Count > 0 ? new Undo(overwrites, leaves) : null;
            return (results, arenaBytes > 0 ? MemoryPool.Rent(arenaBytes, isBrief: true) : 0, undo);
        }
        catch (OutOfMemoryException e)
        {
            long outputBytes = outputs.Where(o => o.AssignedLeaf < 0).Sum(o => o.Bytes), leafBytes = leaves.Sum(l => l.Bytes);
            throw new InsufficientMemoryException($"{e.Message} This computation takes {arenaBytes:N0} bytes of temporaries, {outputBytes:N0} of results and {leafBytes:N0} of tensors it reads{(overwrites.Count > 0 ? $", and {OldBytes:N0} for old values while it may fail" : "")}; nothing has been computed or assigned. By kind: {MemoryByKind()}.", e);
        }
    }

    TensorIndexException BadIndex(PlanArguments run)
    {
        var (text, at) = sites[(int)error[3]];
        string line = at >= 0 && run.OriginOf(at) is { } origin ? $", built at {origin}" : "";
        return new TensorIndexException($"index {error[1]} is out of range for a dimension of {error[2]}, in the {text}{line}");
    }
}
