using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot.Schedule;

/// <summary>A captured call: plans in order, and where their leaves and scalars come from. Replaying it builds no graph and looks nothing up.</summary>
sealed class CapturedProgram
{
    /// <summary>Where memory comes from at a call.</summary>
    public enum From
    {
        /// <summary>An argument.</summary>
        Input,
        /// <summary>A result of an earlier segment.</summary>
        Result,
        /// <summary>A tensor that lives outside the function.</summary>
        Outside,
        /// <summary>Made of C# values during the trace.</summary>
        Constant,
    }

    /// <param name="From">What kind of place.</param>
    /// <param name="Index">Number of the argument, result or outer tensor.</param>
    public sealed record Source(From From, int Index)
    {
        /// <summary>Of a result.</summary>
        public int Segment { get; init; }
        /// <summary>Of a constant.</summary>
        public Storage? Memory { get; init; }
    }

    /// <summary>One realise of the function.</summary>
    /// <param name="Plan">What it runs.</param>
    /// <param name="Leaves">Where each leaf comes from.</param>
    /// <param name="Scalars">As traced; a replay overwrites those that change.</param>
    /// <param name="Host">Scalars that C# gives.</param>
    /// <param name="Randoms">First scalars of random streams, and how far each is from the call's first number.</param>
    /// <param name="Assigned">Results that are assigned tensors' memory, once an assignment.</param>
    /// <param name="OriginOf">User's lines of what may fail.</param>
    public sealed record Segment(Plan Plan, Source[] Leaves, long[] Scalars, (int Scalar, HostValue Source, DType DType)[] Host, (int Scalar, ulong Offset)[] Randoms, int[] Assigned, Func<int, string?> OriginOf)
    {
        /// <summary>This run's.</summary>
        public readonly Storage[] Memory = new Storage[Leaves.Length];
        public Storage[] Results = [];
        /// <summary>Memory of results that only later segments read: nobody sees it, so it stays.</summary>
        public Storage?[]? Kept;
        /// <summary>Results of calls that overwrite those of the call before, each of the memory that it has.</summary>
        public Storage[]? InPlace;
    }

    /// <summary>A tensor from outside and the memory it had at the trace.</summary>
    /// <param name="Tensor">Where to look at each call.</param>
    /// <param name="GradientOf">It was this parameter's gradient.</param>
    /// <param name="Memory">At the trace.</param>
    public sealed record Outside(Tensor Tensor, Tensor? GradientOf, Storage Memory)
    {
        /// <summary>Other handles on the same memory.</summary>
        public readonly List<Tensor> Others = [];
    }

    /// <param name="Source">The memory.</param>
    /// <param name="DType">Of the elements.</param>
    /// <param name="Shape">Of the tensor.</param>
    /// <param name="Handle">The tensor that gets it; null: a new one.</param>
    public sealed record Output(Source Source, DType DType, Shape Shape, Tensor? Handle);

    /// <summary>C# code that belongs to a segment.</summary>
    public sealed record Advance(int Segment, Action Forward, Action Back);

    readonly (DType DType, Shape Shape)[] arguments;
    readonly bool noGrad = NoGrad.IsActive;
    readonly IsaLevel level = Cpu.Level;
    readonly Segment[] segments;
    readonly Outside[] outside;
    readonly (Tensor Tensor, Node Node)[] numbersOutside;
    readonly Storage[] outsideMemory;
    readonly Output[] outputs, rebinds;
    readonly (Tensor Parameter, Output Gradient)[] gradients;
    readonly HashSet<Tensor> cleared;
    readonly Advance[] advances;
    readonly ulong numbers;
    readonly int[] overwritten; // outer tensors that are assigned to

    public CapturedProgram(IReadOnlyList<Tensor> arguments, List<Segment> segments, List<Outside> outside,
        List<(Tensor Tensor, Node Node)> numbersOutside, List<Output> outputs, List<Output> rebinds, List<(Tensor, Output)> gradients, HashSet<Tensor> cleared, List<Advance> advances, ulong numbers)
    {
        this.arguments = [.. arguments.Select(a => (a.DType, a.Shape))];
        (this.segments, this.outside, this.outputs, this.rebinds) = ([.. segments], [.. outside.Select(o => o with { Memory = null! })], [.. outputs], [.. rebinds]);
        for (int i = 0; i < outside.Count; i++) this.outside[i].Others.AddRange(outside[i].Others);
        (this.gradients, this.cleared, this.advances, this.numbers) = ([.. gradients], cleared, [.. advances], numbers);
        outsideMemory = new Storage[outside.Count];
        this.numbersOutside = [.. numbersOutside];
        overwritten = [.. segments.SelectMany(s => s.Plan.AssignedLeaves.Select(l => s.Leaves[l].Index)).Distinct()];
        var seen = outputs.Concat(rebinds).Concat(this.gradients.Select(g => g.Gradient)).Select(o => o.Source).Where(s => s.From == From.Result).Select(s => (s.Segment, s.Index)).ToHashSet();
        for (int s = 0; s < segments.Count; s++)
        {
            var bytes = segments[s].Plan.ResultBytes;
            bool[] isHidden = [.. Enumerable.Range(0, bytes.Count).Select(o => bytes[o] > 0 && !seen.Contains((s, o)))];
            if (Array.Exists(isHidden, h => h)) segments[s].Kept = new Storage?[bytes.Count];
            hidden.Add(isHidden);
        }
    }

