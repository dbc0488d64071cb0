using Ingot.Onnx.Format;
using Ingot.Onnx.Operators;
using Ingot.Schedule;

namespace Ingot.Onnx.Execution;

/// <summary>
/// One walk through a graph: every node's operator is called on the values of its inputs and names its outputs. It builds Ingot's lazy graph;
/// only values that shapes depend on are computed on the way.
/// </summary>
/// <param name="model">Opsets and functions.</param>
/// <param name="opsets">Versions by domain of the graph or function that is walked.</param>
/// <param name="outer">The walk around this one, whose values it sees; null for a model's graph and a function's body.</param>
/// <param name="mayRead">Whether values that depend on the run's inputs may be read; else <see cref="DataDependentException"/>.</param>
/// <param name="budget">Memory and cancellation of the whole run.</param>
sealed class GraphRun(ModelFile model, IReadOnlyDictionary<string, long> opsets, GraphRun? outer, bool mayRead, RunBudget budget)
{
    readonly Dictionary<string, OnnxValue?> values = new(StringComparer.Ordinal);

    public RunBudget Budget => budget;

    /// <summary>The value of a name here or in the graphs around; null if it has none, or an absent one.</summary>
    public OnnxValue? Look(string name)
    {
        for (var run = this; run is not null; run = run.Outer)
            if (run.values.TryGetValue(name, out var value)) return value;
        return null;
    }

    GraphRun? Outer => outer;

    public void Set(string name, OnnxValue? value)
    {
        if (name.Length == 0) return;
        Forget(name);
        values[name] = value;
        budget.Live += RunBudget.BytesOf(value);
    }

    void Forget(string name)
    {
        if (values.Remove(name, out var value)) budget.Live -= RunBudget.BytesOf(value);
    }

    /// <summary>Calls every node of a list.</summary>
    /// <param name="nodes">The nodes, in order.</param>
    /// <param name="lastUses">The names whose last reader is the node of that number, to be forgotten after it; null to keep all.</param>
    public void Walk(IReadOnlyList<OnnxNode> nodes, IReadOnlyList<string[]>? lastUses = null)
    {
        for (int n = 0; n < nodes.Count; n++)
        {
            budget.Cancellation.ThrowIfCancellationRequested();
            Call(nodes[n]);
            budget.Afford(0, nodes[n].Title);
            if (lastUses is null) continue;
            foreach (var name in lastUses[n]) Forget(name);
        }
    }

    /// <summary>A subgraph with these inputs, which sees the values here.</summary>
    public OnnxValue?[] Nested(OnnxGraph graph, ReadOnlySpan<OnnxValue?> inputs)
    {
        budget.Cancellation.ThrowIfCancellationRequested();
        var around = budget.Live;
        var run = new GraphRun(model, opsets, this, mayRead, budget);
        run.Define(graph);
        for (int i = 0; i < inputs.Length; i++) run.Set(graph.Inputs[i].Name, inputs[i]);
        run.Walk(graph.Nodes, graph.LastUses);
        budget.Live = around; // its outputs are counted by whoever keeps them
        return Array.ConvertAll(graph.Outputs, o => run.Look(o.Name));
    }

    /// <summary>Names a graph's initializers.</summary>
    public void Define(OnnxGraph graph)
    {
        foreach (var (name, data) in graph.Initializers) Set(name, data.ToValue());
        foreach (var (name, data) in graph.SparseInitializers)
        {
            budget.Afford(data.Bytes, $"sparse initializer '{name}'");
            Set(name, data.ToValue());
        }
    }

