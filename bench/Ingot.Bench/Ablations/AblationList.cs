namespace Ingot.Bench.Ablations;

/// <summary>One thing that is tried.</summary>
/// <param name="Name">Also of its folder.</param>
/// <param name="Deviation">Arguments of <c>ingot pretrain</c> that it alone has; none: the base.</param>
/// <param name="Arguments">All of them.</param>
public sealed record Ablation(string Name, IReadOnlyList<string> Deviation, IReadOnlyList<string> Arguments);

/// <summary>
/// A list of things to try, a line each: <c>name: arguments of ingot pretrain</c>. The line <c>all:</c> comes first and has the plan that all of them share; the next is the base, which the others are compared with.
/// A <c>#</c> begins a comment.
/// </summary>
public static class AblationList
{
    const string Common = "all";

    /// <summary>The only option that may be given several times; any other of the common ones is replaced by a line's own.</summary>
    const string Setting = "--set";

    /// <summary>Options that the runner gives itself.</summary>
    static readonly string[] Taken = ["--seed", "--out", "-o", "--force"];

    /// <exception cref="IngotException">A line is none of these; the message says which.</exception>
    public static IReadOnlyList<Ablation> Parse(IEnumerable<string> lines)
    {
        IReadOnlyList<string>? common = null;
        var list = new List<Ablation>();
        foreach (string line in lines.Select(l => l.Split('#')[0].Trim()).Where(l => l.Length > 0))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            string name = colon < 0 ? "" : line[..colon].Trim();
            if (name.Length == 0 || !char.IsAsciiLetterLower(name[0]) || !name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.'))
                throw new IngotException($"'{line}' is no ablation; write 'name: arguments of ingot pretrain', the name of small letters, digits, hyphens and dots, a letter first");
            string[] arguments = line[(colon + 1)..].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (arguments.FirstOrDefault(Taken.Contains) is { } taken) throw new IngotException($"{taken} in '{line}' is given by the runner");
            if (name == Common)
            {
                if (common is not null || list.Count > 0) throw new IngotException($"'{line}' comes too late: what all have in common is the first line");
                common = arguments;
            }
            else if (list.Any(a => a.Name == name)) throw new IngotException($"there are two ablations '{name}'");
            else list.Add(new(name, arguments, Merged(common ?? [], arguments)));
        }
        return list.Count > 0 ? list : throw new IngotException("the list has no ablations; write one a line, 'name: arguments of ingot pretrain', the base first");
    }

    /// <summary>Common arguments without those that a line gives itself, then the line's.</summary>
    static IReadOnlyList<string> Merged(IReadOnlyList<string> common, IReadOnlyList<string> own)
    {
        var result = new List<string>();
        bool isKept = true;
        foreach (string argument in common)
        {
            if (IsOption(argument)) isKept = argument == Setting || !own.Contains(argument);
            if (isKept) result.Add(argument);
        }
        return [.. result, .. own];
    }

    static bool IsOption(string argument) => argument.Length > 1 && argument[0] == '-' && !char.IsAsciiDigit(argument[1]);
}
