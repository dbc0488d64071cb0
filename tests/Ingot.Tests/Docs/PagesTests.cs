using System.Numerics;
using System.Text.RegularExpressions;
using Ingot.Tests.Autograd;

namespace Ingot.Tests.Docs;

/// <summary>What the pages of docs/ say about the source is so.</summary>
public partial class PagesTests
{
    [Fact]
    public void Relu_TenHopsOrFewer_EachFileHasItsMethod()
    {
        var hops = Hop().Matches(Repository.Read("docs/relu.md"));
        hops.Count.ShouldBeInRange(5, 10);
        foreach (Match hop in hops)
        {
            string file = hop.Groups[2].Value, method = hop.Groups[3].Value;
            Regex.IsMatch(Repository.Read(file), $@"^    [\w<>\[\]?., ()]*\b{method}\(", RegexOptions.Multiline).ShouldBeTrue($"{method} in {file}");
        }
    }

    [Fact]
    public void FilesNamed_Exist()
    {
        foreach (var page in Directory.GetFiles(Repository.Path("docs"), "*.md"))
            foreach (Match name in SourcePath().Matches(File.ReadAllText(page)))
                (File.Exists(Repository.Path(name.Value)) || Directory.Exists(Repository.Path(name.Value))).ShouldBeTrue($"{name.Value} in {page}");
    }

    [Fact]
    public void ComposedOperation_IsTheOneBelow_AndHasItsValuesAndGradient()
    {
        Repository.Blocks("docs/adding-operations.md", "csharp").ShouldBe(Repository.Quoted("tests/Ingot.Tests/Docs/PagesTests.cs"));
        double[] x = [-20, -1.5, 0, 0.3, 4];
        Tensor.From(x).Mish().ToArray<double>().ShouldBe(x.Select(v => v * Math.Tanh(Math.Log(1 + Math.Exp(v)))).ToArray(), 1e-12);
        GradientCheck.First(t => t[0].Mish(), GradientCheck.Values(1, -3.0, 3.0, 7));
    }

    [Fact]
    public void CustomKernel_HasItsValuesAndItsGradients()
    {
        Tensor x = Tensor.From(new[,] { { 1f, 2, 3 }, { 4, 5, 6 } }), decay = Tensor.From(new[,] { { 9f, 0.5f, 2 }, { 9, 1, -1 } });
        x.Recurrence(decay).ToArray<float>().ShouldBe([1, 2.5f, 8, 4, 9, -3]);
        GradientCheck.Second(t => t[0].Recurrence(t[1]), GradientCheck.Values(1, 2, 5), GradientCheck.Values(2, 2, 5));
    }

    [Fact]
    public void Primitive_FivePlaces_HaveTheQuotedLines()
    {
        var places = Place().Matches(Repository.Read("docs/adding-operations.md"));
        places.Count.ShouldBe(5);
        foreach (Match place in places)
            Repository.Read(place.Groups[1].Value).Split('\n').Select(l => l.Trim()).ShouldContain(l => l.StartsWith(place.Groups[2].Value, StringComparison.Ordinal), place.Groups[1].Value);
    }

    [GeneratedRegex(@"^\| (\d+) \|[^|]*\| `([^`]+)` \| `(\w+)` \|$", RegexOptions.Multiline)]
    private static partial Regex Hop();

    [GeneratedRegex(@"\b(src|tests)/[\w./]*\w")]
    private static partial Regex SourcePath();

    [GeneratedRegex(@"^\d\. [^`]*?`([^`]+\.cs)`:\n\n   ```\n   ([^\n]+)\n   ```", RegexOptions.Multiline)]
    private static partial Regex Place();
}

static class Operations
{
    // page: begin
    /// <summary>x * tanh(softplus(x)).</summary>
    public static Tensor Mish(this Tensor x) => x * x.Softplus().Tanh();
    // page: end

    // page: begin
    /// <summary>y[t] = decay[t] * y[t - 1] + x[t] along the last axis, from y[-1] = 0; x and decay of one shape, float32 or float64.</summary>
    public static Tensor Recurrence(this Tensor x, Tensor decay) => Tensor.Custom(RecurrenceKernel, x.Shape.Span, x.DType, x, decay);

    static readonly CustomKernel RecurrenceKernel = new("recurrence", Run) { Gradient = RecurrenceGradient };

    static void Run(CustomArguments args)
    {
        if (args.OutputDType == DType.F64) Run<double>(args);
        else Run<float>(args);
    }

    static void Run<T>(CustomArguments args) where T : unmanaged, INumber<T>
    {
        ReadOnlySpan<T> x = args.Input<T>(0), decay = args.Input<T>(1);
        Span<T> y = args.Output<T>();
        int length = args.OutputShape[^1];
        for (int i = 0; i < y.Length; i++) y[i] = i % length == 0 ? x[i] : decay[i] * y[i - 1] + x[i];
    }

    // With g the gradient of y, that of x is r[t] = g[t] + decay[t + 1] * r[t + 1], and that of decay r[t] * y[t - 1].
    static Tensor?[] RecurrenceGradient(Tensor[] inputs, Tensor y, Tensor g)
    {
        var next = inputs[1][.., 1..].Pad([0, 1]);
        var r = g.Flip(-1).Recurrence(next.Flip(-1)).Flip(-1);
        return [r, r * y[.., ..^1].Pad([1, 0])];
    }
    // page: end
}
