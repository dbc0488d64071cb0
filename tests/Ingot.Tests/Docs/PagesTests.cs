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
}
