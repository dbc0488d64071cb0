using Ingot.Graph;
using Ingot.Runtime;
using Ingot.Schedule;

namespace Ingot;

/// <summary>
/// A function of tensors that is captured when it is first called: later calls replay the kernels of the first, without running the C# code and without
/// building a graph. What a replay computes is what the function would have computed, bit for bit.
/// </summary>
/// <remarks>
/// <para>
/// A call follows its arguments, tensors that live outside the function (weights that an optimizer updates, loads or replaces), the stream of random numbers,
/// schedules of an optimizer, and every <see cref="Number"/>. It repeats what the function does to tensors: <see cref="Tensor.Assign"/>, gradients, running means, steps of an optimizer.
/// Everything else is as it was at the first call: plain numbers of C#, tensors made of C# values inside, branches taken, variables set.
/// </para>
/// <para>
/// Arguments of other shapes or dtypes are another capture, as is a call under <see cref="NoGrad"/>. Results carry no gradient: call Backward() inside. Reading values (ToArray, Item) inside is an error.
/// Under CHECK=1 nothing is replayed.
/// </para>
/// </remarks>
/// <example><code>
/// var step = Compiled.Of((x, y) =&gt;
/// {
///     optimizer.ZeroGrad();
///     var loss = model(x).CrossEntropy(y);
///     loss.Backward();
///     optimizer.Step(progress);              // var progress = new Number(0)
///     return loss;
/// });
/// for (int i = 0; i &lt; 1000; i++) { progress.Value = i / 1000.0; step.Call(batch.X, batch.Y); }
/// </code></example>
/// <param name="function">What is captured; it is called again for arguments of other shapes.</param>
public sealed class Compiled(Func<Tensor[], Tensor[]> function)
{
    /// <summary>Captures that are kept: a function called with more shapes than this drops the oldest.</summary>
    const int MostPrograms = 64;

    readonly Lock gate = new();
    readonly List<CapturedProgram> programs = [];

    public static Compiled Of(Func<Tensor> function) => new(_ => [function()]) { arity = 0 };

    public static Compiled Of(Func<Tensor, Tensor> function) => new(x => [function(x[0])]) { arity = 1 };

    public static Compiled Of(Func<Tensor, Tensor, Tensor> function) => new(x => [function(x[0], x[1])]) { arity = 2 };

    public static Compiled Of(Func<Tensor, Tensor, Tensor, Tensor> function) => new(x => [function(x[0], x[1], x[2])]) { arity = 3 };

    int arity = -1;

    /// <summary>Calls that ran the C# function.</summary>
    public int Traces { get; private set; }

    /// <summary>Calls that did not.</summary>
    public int Replays { get; private set; }

    /// <summary>The first result.</summary>
    public Tensor Call(params IReadOnlyList<Tensor> inputs) => Run(inputs)[0];

    /// <summary>All results, computed.</summary>
    /// <param name="inputs">Arguments; what is lazy among them is computed first.</param>
    /// <param name="cancellation">Checked until something is assigned.</param>
    /// <exception cref="IngotException">An argument requires a gradient, or the function does what cannot be captured.</exception>
    /// <exception cref="ShapeException">Another number of arguments than the function has.</exception>
    /// <exception cref="OperationCanceledException">Nothing was assigned, and the call can be made again.</exception>
    public Tensor[] Run(IReadOnlyList<Tensor> inputs, CancellationToken cancellation = default)
    {
        if (arity >= 0 && inputs.Count != arity) throw new ShapeException($"a compiled function of {arity} tensors was called with {inputs.Count}");
        if (Capture.Current is not null) return function([.. inputs]); // part of the capture around it
        var arguments = Computed(inputs);
        string? why = null;
        if (Settings.Check > 0) why = "CHECK=1 needs the graph";
        else if (Find(arguments) is not { } program) why = $"there is no capture for {string.Join(", ", arguments.Select(a => $"{a.DType.Name}{a.Shape}"))}{(NoGrad.IsActive ? " under NoGrad" : "")}";
        else if (Realizer.Replay(program, arguments, cancellation, out why) is { } results)
        {
            Replays++;
            return results;
        }
        Observe.Traced(why!);
        cancellation.ThrowIfCancellationRequested();
        Traces++;
        var traced = new Capture(arguments, cancellation).Trace(function, arguments, out var made);
        if (made is not null) Keep(made, arguments);
        return traced;
    }

    /// <summary>
    /// As <see cref="Run"/>, into memory that the next such call for the same shapes overwrites: for loops that read results at once. Allocates nothing on the
    /// managed heap once captured.
    /// </summary>
    /// <param name="inputs">Arguments, computed.</param>
    /// <param name="cancellation">As for <see cref="Run"/>.</param>
    /// <returns>Memory of the results, in an array that the next call changes.</returns>
    internal Storage[] RunInPlace(Tensor[] inputs, CancellationToken cancellation)
    {
        if (Settings.Check == 0 && Capture.Current is null && Find(inputs) is { IsPure: true } program && Realizer.ReplayInPlace(program, inputs, cancellation) is { } results)
        {
            Replays++;
            return results;
        }
        return Array.ConvertAll(Run(inputs, cancellation), r => r.Memory!);
    }

    CapturedProgram? Find(Tensor[] arguments)
    {
        lock (gate)
        {
            foreach (var p in programs)
                if (p.Fits(arguments)) return p;
            return null;
        }
    }

    void Keep(CapturedProgram program, Tensor[] arguments)
    {
        lock (gate)
        {
            programs.RemoveAll(p => p.Fits(arguments));
            if (programs.Count == MostPrograms) programs.RemoveAt(0);
            programs.Add(program);
        }
    }

    /// <summary>The arguments with memory behind each.</summary>
    static Tensor[] Computed(IReadOnlyList<Tensor> inputs)
    {
        var arguments = new Tensor[inputs.Count];
        List<Tensor>? lazy = null;
        for (int i = 0; i < arguments.Length; i++)
        {
            var x = inputs[i];
            if (x.RequiresGrad)
                throw new IngotException($"argument {i} of a compiled function, {x.DType.Name}{x.Shape}, requires a gradient, which a replay would not leave in it; pass Detach(), and use GradOf inside for a gradient of an argument");
            // A number costs no kernel.
            arguments[i] = x.Node is { Op: Op.Const, DType: DType.F32, Shape.Rank: 0 } number ? Tensor.From([(float)number.Const!.Value]).Reshape() : x;
            if (arguments[i].Memory is null) (lazy ??= []).Add(arguments[i]);
        }
        if (lazy is not null) Tensor.Realize(lazy);
        return arguments;
    }
}
