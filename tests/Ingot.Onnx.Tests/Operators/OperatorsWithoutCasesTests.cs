namespace Ingot.Onnx.Tests.Operators;

/// <summary>Versions and forms of operators that the conformance cases at hand do not have, with values worked out by hand.</summary>
public sealed class OperatorsWithoutCasesTests
{
    static Tensor Bytes(byte[] values, params int[] shape) => Tensor.From(values, shape);

    [Fact]
    public void MatMulInteger_ZeroPointPerRowAndColumn_EachIsTakenOff() =>
        OneNode.Numbers("MatMulInteger", 10, [Bytes([5, 6, 7, 8], 2, 2), Bytes([1, 2, 3, 4], 2, 2), Bytes([5, 7], 2), Bytes([1, 2], 2)])
            .ShouldBe([2, 2, 2, 2]); // rows (0, 1) and (0, 1), columns (0, 2) and (0, 2)

    [Fact]
    public void MatMulInteger_VectorByMatrix_IsAVector() =>
        OneNode.Numbers("MatMulInteger", 10, [Bytes([1, 2], 2), Bytes([3, 4, 5, 6], 2, 2), Bytes([1], 1), null]).ShouldBe([5, 6]);

    [Fact]
    public void QLinearConv_ScaleAndBiasPerChannel_EachChannelHasItsOwn()
    {
        var x = Bytes([10, 20, 30, 40], 1, 1, 2, 2);
        var weight = Tensor.From<sbyte>([1, 2], 2, 1, 1, 1);
        var y = OneNode.Numbers("QLinearConv", 10, [x, Tensor.Scalar(0.5f), Tensor.Scalar((byte)10), weight, Tensor.From([1f, 0.5f]), Tensor.From<sbyte>([0, 1], 2), Tensor.Scalar(2f), Tensor.Scalar((byte)3),
            Tensor.From([4, -8], 2)]);
        // Channel 0: (x - 10 + 4) / 4, channel 1: (x - 10 - 8) / 8, halves to even (3.5 to 4, 8.5 to 8, 1.5 to 2); then the zero point 3.
        y.ShouldBe([4, 7, 9, 11, 2, 3, 5, 6]);
    }

    [Fact]
    public void MeanVarianceNormalization_OfOpset9_IsByChannel() =>
        OneNode.Numbers("MeanVarianceNormalization", 9, [Tensor.From([1f, 3, 10, 10, 5, 7, 20, 40], 2, 2, 1, 2)])
            .ShouldBeNear(-1.3416408, -0.4472136, -0.8164966, -0.8164966, 0.4472136, 1.3416408, 0, 1.6329932);

    [Fact]
    public void MeanVarianceNormalization_OfOpset1_IsAcrossChannelsIfAskedFor() =>
        OneNode.Numbers("MeanVarianceNormalization", 1, [Tensor.From([1f, 3, 5, 7], 1, 2, 1, 2)], ("across_channels", 1), ("normalize_variance", 0)).ShouldBeNear(-3, -1, 1, 3);

    [Fact]
    public void Upsample_OfOpset7_RepeatsNearest() =>
        OneNode.Numbers("Upsample", 7, [Tensor.From([1f, 2], 1, 1, 1, 2)], ("mode", "nearest"), ("scales", new[] { 1f, 1, 2, 1.5f })).ShouldBe([1, 1, 2, 1, 1, 2]);

    [Fact]
    public void Upsample_OfOpset7_LinearPlacesBySteps() =>
        OneNode.Numbers("Upsample", 7, [Tensor.From([0f, 4], 1, 1, 1, 2)], ("mode", "linear"), ("scales", new[] { 1f, 1, 1, 2 })).ShouldBeNear(0, 2, 4, 4);

    [Theory]
    [InlineData(1, 2f, 5, 13)]
    [InlineData(2, 2L, 5, 13)]
    [InlineData(2, 1L, 7, 17)]
    public void GlobalLpPool_Norm_IsOverTheWholeImage(int opset, object p, double first, double second) =>
        OneNode.Numbers("GlobalLpPool", opset, [Tensor.From([3f, -4, 0, 0, 5, 12, 0, 0], 1, 2, 2, 2)], ("p", p)).ShouldBeNear(first, second);

    [Fact]
    public void Scan_OfOpset8_RunsEachSequenceOfTheBatchToItsOwnLength()
    {
        var body = new Export.ModelWriter(8).Input("sum", OnnxDType.Float, 1).Input("x", OnnxDType.Float, 1).Node("Add", ["sum", "x"], ["next"]).Node("Identity", ["next"], ["kept"]).Output("next", OnnxDType.Float, 1).Output("kept", OnnxDType.Float, 1);
        var model = OnnxModel.Parse(new Export.ModelWriter(8).Input("lengths", OnnxDType.Int64, 2).Input("start", OnnxDType.Float, 2, 1).Input("x", OnnxDType.Float, 2, 3, 1)
            .Node("Scan", ["lengths", "start", "x"], ["last", "sums"], ("body", body), ("num_scan_inputs", 1)).Output("last").Output("sums").ToArray());
        var results = model.Run(("lengths", Tensor.From([3L, 2])), ("start", Tensor.From([0f, 10], 2, 1)), ("x", Tensor.From([1f, 2, 3, 4, 5, 6], 2, 3, 1)));
        results["last"].Numbers().ShouldBe([6, 19]);
        results["sums"].Numbers().ShouldBe([1, 3, 6, 14, 19, 0]);
    }
}