    readonly List<bool[]> hidden = [];

    public int KernelCount => segments.Sum(s => s.Plan.KernelCount);

    public int LaunchCount => segments.Sum(s => s.Plan.LaunchCount);

    public long TemporaryBytes => segments.Max(s => s.Plan.TemporaryBytes);

    /// <summary>Whether it was captured for such arguments, in such surroundings.</summary>
    public bool Fits(IReadOnlyList<Tensor> inputs)
    {
        if (Realizer.UseInterpreter || inputs.Count != arguments.Length || noGrad != NoGrad.IsActive || level != Cpu.Level) return false;
        for (int i = 0; i < arguments.Length; i++)
            if (inputs[i].DType != arguments[i].DType || !inputs[i].Shape.Equals(arguments[i].Shape)) return false;
        return Settings.Verify == 0 || Array.TrueForAll(segments, s => s.Plan.IsVerifiable);
    }

    /// <summary>Computes the tensors outside that have become lazy since the trace.</summary>
    public void Prepare()
    {
        List<Tensor>? lazy = null;
        foreach (var o in outside)
        {
            if (TensorOf(o) is { Memory: null } tensor) (lazy ??= []).Add(tensor);
            foreach (var other in o.Others)
                if (other.Memory is null) (lazy ??= []).Add(other);
        }
        if (lazy is not null) Realizer.Realize(lazy, default);
    }

    static Tensor? TensorOf(Outside o) => o.GradientOf is { } parameter ? parameter.Grad : o.Tensor;

    /// <summary>Finds the memory of the tensors outside; under the realiser's lock.</summary>
    /// <returns>Null, or why the call must be traced again.</returns>
    public string? Bind()
    {
        foreach (var (parameter, _) in gradients)
            if (parameter.Grad is not null && !cleared.Contains(parameter)) return "there are gradients from before the call";
        foreach (var (tensor, node) in numbersOutside)
            if (!ReferenceEquals(tensor.Node, node)) return "a number outside was replaced";
        for (int i = 0; i < outside.Length; i++)
        {
            if (TensorOf(outside[i])?.Memory is not { } memory) return "a gradient is missing";
            outsideMemory[i] = memory;
            foreach (var other in outside[i].Others)
                if (!ReferenceEquals(other.Memory, memory)) return "tensors that shared memory no longer do";
        }
        foreach (int w in overwritten)
            for (int i = 0; i < outsideMemory.Length; i++)
                if (i != w && ReferenceEquals(outsideMemory[i], outsideMemory[w])) return "tensors share memory that did not";
        return null;
    }

    /// <summary>Runs the plans on these arguments' memory; called under the realiser's lock, after <see cref="Bind"/>.</summary>
    /// <exception cref="OperationCanceledException">Nothing was assigned.</exception>
    public Tensor[] Replay(Storage[] inputs, CancellationToken cancellation)
    {
        KeepApart(inputs);
        var random = numbers > 0 ? Tensor.TakeRandom(numbers) : default;
        int done = 0, advanced = 0;
        try
        {
            for (; done < segments.Length; done++)
            {
                while (advanced < advances.Length && advances[advanced].Segment <= done) advances[advanced++].Forward();
                Execute(segments[done], hidden[done], inputs, random, done == 0 ? cancellation : default);
            }
            return Results(inputs);
        }
        catch
        {
            while (--advanced >= 0 && advances[advanced].Segment >= done) advances[advanced].Back();
            if (done == 0 && numbers > 0) Tensor.ReturnRandom(random, numbers);
            throw;
        }
        finally
        {
            foreach (var s in segments)
            {
                Array.Clear(s.Memory);
                s.Results = [];
            }
            Array.Clear(outsideMemory);
        }
    }

