using Ingot.Onnx.Execution;

namespace Ingot.Onnx.Operators;

/// <summary>If, Loop and Scan: graphs inside a node, unrolled into the lazy graph.</summary>
static class ControlFlowOperators
{
    /// <summary>Turns of a loop after which what it carries is computed: graphs stay of a size that is scheduled fast.</summary>
    const int TurnsPerSchedule = 32;

    [OnnxOperator("If")]
    static OnnxValue?[] If(OperatorCall c)
    {
        bool[] condition = c.Constant<bool>(0);
        if (condition.Length != 1) throw c.Bad($"its condition must be one value, it is {c.Shape(0)}");
        return Body(c, condition[0] ? "then_branch" : "else_branch").Run();
    }

    static Subgraph Body(OperatorCall c, string name) => c.Graph(name) ?? throw c.Bad($"has no {name}");

    [OnnxOperator("Loop")]
    static OnnxValue?[] Loop(OperatorCall c)
    {
        var body = Body(c, "body");
        long turns = c.Has(0) ? c.Constant<long>(0)[0] : long.MaxValue;
        bool goesOn = !c.Has(1) || c.Constant<bool>(1)[0];
        int carried = c.InputCount - 2, gathered = body.OutputCount - 1 - carried;
        if (carried < 0 || body.InputCount != carried + 2 || gathered < 0) throw c.Bad($"its body takes {body.InputCount} values and gives {body.OutputCount}, which does not fit {c.InputCount} inputs");
        var state = new OnnxValue?[carried];
        for (int i = 0; i < carried; i++) state[i] = c.Optional(i + 2);
        var gathers = Enumerable.Range(0, gathered).Select(_ => new List<OnnxValue>()).ToArray();
        for (long turn = 0; turn < turns && goesOn; turn++)
        {
            OnnxValue?[] given = [Known(Tensor.From([turn], [1]).Reshape()), Known(Tensor.From([true], [1]).Reshape()), .. state];
            var results = body.Run(given);
            for (int i = 0; i < carried; i++) state[i] = results[i + 1];
            for (int i = 0; i < gathered; i++) Gather(c, gathers[i], results[i + 1 + carried]);
            // The condition is looked at only where it may say no before the count does.
            if (results[0] is OnnxTensor condition) goesOn = c.IsGiven(condition) || c.Read<bool>(condition)[0];
            if ((turn + 1) % TurnsPerSchedule == 0) c.Realize([.. state.Concat(gathers.Select(g => g[^1]))]);
        }
        return [.. state, .. gathers.Select((g, i) => Stacked(g, 0, body.OutputType(i + 1 + carried)))];
    }

    static void Gather(OperatorCall c, List<OnnxValue> gathered, OnnxValue? value)
    {
        gathered.Add(value ?? throw c.Bad("its body gathers a value that is absent"));
        c.Hold(value);
    }

    static OnnxTensor Known(Tensor tensor) => new(tensor) { IsKnown = true };

    /// <summary>The values of all turns along a new dimension.</summary>
    static OnnxValue Stacked(List<OnnxValue> values, int axis, OnnxType? type)
    {
        if (values.Count > 0) return OnnxValue.Move(values, t => Tensor.Stack(t, axis < 0 ? axis + t[0].Rank + 1 : axis));
        var element = type as OnnxType.TensorOf;
        var dtype = element?.DType is { } d and not OnnxDType.Undefined ? d : OnnxDType.Float;
        var shape = new List<int>((element?.Shape ?? []).Select(x => (int)(x.Value ?? 0)));
        shape.Insert(axis < 0 ? axis + shape.Count + 1 : axis, 0);
        return dtype == OnnxDType.String ? new StringTensor([], new([.. shape])) : new OnnxTensor(Tensor.Zeros(shape.ToArray(), dtype.Storage), dtype);
    }

