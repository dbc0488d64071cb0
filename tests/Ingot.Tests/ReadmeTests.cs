using System.Text.RegularExpressions;
using Ingot.Runtime;
using Ingot.Schedule;
using Ingot.Tests.Docs;
using Ingot.Tests.Runtime;

namespace Ingot.Tests;

/// <summary>Every C# block of the README is the part of a test between "page: begin" and "page: end"; shell blocks: Ingot.Llm.Tests; whole programs: Ingot.Server.Tests.</summary>
[Collection(nameof(ProcessWide))] // it redirects the listing of kernels, and the console
public partial class ReadmeTests
{
    [Fact]
    public void Blocks_AreTheSourceOfTheseTests() =>
        Repository.Blocks("README.md", "csharp").Where(b => !b.StartsWith("#:project", StringComparison.Ordinal)).ShouldBe(Repository.Quoted("tests/Ingot.Tests/ReadmeTests.cs"));

    [Fact]
    public void Links_PointToFiles()
    {
        foreach (var page in Directory.GetFiles(Repository.Path("docs"), "*.md").Append(Repository.Path("README.md")))
            foreach (Match link in Link().Matches(File.ReadAllText(page)))
                Path.Exists(Path.Combine(Path.GetDirectoryName(page)!, link.Groups[1].Value)).ShouldBeTrue($"{link} in {page}");
    }

    [Fact]
    public void Taste_GivesWhatItsCommentsSay()
    {
        var console = Console.Out;
        var printed = new StringWriter();
        Console.SetOut(printed);
        try
        {
            // page: begin
            var x = Tensor.From([1f, -2, 3, -4, 5, -6], 2, 3);
            var w = Tensor.Full([3, 4], 0.5).WithGrad();
            var y = (x.Matmul(w) + 1).Relu();                 // (2, 4), not computed yet
            var loss = (y - 1).Square().Mean();
            loss.Backward();                                  // more graph
            float value = loss.Item<float>();                 // computes the loss, and the gradient with it: 1
            float[] slope = w.Grad![.., 0].ToArray<float>();  // indexing with C# ranges: [0.25, -0.5, 0.75]
            var last = x[.., ^1];                             // [3, -6]
            var positive = (x > 0).Where(x, 0).Sum(1);        // condition first: [4, 5]
            Console.WriteLine(x.Softmax(-1));                 // printing computes too
            // page: end
            y.Shape.ToArray().ShouldBe([2, 4]);
            value.ShouldBe(1);
            slope.ShouldBe([0.25f, -0.5f, 0.75f]);
            last.ToArray<float>().ShouldBe([3, -6]);
            positive.ToArray<float>().ShouldBe([4, 5]);
        }
        finally
        {
            Console.SetOut(console);
        }
        printed.ToString().ShouldContain("1.1850e-01");
    }

    /// <summary>Kernels, operations and bytes are those of the README; times are not.</summary>
    [Fact]
    public void Listing_HasTheKernelsOfTheReadme()
    {
        var (output, debug) = (Observe.Output, Settings.Debug);
        var listing = new StringWriter();
        try
        {
            // page: begin
            var x = Tensor.Rand(512, 256).Realize();
            var w = Tensor.Rand(256, 512).Realize();
            var b = Tensor.Rand(512).Realize();
            var h = (x.Matmul(w) + b).Gelu().Realize();
            var p = h.Softmax(-1).Realize();
            // page: end
            (Observe.Output, Settings.Debug) = (listing, 2);
            h = (x.Matmul(w) + b).Gelu().Realize();
            p = h.Softmax(-1).Realize();
        }
        finally
        {
            (Observe.Output, Settings.Debug) = (output, debug);
        }
        static List<string> Kernels(string text) => [.. Kernel().Matches(text).Select(m => $"{m.Groups[1]} {m.Groups[2]} {m.Groups[3]}")];
        var shown = Kernels(Repository.Blocks("README.md", "text").Single());
        shown.Count.ShouldBe(2);
        Kernels(listing.ToString()).ShouldBe(shown, listing.ToString());
    }

    [GeneratedRegex(@"^ *(\S+) +([\d,]+) FLOP +([\d,]+) B", RegexOptions.Multiline)]
    private static partial Regex Kernel();

    [GeneratedRegex(@"\]\(([^):#]+)\)")]
    private static partial Regex Link();
}
