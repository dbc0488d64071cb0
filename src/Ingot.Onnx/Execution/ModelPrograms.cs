using Ingot.Codegen.Il;
using Ingot.Onnx.Format;
using Ingot.Runtime;
using Ingot.Schedule;

namespace Ingot.Onnx.Execution;

/// <summary>
/// Runs a model's graph, and keeps what it has learned: a run at shapes that were seen before replays its kernels, without looking at the graph.
/// </summary>
/// <remarks>
/// Three kinds of shapes. Where nothing but shapes and constants decides what is computed, the run is captured. Where small integer inputs decide as well (a sampling rate, a length),
/// it is captured for each of their values. Where other data decides (NonZero, a loop until something is reached), the graph is walked at every run; its kernels still come from the cache.
/// </remarks>
sealed class ModelPrograms
{
    /// <summary>Elements of an integer input whose values may be part of what a capture is for.</summary>
    const int MostDecidingElements = 16;

    /// <summary>Programs kept, each for one set of input shapes and values: of a model for texts, one for every length.</summary>
    const int MostPrograms = 1024;

    /// <summary>Sets of shapes of which is known how they run.</summary>
    const int MostWays = 4096;

    /// <summary>How inputs of some shapes are run.</summary>
    /// <param name="Walks">The graph is walked at every run.</param>
    /// <param name="Deciding">Else the inputs whose values are part of what a capture is for.</param>
    sealed record Way(bool Walks, IReadOnlySet<string> Deciding);

    static readonly Way ByShapes = new(false, new HashSet<string>()), ByWalk = new(true, new HashSet<string>());

    sealed record Program(Compiled Compiled, StrongBox Structure);

    /// <summary>What a captured run's outputs are made of: values known without running, or tensors in order.</summary>
    sealed class StrongBox
    {
        public Func<Tensor[], OnnxValue?[]>? Assemble { get; set; }
    }

    readonly ModelFile model;
    readonly OnnxOptions options;
    readonly ExpectedPlans? plans;
    readonly RecentlyUsed<Way> ways = new(MostWays);
    readonly RecentlyUsed<Program> programs = new(MostPrograms);

    /// <summary>Of the run on this thread: a capture is made inside a call that only hands tensors on.</summary>
    [ThreadStatic]
    static CancellationToken ofThisRun;

    /// <param name="model">The model.</param>
    /// <param name="options">Precision and limits.</param>
    /// <param name="plans">What is kept on disk for it; null: nothing is.</param>
    public ModelPrograms(ModelFile model, OnnxOptions options, ExpectedPlans? plans)
    {
        (this.model, this.options, this.plans) = (model, options, plans);
        if (model.Graph.Inputs.Any(i => i.Type is not OnnxType.TensorOf { Shape: { } shape } || shape.Any(d => d.Value is null))) kernels = new();
        // Sizes of files cannot add up to more than a long; those of sparse tensors, which are made, can.
        var sum = model.Graph.Initializers.Values.Aggregate((Int128)0, (n, t) => n + t.Bytes) + model.Graph.SparseInitializers.Values.Aggregate((Int128)0, (n, t) => n + t.Bytes);
        WeightBytes = (long)Int128.Min(sum, long.MaxValue);
    }

    /// <summary>Kernels of the program at all its shapes; null: the model has one set of shapes.</summary>
    readonly CodeFamily? kernels;

    long MaxBytes => options.MaxMemory ?? MemoryPool.Limit;

    public long WeightBytes { get; }

    /// <summary>Programs kept now.</summary>
    internal int Count => programs.Count;

    /// <summary>Makes tensors of all weights, so that a broken one is found before anything runs.</summary>
    public void CheckWeights()
    {
        if (WeightBytes > MaxBytes) throw new IngotException($"the weights take {WeightBytes:N0} bytes, {MaxBytes:N0} are allowed");
        foreach (var data in model.Graph.Initializers.Values) data.ToValue();
        foreach (var data in model.Graph.SparseInitializers.Values) data.ToValue();
    }

    public OnnxValue?[] Run((string Name, OnnxValue Value)[] inputs, CancellationToken cancellation)
    {
        using var noGrad = new NoGrad();
        using var family = CodeFamily.Enter(kernels);
        using var store = PlanStore.Enter(plans);
        using var planned = PlannedMemory.Limit(options.MaxMemory);
        if (inputs.Any(i => i.Value is not OnnxTensor)) return Walk(inputs, cancellation);
        string shapes = string.Join(';', inputs.Select(i => $"{i.Name}:{i.Value.Describe()}"));
        while (true)
        {
            var way = ways.GetOrAdd(shapes, () => ByShapes);
            if (way.Walks) return Walk(inputs, cancellation);
            try { return Replay(inputs, way, shapes, cancellation); }
            catch (DataDependentException e) { ways.TryUpdate(shapes, Next(way, inputs, e.Inputs), way); }
        }
    }

