namespace Ingot.Tests;

public class SmokeTests
{
    [Fact]
    public void From_ToArray_RoundTrips() => Tensor.From([1f, 2, 3]).To(DType.I32).ToArray<int>().ShouldBe([1, 2, 3]);
}
