namespace Ingot.Onnx.Operators;

/// <summary>Sequences and optionals: they exist while the graph is built, and cost nothing in a run.</summary>
static class SequenceOperators
{
    [OnnxOperator("SequenceConstruct", Since = 11)]
    static OnnxValue Construct(OperatorCall c) => new OnnxSequence(c.Inputs());

    [OnnxOperator("SequenceEmpty", Since = 11)]
    static OnnxValue Empty(OperatorCall c) => new OnnxSequence([], new OnnxType.SequenceOf(new OnnxType.TensorOf(c.DType("dtype", OnnxDType.Float), null)));

    [OnnxOperator("SequenceLength", Since = 11)]
    static OnnxValue Length(OperatorCall c) => new OnnxTensor(Tensor.Scalar((long)c.Sequence(0).Items.Count));

    [OnnxOperator("SequenceAt", Since = 11)]
    static OnnxValue At(OperatorCall c) => c.Sequence(0).Items[Position(c, 1, c.Sequence(0).Items.Count - 1)];

    [OnnxOperator("SequenceInsert", Since = 11)]
    static OnnxValue Insert(OperatorCall c)
    {
        var items = c.Sequence(0).Items.ToList();
        items.Insert(c.Has(2) ? Position(c, 2, items.Count) : items.Count, c.Input(1));
        return new OnnxSequence(items, c.Sequence(0).Type);
    }

    [OnnxOperator("SequenceErase", Since = 11)]
    static OnnxValue Erase(OperatorCall c)
    {
        var items = c.Sequence(0).Items.ToList();
        items.RemoveAt(c.Has(1) ? Position(c, 1, items.Count - 1) : items.Count - 1);
        return new OnnxSequence(items, c.Sequence(0).Type);
    }

    /// <summary>A position from 0 to <paramref name="last"/>; negative ones count from the end of the items.</summary>
    static int Position(OperatorCall c, int input, int last)
    {
        long[] given = c.Constant<long>(input);
        int count = c.Sequence(0).Items.Count;
        long position = given.Length == 1 ? given[0] : throw c.Bad($"a position is one number, not {c.Shape(input)}");
        if (position < 0) position += count;
        return position >= 0 && position <= last ? (int)position : throw c.Bad($"position {given[0]} is not in a sequence of {count}");
    }

    [OnnxOperator("SplitToSequence", Since = 11)]
    static OnnxValue SplitToSequence(OperatorCall c)
    {
        var shape = c.Shape(0);
        int axis = shape.Axis((int)c.Int("axis", 0)), extent = shape[axis];
        int[]? split = c.OptionalConstantInts(1);
        bool isScalar = !c.Has(1) || c.Shape(1).Rank == 0, keeps = c.Has(1) || c.Flag("keepdims", true);
        int[] sizes = isScalar ? Even(c, extent, split?[0] ?? 1) : split!;
        if (sizes.Any(s => s < 0) || sizes.Sum(s => (long)s) != extent) throw c.Bad($"parts of {string.Join(", ", sizes)} do not make the {extent} elements of dimension {axis}");
        var items = new List<OnnxValue>();
        int start = 0;
        foreach (int size in sizes)
        {
            int from = start;
            items.Add(OnnxValue.Move([c.Input(0)], x => keeps ? x[0].Narrow(axis, from, size) : x[0].Select(axis, from)));
            start += size;
        }
        return new OnnxSequence(items);
    }

    static int[] Even(OperatorCall c, int extent, int size) =>
        size > 0 ? [.. Enumerable.Range(0, (extent + size - 1) / size).Select(i => Math.Min(size, extent - (i * size)))] : throw c.Bad($"parts of {size} elements");

    [OnnxOperator("ConcatFromSequence", Since = 11)]
    static OnnxValue ConcatFromSequence(OperatorCall c)
    {
        int axis = c.OptionalInt("axis") is { } a ? (int)a : throw c.Bad("has no axis");
        return OnnxValue.Move(c.Sequence(0).Items, t => c.Flag("new_axis") ? Tensor.Stack(t, axis) : Tensor.Cat(t, axis));
    }

    [OnnxOperator("SequenceMap", Since = 17)]
    static OnnxValue[] Map(OperatorCall c)
    {
        var body = c.Graph("body") ?? throw c.Bad("has no body");
        int count = c.Sequence(0).Items.Count;
        var outputs = Enumerable.Range(0, body.OutputCount).Select(_ => new List<OnnxValue>()).ToArray();
        for (int i = 0; i < count; i++)
        {
            var given = c.Inputs().Select(v => v is not OnnxSequence s ? v : s.Items.Count == count ? s.Items[i] : throw c.Bad($"a sequence of {s.Items.Count} beside one of {count}"));
            var results = body.Run([.. given]);
            for (int o = 0; o < outputs.Length; o++) outputs[o].Add(results[o] ?? throw c.Bad("its body gives nothing"));
        }
        return [.. outputs.Select((o, i) => new OnnxSequence(o, body.OutputType(i) is { } t ? new OnnxType.SequenceOf(t) : null))];
    }

    [OnnxOperator("Optional", Since = 15)]
    static OnnxValue Optional(OperatorCall c) => new OnnxOptional(c.Optional(0));

    [OnnxOperator("OptionalHasElement", Since = 15)]
    static OnnxValue HasElement(OperatorCall c) => Tensor.Scalar(c.Optional(0) is { } v && v is not OnnxOptional { Value: null });

    [OnnxOperator("OptionalGetElement", Since = 15)]
    static OnnxValue GetElement(OperatorCall c) => c.Input(0) is OnnxOptional o ? o.Value ?? throw c.Bad("its optional is empty") : c.Input(0);
}
