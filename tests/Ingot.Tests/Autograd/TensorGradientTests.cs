namespace Ingot.Tests.Autograd;

/// <summary>Functions of the tensor layer, whose gradients follow from the primitives': by central differences.</summary>
public class TensorGradientTests
{
    public static TheoryData<string> Names => [.. Functions.Keys];

    static readonly Dictionary<string, (Func<Tensor, Tensor> F, double Low, double High)> Functions = new()
    {
        ["Exp"] = (x => x.Exp(), -3, 3),
        ["Log"] = (x => x.Log(), 0.2, 4),
        ["Sqrt"] = (x => x.Sqrt(), 0.2, 4),
        ["Rsqrt"] = (x => x.Rsqrt(), 0.2, 4),
        ["Sin"] = (x => x.Sin(), -4, 4),
        ["Cos"] = (x => x.Cos(), -4, 4),
        ["Tanh"] = (x => x.Tanh(), -3, 3),
        ["Sigmoid"] = (x => x.Sigmoid(), -5, 5),
        ["Erf"] = (x => x.Erf(), -2, 2),
        ["Abs"] = (x => x.Abs(), -2, 2),
        ["Pow"] = (x => x.Pow(2.5), 0.2, 3),
        ["Clamp"] = (x => x.Clamp(-0.5, 0.5), -1, 1),
        ["Relu"] = (x => x.Relu(), -2, 2),
        ["LeakyRelu"] = (x => x.LeakyRelu(), -2, 2),
        ["Elu"] = (x => x.Elu(), -2, 2),
        ["Gelu"] = (x => x.Gelu(), -3, 3),
        ["Silu"] = (x => x.Silu(), -4, 4),
        ["Softplus"] = (x => x.Softplus(), -4, 4),
        ["LogSigmoid"] = (x => x.LogSigmoid(), -4, 4),
        ["Softmax"] = (x => x.Reshape(3, 4).Softmax(1), -2, 2),
        ["LogSoftmax"] = (x => x.Reshape(3, 4).LogSoftmax(0), -2, 2),
        ["LogSumExp"] = (x => x.Reshape(3, 4).LogSumExp(1), -2, 2),
        ["Mean"] = (x => x.Reshape(3, 4).Mean(0), -2, 2),
        ["Var"] = (x => x.Reshape(3, 4).Var(1), -2, 2),
        ["Std"] = (x => x.Reshape(3, 4).Std(0), -2, 2),
        ["Norm"] = (x => x.Reshape(3, 4).Norm(2, 1), -2, 2),
        ["Max"] = (x => x.Reshape(3, 4).Max(1), -2, 2),
        ["Min"] = (x => x.Reshape(3, 4).Min(0), -2, 2),
        ["Prod"] = (x => x.Reshape(3, 4).Prod(1), -2, 2),
        ["CumSum"] = (x => x.Reshape(3, 4).CumSum(1), -2, 2),
        ["Cat"] = (x => Tensor.Cat([x, x * x], 0), -2, 2),
        ["Stack"] = (x => Tensor.Stack([x, x * x], 1), -2, 2),
        ["Roll"] = (x => x.Roll(3, 0), -2, 2),
        ["Slice"] = (x => x[1..^2], -2, 2),
        ["TakeRows"] = (x => x.Reshape(3, 4)[Tensor.From([2, 0, 2])], -2, 2),
        ["Diagonal"] = (x => x.Reshape(3, 4).Diagonal(), -2, 2),
        ["PadReplicate"] = (x => x.Reshape(3, 4).Pad([1, 2], PadMode.Replicate), -2, 2),
        ["Repeat"] = (x => x.Reshape(3, 4).Repeat(2, 1), -2, 2),
    };

    [Theory, MemberData(nameof(Names))]
    public void Function_MatchesDifferences(string name)
    {
        var (f, low, high) = Functions[name];
        GradientCheck.First(x => f(x[0]), GradientCheck.Values(7, low, high, 12));
    }
}
