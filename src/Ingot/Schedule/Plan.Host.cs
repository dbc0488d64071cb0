using System.Diagnostics;
using Ingot.Codegen;
using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot.Schedule;

/// <summary>Launches that are not compiled code: sorts, and kernels of the user's own, run on the host where their turn comes.</summary>
sealed partial class Plan
{
    /// <param name="Node">What is computed, cut off from what it was computed from: a plan outlives its first graph, and must not keep that graph's memory.</param>
    /// <param name="Buffers">The operands, then the output.</param>
    /// <param name="Checked">The node's number among <see cref="PlanKey.Checked"/>, or -1.</param>
    sealed record HostStep(Node Node, int[] Buffers, int Checked)
    {
        /// <summary>Views of this run's memory.</summary>
        public BorrowedStorage[]? Memory;
    }

    static Launch HostLaunch(Node n, int[] buffers, int at)
    {
        var alone = Node.Of(n.Op, n.DType, n.Shape, n.Arg, Array.ConvertAll(n.src, s => Graph.Build.Const(s.DType, s.Shape, 0L)));
        string what = n.Arg is CustomArg c ? c.Kernel.Name : "sort";
        return new Launch { Name = $"{what}_{string.Join('x', n.Shape)}", Host = new(alone, buffers, at), MayFail = n.Op == Op.Custom };
    }

    long BytesOf(int buffer) => buffers[buffer].Shape.Count * buffers[buffer].DType.Size;

    long BytesOf(HostStep host) => host.Buffers[..^1].Distinct().Sum(BytesOf) + BytesOf(host.Buffers[^1]);

    BorrowedStorage[] Views(HostStep host) => Array.ConvertAll(host.Buffers, b => new BorrowedStorage(addresses[b], BytesOf(b)));

    void RunOnHost(string name, HostStep host, PlanArguments run)
    {
        long start = Stopwatch.GetTimestamp();
        var memory = host.Memory ??= Views(host);
        for (int i = 0; i < memory.Length; i++) memory[i].Move(addresses[host.Buffers[i]]);
        if (host.Node.Arg is not CustomArg { Kernel: var kernel })
        {
            Interpreter.RunSort(host.Node, memory[0], memory[1]);
            if (Observe.IsOn) Observe.RanOnHost(name, BytesOf(host), start);
            return;
        }
        string? origin = host.Checked >= 0 ? run.OriginOf(host.Checked) : null;
        kernel.Run(host.Node, memory, origin);
        if (Observe.IsOn) Observe.RanOnHost(name, BytesOf(host), start);
        if (Settings.Verify > 0) RunAgain(kernel, host.Node, memory, origin);
    }

    /// <summary>VERIFY=1: nothing else knows what the user's kernel should compute, but it should compute it each time.</summary>
    /// <exception cref="IngotException">The second run gave other bits than the first.</exception>
    static void RunAgain(CustomKernel kernel, Node n, Storage[] memory, string? origin)
    {
        Storage first = memory[^1], second = Storage.Allocate(first.Bytes);
        kernel.Run(n, [.. memory[..^1], second], origin);
        var before = Interpreter.Load(n, Graph.Build.Buffer(n.DType, n.Shape, first));
        var after = Interpreter.Load(n, Graph.Build.Buffer(n.DType, n.Shape, second));
        for (int i = 0; i < n.Shape.Count; i++)
        {
            if (n.DType.IsFloat ? before.F![i].Equals(after.F![i]) : before.I![i] == after.I![i]) continue;
            string Text(Interpreter.Value v) => n.DType.IsFloat ? $"{v.F![i]:R}" : $"{v.I![i]}";
            throw new IngotException($"VERIFY: {kernel.At(origin)} is not a function of its inputs: {n.DType.Name}{n.Shape} element {n.Shape.At(i)} is {Text(before)} in one run and {Text(after)} in the next");
        }
    }
}