    void Call(OnnxNode node)
    {
        var inputs = Array.ConvertAll(node.Inputs, name => name.Length == 0 ? null : Look(name));
        OnnxValue?[] outputs;
        var around = budget.Live;
        if (model.Functions.TryGetValue((OperatorTable.Canonical(node.Domain), node.Operator, node.Overload), out var function)) outputs = Expand(function, node, inputs);
        else
        {
            int opset = (int)Math.Min(opsets.GetValueOrDefault(OperatorTable.Canonical(node.Domain), 1), int.MaxValue);
            var entry = OperatorTable.Look(node.Domain, node.Operator, opset)
                ?? throw new IngotException($"{node.Title}: Ingot has no operator {node.Operator} of opset {opset}");
            bool isKnown = !entry.IsRandom && inputs.All(i => i is null || i.IsConstant) && node.Attributes.Values.All(a => a.Graph is null || new Subgraph(a.Graph, this).ReadsOnlyConstants);
            var call = new OperatorCall(node, inputs, opset, this);
            if (isKnown)
            {
                // Not part of a capture: computed once, and looked at wherever a shape needs it.
                using var paused = Capture.Paused();
                outputs = Invoke(node, entry, call);
            }
            else outputs = Invoke(node, entry, call);
            if (isKnown)
                foreach (var output in outputs) MarkKnown(output);
        }
        budget.Live = around;
        for (int i = 0; i < node.Outputs.Length; i++) Set(node.Outputs[i], i < outputs.Length ? outputs[i] : null);
    }

    static OnnxValue?[] Invoke(OnnxNode node, OperatorTable.Entry entry, OperatorCall call)
    {
        try
        {
            var outputs = entry.Run(call);
            if (call.Superfluous is { } input) throw call.Bad($"there is no input {input} of this operator in opset {call.Opset}");
            if (node.Outputs.Length > outputs.Length && node.Outputs.AsSpan(outputs.Length).ContainsAnyExcept("")) throw call.Bad($"it has {outputs.Length} outputs in opset {call.Opset}, not {node.Outputs.Length}");
            return outputs;
        }
        catch (Exception e) when (e is IngotException && !e.Message.Contains(" node ", StringComparison.Ordinal)) { throw new IngotException($"{node.Title}: {e.Message}", e); }
        catch (Exception e) when (e is ArgumentException or IndexOutOfRangeException or InvalidCastException or OverflowException or NullReferenceException or DivideByZeroException)
        {
            throw new IngotException($"{node.Title}: its inputs or attributes do not fit ({e.Message})", e);
        }
    }

    static void MarkKnown(OnnxValue? value)
    {
        switch (value)
        {
            case OnnxTensor t: t.IsKnown = true; break;
            case StringTensor s: s.IsKnown = true; break;
            case OnnxSequence s: foreach (var item in s.Items) MarkKnown(item); break;
            case OnnxOptional o: MarkKnown(o.Value); break;
        }
    }

    /// <summary>A function's body in place of the node that calls it.</summary>
    OnnxValue?[] Expand(OnnxFunction function, OnnxNode node, OnnxValue?[] inputs)
    {
        var run = new GraphRun(model, Opsets(function), null, mayRead, budget);
        for (int i = 0; i < function.Inputs.Length; i++) run.Set(function.Inputs[i], i < inputs.Length ? inputs[i] : null);
        run.Walk(Array.ConvertAll(function.Nodes, n => FunctionAttributes.Bind(n, node, function)), function.LastUses);
        return Array.ConvertAll(function.Outputs, run.Look);
    }

    /// <summary>The versions a function's body means; of domains it does not name, the model's.</summary>
    Dictionary<string, long> Opsets(OnnxFunction function)
    {
        var all = new Dictionary<string, long>(model.Opsets, StringComparer.Ordinal);
        foreach (var (domain, version) in function.Opsets) all[domain] = version;
        return all;
    }

    /// <summary>The elements of a tensor, now.</summary>
    /// <exception cref="DataDependentException">They depend on inputs, and this run may not look at those.</exception>
    public T[] Read<T>(OnnxTensor tensor) where T : unmanaged
    {
        if (tensor.Read is T[] read) return read;
        if (!tensor.IsKnown && !mayRead) throw new DataDependentException(tensor.Storage.Node);
        using var paused = Capture.Paused();
        var values = tensor.Storage.Realize(budget.Cancellation).ToArray<T>();
        if (tensor.IsKnown) tensor.Read = values;
        return values;
    }
}
