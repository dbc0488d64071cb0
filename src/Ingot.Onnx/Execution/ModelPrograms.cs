using System.Collections.Concurrent;
using Ingot.Onnx.Format;
using Ingot.Runtime;

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

    /// <summary>Programs kept; the next one drops all.</summary>
    const int MostPrograms = 64;

    enum Way { Shapes, Values, Walk }

    sealed record Program(Compiled Compiled, StrongBox Structure);

    /// <summary>What a captured run's outputs are made of: values known without running, or tensors in order.</summary>
    sealed class StrongBox
    {
        public Func<Tensor[], OnnxValue?[]>? Assemble { get; set; }
    }

    readonly ModelFile model;
    readonly OnnxOptions options;
    readonly string[][] lastUses;
    readonly ConcurrentDictionary<string, Way> ways = new();
    readonly ConcurrentDictionary<string, Program> programs = new();

    public ModelPrograms(ModelFile model, OnnxOptions options)
    {
        (this.model, this.options) = (model, options);
        lastUses = LastUses(model.Graph);
        WeightBytes = model.Graph.Initializers.Values.Sum(t => t.Bytes);
    }

    public long WeightBytes { get; }

    /// <summary>Makes tensors of all weights, so that a broken one is found before anything runs.</summary>
    public void CheckWeights()
    {
        if (WeightBytes > options.MaxMemory) throw new IngotException($"the weights take {WeightBytes:N0} bytes, {options.MaxMemory:N0} are allowed");
        foreach (var data in model.Graph.Initializers.Values) data.ToValue();
        foreach (var data in model.Graph.SparseInitializers.Values) data.ToValue();
    }

    public OnnxValue?[] Run((string Name, OnnxValue Value)[] inputs, CancellationToken cancellation)
    {
        using var noGrad = new NoGrad();
        if (inputs.Any(i => i.Value is not OnnxTensor)) return Walk(inputs, cancellation);
        string shapes = string.Join(';', inputs.Select(i => $"{i.Name}:{i.Value.Describe()}"));
        while (true)
        {
            var way = ways.GetOrAdd(shapes, Way.Shapes);
            if (way == Way.Walk) return Walk(inputs, cancellation);
            try { return Replay(inputs, way == Way.Values, shapes, cancellation); }
            catch (DataDependentException) { ways[shapes] = way == Way.Shapes && inputs.Any(Decides) ? Way.Values : Way.Walk; }
        }
    }

    static bool Decides((string Name, OnnxValue Value) input) => input.Value is OnnxTensor { Storage: { Count: <= MostDecidingElements, DType: DType.Bool or DType.I32 or DType.I64 } };

    OnnxValue?[] Replay((string Name, OnnxValue Value)[] inputs, bool byValue, string shapes, CancellationToken cancellation)
    {
        var arguments = byValue ? Array.FindAll(inputs, i => !Decides(i)) : inputs;
        var deciding = byValue ? Array.FindAll(inputs, Decides) : [];
        string key = shapes + string.Concat(deciding.Select(d => $"|{string.Join(',', ((OnnxTensor)d.Value).Storage.ToArray<long>())}"));
        if (programs.Count >= MostPrograms) programs.Clear();
        var program = programs.GetOrAdd(key, _ => New(arguments, deciding));
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
            var outputs = Build(given, mayRead: false);
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
        var outputs = Build(inputs, mayRead: true);
        var tensors = outputs.OfType<OnnxValue>().SelectMany(o => o.Tensors).Select(t => t.Storage).Distinct().ToList();
        cancellation.ThrowIfCancellationRequested();
        if (tensors.Count > 0) Tensor.Realize(tensors);
        return outputs;
    }

    OnnxValue?[] Build((string Name, OnnxValue Value)[] inputs, bool mayRead)
    {
        using var precision = options.IsBf16 ? Precision.Bf16() : null;
        var run = new GraphRun(model, model.Opsets, null, mayRead) { MaxBytes = options.MaxMemory ?? MemoryPool.Limit };
        run.Define(model.Graph);
        foreach (var (name, value) in inputs) run.Set(name, value);
        run.Walk(model.Graph.Nodes, lastUses);
        return Array.ConvertAll(model.Graph.Outputs, o => run.Look(o.Name));
    }

    /// <summary>For each node the names that nobody reads after it.</summary>
    static string[][] LastUses(OnnxGraph graph)
    {
        var last = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int n = 0; n < graph.Nodes.Length; n++)
        {
            var node = graph.Nodes[n];
            foreach (var name in node.Outputs.Concat(node.Inputs).Concat(node.Attributes.Values.SelectMany(a => a.Graphs.Append(a.Graph).OfType<OnnxGraph>()).SelectMany(g => g.Captured)))
                if (name.Length > 0) last[name] = n;
        }
        foreach (var output in graph.Outputs) last.Remove(output.Name);
        var uses = new List<string>?[graph.Nodes.Length];
        foreach (var (name, n) in last) (uses[n] ??= []).Add(name);
        return Array.ConvertAll(uses, u => u?.ToArray() ?? []);
    }
}