    /// <summary>What to try once values had to be read: those that were, or where it cannot be told which, all that may be part of what a capture is for.</summary>
    static Way Next(Way way, (string Name, OnnxValue Value)[] inputs, IReadOnlyList<string> read)
    {
        var candidates = inputs.Where(MayDecide).Select(i => i.Name).ToHashSet(StringComparer.Ordinal);
        if (!read.All(candidates.Contains)) return ByWalk;
        var deciding = read.Count > 0 ? [.. read, .. way.Deciding] : candidates;
        return deciding.Count > way.Deciding.Count ? new(false, deciding) : ByWalk;
    }

    static bool MayDecide((string Name, OnnxValue Value) input) => input.Value is OnnxTensor { Storage: { Count: <= MostDecidingElements, DType: DType.Bool or DType.I32 or DType.I64 } };

    OnnxValue?[] Replay((string Name, OnnxValue Value)[] inputs, Way way, string shapes, CancellationToken cancellation)
    {
        var arguments = Array.FindAll(inputs, i => !way.Deciding.Contains(i.Name));
        var deciding = Array.FindAll(inputs, i => way.Deciding.Contains(i.Name));
        string key = shapes + string.Concat(deciding.Select(d => $"|{d.Name}={string.Join(',', ((OnnxTensor)d.Value).Storage.ToArray<long>())}"));
        var program = programs.GetOrAdd(key, () => New(arguments, deciding));
        ofThisRun = cancellation;
        var results = program.Compiled.Run([.. arguments.Select(a => ((OnnxTensor)a.Value).Storage)], cancellation);
        return program.Structure.Assemble!(results);
    }

    Program New((string Name, OnnxValue Value)[] arguments, (string Name, OnnxValue Value)[] deciding)
    {
        var structure = new StrongBox();
        var names = Array.ConvertAll(arguments, a => (a.Name, ((OnnxTensor)a.Value).DType));
        var known = Array.ConvertAll(deciding, d => (d.Name, (OnnxValue)Known((OnnxTensor)d.Value)));
        return new(new Compiled(tensors =>
        {
            var given = names.Select((n, i) => (n.Name, (OnnxValue)new OnnxTensor(tensors[i], n.DType))).Concat(known).ToArray();
            OnnxValue?[] outputs;
            try { outputs = Build(given, mayRead: false, ofThisRun); }
            catch (DataDependentException e)
            {
                e.Find([.. names.Select((n, i) => (n.Name, tensors[i].Node))]);
                throw;
            }
            var computed = new List<Tensor>();
            var makers = Array.ConvertAll(outputs, o => Maker(o, computed));
            structure.Assemble = results => Array.ConvertAll(makers, m => m(results));
            return [.. computed];
        }), structure);
    }

    /// <summary>A copy, as the caller may change what was given.</summary>
    static OnnxTensor Known(OnnxTensor tensor) => new(Tensor.From(tensor.Storage.ToArray<long>(), [(int)tensor.Storage.Count]).Reshape(tensor.Shape).To(tensor.Storage.DType).Realize(), tensor.DType) { IsKnown = true };

    /// <summary>How a value is put together from the captured run's results.</summary>
    static Func<Tensor[], OnnxValue?> Maker(OnnxValue? value, List<Tensor> computed)
    {
        switch (value)
        {
            case null: return _ => null;
            case OnnxTensor { IsKnown: true } known: return _ => new OnnxTensor(known.Storage, known.DType);
            case OnnxTensor t:
                int at = computed.Count;
                computed.Add(t.Storage);
                return results => new OnnxTensor(results[at], t.DType);
            case OnnxSequence s:
                var items = s.Items.Select(i => Maker(i, computed)).ToArray();
                return results => new OnnxSequence([.. items.Select(i => i(results)!)], s.Type);
            case OnnxOptional o:
                var inner = Maker(o.Value, computed);
                return results => new OnnxOptional(inner(results));
            default: return _ => value;
        }
    }

    OnnxValue?[] Walk((string Name, OnnxValue Value)[] inputs, CancellationToken cancellation)
    {
        var outputs = Build(inputs, mayRead: true, cancellation);
        var tensors = outputs.OfType<OnnxValue>().SelectMany(o => o.Tensors).Select(t => t.Storage).Distinct().ToList();
        cancellation.ThrowIfCancellationRequested();
        if (tensors.Count > 0) Realizer.Realize(tensors, cancellation);
        return outputs;
    }

    OnnxValue?[] Build((string Name, OnnxValue Value)[] inputs, bool mayRead, CancellationToken cancellation)
    {
        using var precision = options.IsBf16 ? Precision.Bf16() : null;
        var run = new GraphRun(model, model.Opsets, null, mayRead, new(MaxBytes, cancellation));
        run.Define(model.Graph);
        foreach (var (name, value) in inputs) run.Set(name, value);
        run.Walk(model.Graph.Nodes, model.Graph.LastUses);
        return Array.ConvertAll(model.Graph.Outputs, o => run.Look(o.Name));
    }
}
