using Ingot.Formats;
using Ingot.Llm.Models;
using Ingot.Runtime;

namespace Ingot.Llm.Tests.Models;

public class TensorTypesTests
{
    [Theory]
    [InlineData("blk.0.attn_q.weight", 512, GgmlType.Q4_K, GgmlType.Q4_K)]
    [InlineData("output.weight", 512, GgmlType.Q4_K, GgmlType.Q6_K)]
    [InlineData("output.weight", 512, GgmlType.Q8_0, GgmlType.Q8_0)]
    [InlineData("output.weight", 64, GgmlType.Q4_0, GgmlType.Q8_0)]
    [InlineData("token_embd.weight", 512, GgmlType.Q4_0, GgmlType.Q6_K)]
    [InlineData("blk.0.ffn_down.weight", 160, GgmlType.Q6_K, GgmlType.Q8_0)]
    [InlineData("blk.0.ffn_down.weight", 172, GgmlType.Q8_0, GgmlType.F16)]
    [InlineData("position_embd.weight", 512, GgmlType.Q8_0, GgmlType.F32)]
    public void Of_MatricesOfAModelWithOneEmbedding_AreAsStated(string name, int columns, GgmlType wanted, GgmlType expected) =>
        TensorTypes.Of(name, new Weight(GgmlType.F32, new Shape(2, columns), Storage.Allocate(8 * columns)), wanted, isHead: true).ShouldBe(expected);

    [Fact]
    public void Of_Vector_IsFloat() => TensorTypes.Of("blk.0.attn_norm.weight", new Weight(GgmlType.BF16, new Shape(64), Storage.Allocate(128)), GgmlType.Q8_0, isHead: false).ShouldBe(GgmlType.F32);

    [Fact]
    public void Written_Tensor_TellsItsError()
    {
        var weight = Weight.Of(Tensor.Randn(4, 256));
        var same = WrittenTensor.Of("a", weight, weight.As(GgmlType.F32));
        (same.SquaredError, same.BytesAfter).ShouldBe((0, 4096));
        var coarse = WrittenTensor.Of("a", weight, weight.As(GgmlType.Q4_0));
        Math.Sqrt(coarse.SquaredError / coarse.SquaredSum).ShouldBeInRange(0.05, 0.11);
        coarse.BytesAfter.ShouldBe(1024 / 32 * 18);
    }
}