    [OnnxOperator("Scan", Since = 9)]
    static OnnxValue?[] Scan(OperatorCall c)
    {
        var body = Body(c, "body");
        int scanned = (int)c.Int("num_scan_inputs", 0), states = c.InputCount - scanned, gathered = body.OutputCount - states;
        if (scanned < 1 || states < 0 || gathered < 0 || body.InputCount != c.InputCount) throw c.Bad($"{scanned} scanned inputs do not fit {c.InputCount} inputs and a body of {body.InputCount} inputs and {body.OutputCount} outputs");
        int[] axes = c.Ints("scan_input_axes") ?? new int[scanned], outAxes = c.Ints("scan_output_axes") ?? new int[gathered];
        int[] directions = c.Ints("scan_input_directions") ?? new int[scanned], outDirections = c.Ints("scan_output_directions") ?? new int[gathered];
        OnnxValue?[] state = [.. Enumerable.Range(0, states).Select(c.Input)];
        OnnxValue[] sequences = [.. Enumerable.Range(states, scanned).Select(c.Input)];
        return Scanned(c, body, state, sequences, axes, directions, outAxes, outDirections);
    }

    static OnnxValue?[] Scanned(OperatorCall c, Subgraph body, OnnxValue?[] state, OnnxValue[] sequences, int[] axes, int[] directions, int[] outAxes, int[] outDirections)
    {
        var lengths = sequences.Select((s, i) => ShapeOf(s)[axes[i] < 0 ? axes[i] + ShapeOf(s).Rank : axes[i]]).ToArray();
        if (lengths.Any(l => l != lengths[0])) throw c.Bad($"its sequences have {string.Join(", ", lengths)} elements; they must have as many as each other");
        var gathers = outAxes.Select(_ => new List<OnnxValue>()).ToArray();
        for (int t = 0; t < lengths[0]; t++)
        {
            var slices = sequences.Select((s, i) => OnnxValue.Move([s], x => x[0].Select(axes[i] < 0 ? axes[i] + x[0].Rank : axes[i], directions[i] == 1 ? lengths[0] - 1 - t : t)));
            var results = body.Run([.. state, .. slices]);
            for (int i = 0; i < state.Length; i++) state[i] = results[i];
            for (int i = 0; i < gathers.Length; i++) Gather(c, gathers[i], results[state.Length + i]);
            if ((t + 1) % TurnsPerSchedule == 0) c.Realize([.. state.Concat(gathers.Select(g => g[^1]))]);
        }
        for (int i = 0; i < gathers.Length; i++)
            if (outDirections[i] == 1) gathers[i].Reverse();
        int first = state.Length;
        return [.. state, .. gathers.Select((g, i) => Stacked(g, outAxes[i], body.OutputType(first + i)))];
    }

    static Shape ShapeOf(OnnxValue value) => value switch
    {
        OnnxTensor t => t.Shape,
        StringTensor s => s.Shape,
        _ => throw new DTypeException($"a tensor is needed, this is {value.Describe()}"),
    };

    /// <summary>The first form: a batch of sequences, each with a length of its own.</summary>
    [OnnxOperator("Scan", Since = 8)]
    static OnnxValue?[] ScanOfBatches(OperatorCall c)
    {
        var body = Body(c, "body");
        int scanned = (int)c.Int("num_scan_inputs", 0), states = c.InputCount - 1 - scanned, gathered = body.OutputCount - states;
        if (scanned < 1 || states < 0 || gathered < 0) throw c.Bad($"{scanned} scanned inputs do not fit {c.InputCount} inputs");
        int[] directions = c.Ints("directions") ?? new int[scanned];
        int batch = c.Shape(1 + states)[0], longest = c.Shape(1 + states)[1];
        long[] lengths = c.OptionalConstant<long>(0) ?? [.. Enumerable.Repeat((long)longest, batch)];
        var all = Enumerable.Range(0, states + gathered).Select(_ => new List<OnnxValue>()).ToArray();
        for (int b = 0; b < batch; b++)
        {
            int length = (int)lengths[b];
            OnnxValue?[] state = [.. Enumerable.Range(1, states).Select(i => OnnxValue.Move([c.Input(i)], x => x[0].Select(0, b)))];
            OnnxValue[] sequences = [.. Enumerable.Range(1 + states, scanned).Select(i => OnnxValue.Move([c.Input(i)], x => x[0].Select(0, b).Narrow(0, 0, length)))];
            var results = Scanned(c, body, state, sequences, new int[scanned], directions, new int[gathered], new int[gathered]);
            for (int i = 0; i < results.Length; i++)
                all[i].Add(i < states || length == longest ? results[i]! : OnnxValue.Move([results[i]!], x => x[0].Pad([.. Enumerable.Repeat(0, 2 * (x[0].Rank - 1)), 0, longest - length])));
        }
        return [.. all.Select(g => OnnxValue.Move(g, t => Tensor.Stack(t, 0)))];
    }
}