    /// <summary>Whether a call leaves nothing behind but its results.</summary>
    public bool IsPure => outputs.Length > 0 && Array.TrueForAll(outputs, o => o.Handle is null) && rebinds.Length + gradients.Length + cleared.Count + advances.Length + overwritten.Length == 0 && numbers == 0;

    Storage[] inputsInPlace = [], resultsInPlace = [];

    /// <summary>As <see cref="Replay"/> for a program that <see cref="IsPure"/>, on memory that stays: the results of the call before are overwritten, and nothing is allocated.</summary>
    /// <returns>Memory of the results, in an array that is the program's.</returns>
    public Storage[] ReplayInPlace(Tensor[] inputs, CancellationToken cancellation)
    {
        if (inputsInPlace.Length != inputs.Length) inputsInPlace = new Storage[inputs.Length];
        for (int i = 0; i < inputs.Length; i++) inputsInPlace[i] = inputs[i].Memory!;
        if (resultsInPlace.Length != outputs.Length) resultsInPlace = new Storage[outputs.Length];
        try
        {
            for (int i = 0; i < segments.Length; i++)
            {
                var s = segments[i];
                for (int leaf = 0; leaf < s.Memory.Length; leaf++) s.Memory[leaf] = MemoryOf(s.Leaves[leaf], inputsInPlace);
                foreach (var (scalar, source, dtype) in s.Host) s.Scalars[scalar] = PlanKey.Word(dtype, Numbers.Round(dtype, source.Now));
                bool isFirst = s.InPlace is null;
                s.InPlace ??= new Storage[s.Plan.ResultBytes.Count];
                s.Results = s.Plan.Execute(new(s.Memory, s.Scalars, s.OriginOf), i == 0 ? cancellation : default, isFirst ? null : s.InPlace, s.InPlace);
            }
            for (int i = 0; i < outputs.Length; i++) resultsInPlace[i] = MemoryOf(outputs[i].Source, inputsInPlace);
            return resultsInPlace;
        }
        catch
        {
            foreach (var s in segments) s.InPlace = null; // perhaps only some have memory
            throw;
        }
        finally
        {
            foreach (var s in segments)
            {
                Array.Clear(s.Memory);
                s.Results = [];
            }
            Array.Clear(outsideMemory);
            Array.Clear(inputsInPlace);
        }
    }

    /// <summary>An argument in memory that is about to be overwritten is copied.</summary>
    void KeepApart(Storage[] inputs)
    {
        foreach (int w in overwritten)
            for (int i = 0; i < inputs.Length; i++)
                if (inputs[i].Address == outsideMemory[w].Address)
                {
                    var copy = Storage.Allocate(inputs[i].Bytes);
                    inputs[i].CopyTo(copy, copy.Bytes);
                    inputs[i] = copy;
                }
    }

    void Execute(Segment s, bool[] isHidden, Storage[] inputs, RandomState random, CancellationToken cancellation)
    {
        for (int i = 0; i < s.Memory.Length; i++) s.Memory[i] = MemoryOf(s.Leaves[i], inputs);
        foreach (var (scalar, source, dtype) in s.Host) s.Scalars[scalar] = PlanKey.Word(dtype, Numbers.Round(dtype, source.Now));
        foreach (var (scalar, offset) in s.Randoms) PlanKey.Write(random.Seed, random.Counter + offset, s.Scalars.AsSpan(scalar));
        s.Results = s.Plan.Execute(new(s.Memory, s.Scalars, s.OriginOf), cancellation, s.Kept);
        foreach (int a in s.Assigned) s.Results[a].Version++;
        if (s.Kept is { } kept)
            for (int o = 0; o < kept.Length; o++)
                if (isHidden[o]) kept[o] = s.Results[o];
    }

    Storage MemoryOf(Source source, Storage[] inputs) => source.From switch
    {
        From.Input => inputs[source.Index],
        From.Result => segments[source.Segment].Results[source.Index],
        From.Outside => outsideMemory[source.Index],
        _ => source.Memory!,
    };

    Tensor[] Results(Storage[] inputs)
    {
        Tensor Of(Output o) => new(Build.Buffer(o.DType, o.Shape, MemoryOf(o.Source, inputs)));
        var results = new Tensor[outputs.Length];
        foreach (var r in rebinds) r.Handle!.Hold(MemoryOf(r.Source, inputs));
        foreach (var (parameter, gradient) in gradients) parameter.Grad = Of(gradient);
        foreach (var c in cleared)
            if (!Array.Exists(gradients, g => g.Parameter == c)) c.Grad = null;
        for (int i = 0; i < results.Length; i++) results[i] = outputs[i].Handle ?? Of(outputs[i]);
        return results;
    }
}
