using System.Diagnostics;
using Ingot.Onnx.Format;

namespace Ingot.Onnx.Conformance;

/// <summary>How one case went.</summary>
/// <param name="Group">The case's group.</param>
/// <param name="Name">The case.</param>
/// <param name="Operator">What it tests: <see cref="ConformanceCase.Operator"/>.</param>
/// <param name="IsSpecial">Set apart from the core score.</param>
/// <param name="Failure">Why it failed; null if it passed.</param>
/// <param name="Milliseconds">Time taken, compilation included.</param>
public sealed record ConformanceResult(string Group, string Name, string Operator, bool IsSpecial, string? Failure, double Milliseconds)
{
    public bool Passed => Failure is null;
}

/// <summary>Runs cases one by one, each on a thread of its own with a time limit: what goes wrong in one is that one's failure.</summary>
/// <param name="special">Cases set apart, GROUP/CASE to reasons; a reason "rng" means that values are random.</param>
/// <param name="dump">Folder to write every output to; null for none.</param>
/// <param name="limit">Time for one case.</param>
public sealed class ConformanceRun(IReadOnlyDictionary<string, string> special, string? dump, TimeSpan limit)
{
    /// <summary>Stack of a case's thread: deep graphs are walked without recursion, operators' own C# is not deep.</summary>
    const int StackBytes = 16 << 20;

    /// <summary>Time for a case that is over its limit to come to the next node or kernel, where it ends.</summary>
    static readonly TimeSpan TimeToStop = TimeSpan.FromSeconds(30);

    /// <summary>Reads a list of special cases: GROUP/CASE, a tab, reasons; # starts a comment.</summary>
    public static IReadOnlyDictionary<string, string> ReadSpecial(string path)
    {
        var special = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in File.ReadLines(path))
        {
            var parts = line.Split('\t', 2, StringSplitOptions.TrimEntries);
            if (parts[0].Length > 0 && parts[0][0] != '#') special[parts[0]] = parts.Length > 1 ? parts[1] : "";
        }
        return special;
    }

    public ConformanceResult Run(ConformanceCase test)
    {
        ArgumentNullException.ThrowIfNull(test);
        string op = test.Operator, key = $"{test.Group}/{test.Name}";
        bool isSpecial = special.TryGetValue(key, out var reasons), isRandom = reasons?.Contains("rng", StringComparison.Ordinal) == true;
        string? failure = null;
        var watch = Stopwatch.StartNew();
        using var stop = new CancellationTokenSource();
        var thread = new Thread(() =>
        {
            try { failure = Execute(test, isRandom, stop.Token); }
            catch (IngotException e) { failure = e.Message; }
            catch (Exception e) { failure = Unexpected(e); }
        }, StackBytes)
        { IsBackground = true };
        failure = $"it takes longer than {limit.TotalSeconds:0} s";
        string late = failure;
        thread.Start();
        if (!thread.Join(limit))
        {
            stop.Cancel();
            bool ends = thread.Join(TimeToStop); // it would take time and memory from the cases to come
            if (!ends) late += $", and goes on {TimeToStop.TotalSeconds:0} s after it was cancelled";
            return new(test.Group, test.Name, op, isSpecial, late, watch.Elapsed.TotalMilliseconds);
        }
        return new(test.Group, test.Name, op, isSpecial, failure, watch.Elapsed.TotalMilliseconds);
    }

    static string Unexpected(Exception e) => $"{e.GetType().Name}: {e.Message} {e.StackTrace?.Split('\n').FirstOrDefault()?.Trim()}";

    string? Execute(ConformanceCase test, bool isRandom, CancellationToken cancellation)
    {
        var model = OnnxModel.Parse(test.Model, $"{test.Group}/{test.Name}/model.onnx");
        if (test.DataSets.Count == 0) return "it has no data set";
        for (int s = 0; s < test.DataSets.Count; s++)
        {
            var (inputFiles, outputFiles) = test.DataSets[s];
            var inputs = new Dictionary<string, OnnxValue>(StringComparer.Ordinal);
            var declared = model.AllInputs;
            if (test.Group == "light") inputs[model.Inputs[0].Name] = LightInput(model.Inputs[0]);
            else
                for (int i = 0; i < inputFiles.Count; i++)
                {
                    if (i >= declared.Count) return $"there are {inputFiles.Count} inputs, the model has {declared.Count}";
                    inputs[declared[i].Name] = ModelParser.ParseValue(inputFiles[i], declared[i].Type, $"input_{i}.pb");
                }
            var outputs = model.Run(inputs, cancellation);
            if (dump is not null) ValueFiles.Save(dump, $"{test.Group}/{test.Name}" + (s > 0 ? $"/set_{s}" : ""), [.. model.Outputs.Select(o => outputs[o.Name])]);
            if (outputFiles.Count != model.Outputs.Count) return $"{model.Outputs.Count} outputs instead of {outputFiles.Count}";
            for (int i = 0; i < outputFiles.Count; i++)
            {
                var expected = ModelParser.ParseValue(outputFiles[i], model.Outputs[i].Type, $"output_{i}.pb");
                if (Judge.Difference(outputs[model.Outputs[i].Name], expected, isRandom || IsRandom(test.Name)) is { } why) return $"output {i}: {why}";
            }
        }
        return null;
    }

    /// <summary>Cases whose values are random whatever list of special cases was given.</summary>
    static bool IsRandom(string name) => name.Contains("bernoulli", StringComparison.Ordinal) || (name.Contains("training_dropout", StringComparison.Ordinal) && !name.Contains("zero_ratio", StringComparison.Ordinal));

    /// <summary>What the light models are fed: 0, 1/n, 2/n, ...</summary>
    static Tensor LightInput(OnnxValueInfo input)
    {
        int[] shape = input.Type is OnnxType.TensorOf { Shape: { } dims } ? [.. dims.Select(d => (int)(d.Value ?? 1))] : throw new IngotException($"the input '{input.Name}' has no shape");
        int n = shape.Aggregate(1, (a, b) => a * b);
        var values = new float[n];
        for (int i = 0; i < n; i++) values[i] = (float)i / n;
        return Tensor.From(values, shape);
    }
}
