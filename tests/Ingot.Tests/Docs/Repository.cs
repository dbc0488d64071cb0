using System.Text.RegularExpressions;

namespace Ingot.Tests.Docs;

/// <summary>The files of the source tree the tests were built from.</summary>
static partial class Repository
{
    /// <summary>Found by walking up from the test assembly to the solution.</summary>
    public static string Path(string name)
    {
        for (var d = new DirectoryInfo(AppContext.BaseDirectory); d is not null; d = d.Parent)
            if (File.Exists(System.IO.Path.Combine(d.FullName, "Ingot.slnx"))) return System.IO.Path.Combine(d.FullName, name);
        Assert.Skip("not inside the source tree");
        return null!; // Skip throws
    }

    public static string Read(string name) => File.ReadAllText(Path(name)).ReplaceLineEndings("\n");

    /// <summary>The fenced blocks of a page in one language, without what they are indented by.</summary>
    public static List<string> Blocks(string page, string language) =>
        [.. Fence().Matches(Read(page)).Where(m => m.Groups["language"].Value == language).Select(m => Dedented(m.Groups["text"].Value))];

    /// <summary>What stands between the comments "page: begin" and "page: end" of a source file, each time.</summary>
    public static List<string> Quoted(string source) => [.. Mark().Matches(Read(source)).Select(m => Dedented(m.Groups["text"].Value))];

    static string Dedented(string text)
    {
        var lines = text.TrimEnd().Split('\n');
        int indent = lines.Where(l => l.Length > 0).Min(l => l.Length - l.TrimStart().Length);
        return string.Join('\n', lines.Select(l => l.Length > 0 ? l[indent..] : l));
    }

    [GeneratedRegex(@"^ *```(?<language>\w*)\n(?<text>.*?)^ *```$", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"// page: begin\n(?<text>.*?) *// page: end", RegexOptions.Singleline)]
    private static partial Regex Mark();
}
