using System.CommandLine;
using System.Diagnostics;
using Ingot.Onnx;
using Ingot.Onnx.Conformance;
using Ingot.Runtime;

namespace Ingot.Cli;

/// <summary><c>ingot run MODEL.onnx</c>: inputs from files or at random, one run that compiles, more that are timed.</summary>
static class OnnxRun
{
    public static Command Create(string name)
    {
        var model = new Argument<string>("MODEL") { Description = "An .onnx file." };
        var input = new Option<string[]>("--input", "-i") { Description = "NAME=FILE: .npy, a PNG or PPM image (as 1, channels, height, width; 0 to 1 for floats), or a .wav. Random where not given.", AllowMultipleArgumentsPerToken = true };
        var shape = new Option<string[]>("--shape") { Description = "NAME=1,3,224,224: the shape of a random input; or SYMBOL=N: what a symbolic dimension is.", AllowMultipleArgumentsPerToken = true };
        var output = new Option<string?>("--output", "-o") { Description = "Folder to write the outputs to, as npy." };
        var dtype = new Option<string?>("--dtype") { Description = "bf16: products and convolutions in bfloat16." };
        var memory = new Option<string?>("--max-memory") { Description = "Most memory that weights and values may take: 512M, 4G." };
        var runs = Options.Number("--runs", null, "Timed runs after the first.", 10);
        var command = new Command(name, "Run an ONNX model: print its inputs and outputs, time it.") { model, input, shape, output, dtype, memory, runs };
        command.SetAction(args =>
        {
            Run(args.GetValue(model)!, new()
            {
                Inputs = args.GetValue(input) ?? [],
                Shapes = args.GetValue(shape) ?? [],
                Output = args.GetValue(output),
                DType = args.GetValue(dtype),
                MaxMemory = args.GetValue(memory),
                Runs = args.GetValue(runs),
            });
            return 0;
        });
        return command;
    }

    /// <summary>What the command line says.</summary>
    public sealed record Arguments
    {
        public IReadOnlyList<string> Inputs { get; init; } = [];
        public IReadOnlyList<string> Shapes { get; init; } = [];
        public string? Output { get; init; }
        public string? DType { get; init; }
        public string? MaxMemory { get; init; }
        public int Runs { get; init; } = 10;
    }

    public static void Run(string path, Arguments arguments)
    {
        if (!File.Exists(path)) throw new IngotException($"there is no file {path}");
        var options = new OnnxOptions
        {
            IsBf16 = arguments.DType switch { null or "f32" or "fp32" or "float32" => false, "bf16" or "bfloat16" => true, var other => throw new IngotException($"--dtype takes bf16 or f32, not '{other}'") },
            MaxMemory = arguments.MaxMemory is { } text ? Bytes(text) : null,
        };
        var watch = Stopwatch.StartNew();
        var model = OnnxModel.Load(path, options);
        double load = watch.Elapsed.TotalMilliseconds;
        Console.WriteLine($"{path}: IR {model.IrVersion}, opset {string.Join(", ", model.Opsets.Select(o => o.Key.Length == 0 ? $"{o.Value}" : $"{o.Key} {o.Value}"))}, {model.WeightBytes:N0} bytes of weights");
        foreach (var (key, value) in model.Metadata) Console.WriteLine($"  {key}: {value.ReplaceLineEndings(" ")}");
        foreach (var i in model.Inputs) Console.WriteLine($"  input  {i.Name}  {i.Type}");
        foreach (var o in model.Outputs) Console.WriteLine($"  output {o.Name}  {o.Type}");
        var inputs = OnnxInputs.Make(model, arguments.Inputs, arguments.Shapes);
        watch.Restart();
        var outputs = model.Run(inputs, StopSignal.Token);
        double first = watch.Elapsed.TotalMilliseconds;
        foreach (var (name, value) in outputs) Console.WriteLine($"  {name}: {value.Describe()}{Summary(value)}");
        Console.WriteLine($"load {load:N1} ms, first run {first:N1} ms");
        var times = new List<double>();
        for (int i = 0; i < arguments.Runs; i++)
        {
            watch.Restart();
            model.Run(inputs, StopSignal.Token);
            times.Add(watch.Elapsed.TotalMilliseconds);
        }
        times.Sort();
        if (times.Count > 0) Console.WriteLine($"{times.Count} runs: median {times[times.Count / 2]:N3} ms, fastest {times[0]:N3}, slowest {times[^1]:N3}; peak memory {MemoryPool.PeakBytes:N0} bytes");
        if (arguments.Output is not { } folder) return;
        Directory.CreateDirectory(folder);
        foreach (var (name, value) in outputs) ValueFiles.Save(Path.Combine(folder, Safe(name)), value);
    }

    /// <summary>A name of ONNX as a file's name.</summary>
    static string Safe(string name) => string.Concat(name.Select(c => char.IsLetterOrDigit(c) || c is '-' or '_' or '.' ? c : '_')).TrimStart('.');

    static string Summary(OnnxValue value)
    {
        if (value is not OnnxTensor { Storage: { Count: > 0 } storage, DType: var dtype } || !dtype.IsNative) return "";
        double[] values = storage.DType == Ingot.DType.F32 ? Array.ConvertAll(storage.ToArray<float>(), v => (double)v) : storage.ToArray<double>(); // the most frequent type takes no kernel
        return values.Length <= 8 ? $" = {string.Join(", ", values.Select(v => $"{v:G6}"))}" : $", min {values.Min():G6}, max {values.Max():G6}, mean {values.Average():G6}, largest at {Array.IndexOf(values, values.Max())}";
    }

    static long Bytes(string text)
    {
        long unit = text.Length == 0 ? 1 : char.ToUpperInvariant(text[^1]) switch { 'K' => 1L << 10, 'M' => 1L << 20, 'G' => 1L << 30, _ => 1 };
        return long.TryParse(unit == 1 ? text : text[..^1], out long n) && n > 0 && n <= long.MaxValue / unit ? n * unit : throw new IngotException($"--max-memory takes a size such as 512M or 4G, not '{text}'");
    }
}
