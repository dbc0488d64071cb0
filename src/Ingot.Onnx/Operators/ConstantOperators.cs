namespace Ingot.Onnx.Operators;

/// <summary>Constant and Identity.</summary>
static class ConstantOperators
{
    [OnnxOperator("Constant")]
    static OnnxValue Constant(OperatorCall c)
    {
        if (c.TensorAttribute("value") is { } value) return value;
        if (c.SparseAttribute("sparse_value") is { } sparse) return sparse;
        if (c.OptionalFloat("value_float") is { } f) return Tensor.Scalar(f);
        if (c.Floats("value_floats") is { } floats) return Tensor.From(floats, [floats.Length]);
        if (c.OptionalInt("value_int") is { } i) return Tensor.Scalar(i);
        if (c.Longs("value_ints") is { } ints) return Tensor.From(ints, [ints.Length]);
        if (c.OptionalText("value_string") is { } text) return new StringTensor([text], Shape.Scalar);
        if (c.Texts("value_strings") is { } texts) return new StringTensor(texts, new(texts.Length));
        throw c.Bad("has none of the value attributes");
    }

    [OnnxOperator("Identity")]
    static OnnxValue Identity(OperatorCall c) => c.Input(0);
}
