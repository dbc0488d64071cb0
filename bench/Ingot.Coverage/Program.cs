using System.Globalization;
using Ingot.Coverage;

// Runs "ingot fuzz" over the parsers with a probe behind each branch, and prints how many were taken, a line each parser and each file.
// --missed also lists those that were not. Whatever else is given goes to "ingot fuzz".
if (args.Length == 0 || args[0].StartsWith('-'))
{
    Console.Error.WriteLine($"usage: all|{string.Join('|', Parser.All.Select(p => p.Name))} [--missed] [--least PERCENT] [--count N] [--seed S] [--jobs J]");
    return 2;
}
var rest = args[1..].ToList();
bool listsMissed = rest.Remove("--missed");
double least = 0;
if (rest.IndexOf("--least") is var at and >= 0)
{
    least = double.Parse(rest[at + 1], CultureInfo.InvariantCulture);
    rest.RemoveRange(at, 2);
}
var parsers = Parser.All.Where(p => args[0] == "all" || p.Name == args[0]).ToList();
var build = new DirectoryInfo(AppContext.BaseDirectory);
string folder = Path.Combine(build.Parent!.Parent!.FullName, "Ingot.Cli", build.Name);
var instrumentation = new Instrumentation(file => parsers.Any(p => p.Files.Contains(file)));
var changed = new[] { "Ingot", "Ingot.Llm", "Ingot.Onnx" }.ToDictionary(n => n, n => instrumentation.Apply(Path.Combine(folder, n + ".dll")));
var command = new InstrumentedContext(folder, changed).LoadFromAssemblyPath(Path.Combine(folder, "Ingot.Cli.dll")).EntryPoint!;
var summary = new List<string>();
bool isEnough = true;
foreach (var parser in parsers)
{
    Probe.Reset(instrumentation.Branches.Count);
    if (command.Invoke(null, [(string[])["fuzz", parser.Name, .. rest]]) is not 0) isEnough = false;
    var branches = instrumentation.Branches.Select((b, i) => (Branch: b, IsTaken: Probe.WasTaken(i))).Where(b => parser.Has(b.Branch)).ToList();
    foreach (var file in branches.GroupBy(b => b.Branch.File)) Console.WriteLine($"  {Share(file)}  {file.Key}");
    if (listsMissed)
        foreach (var (b, _) in branches.Where(b => !b.IsTaken)) Console.WriteLine($"    {b.File}:{b.Line} {b.Method}: {b.Outcome}");
    summary.Add($"{parser.Name,-16}{Share(branches)}");
    isEnough &= branches.Count > 0 && 100.0 * branches.Count(b => b.IsTaken) / branches.Count >= least;

    static string Share(IEnumerable<(Branch, bool IsTaken)> branches)
    {
        int all = branches.Count(), taken = branches.Count(b => b.IsTaken);
        return string.Create(CultureInfo.InvariantCulture, $"{taken,5} of {all,4} branches, {100.0 * taken / all,5:0.0} %");
    }
}
Console.WriteLine();
summary.ForEach(Console.WriteLine);
return isEnough ? 0 : 1;
