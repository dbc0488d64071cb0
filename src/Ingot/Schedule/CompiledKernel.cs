using System.Collections.Concurrent;
using System.Diagnostics;
using Ingot.Codegen.Il;
using Ingot.Graph;
using Ingot.Kernels;
using Ingot.Runtime;

namespace Ingot.Schedule;

/// <summary>Machine code of a kernel's phases. One-dimensional elementwise kernels do not contain their extent: one code serves every size.</summary>
sealed class CompiledKernel
{
    public required string Key { get; init; }
    public required LoopNest Nest { get; init; }
    public required KernelCode[] Code { get; init; }
    public required int IlBytes { get; init; }

    static readonly ConcurrentDictionary<string, CompiledKernel> Cache = new();

    /// <summary>Kernels compiled since the process began: what tests of "the second step compiles nothing" count.</summary>
    public static int Compiled { get; private set; }

    public static TimeSpan CompileTime { get; private set; }

    /// <summary>Forgets all compiled kernels (tests force recipes or instruction sets).</summary>
    public static void Clear() => Cache.Clear();

    /// <summary>All compiled kernels, for tests that tamper with one.</summary>
    internal static IEnumerable<CompiledKernel> All => Cache.Values;

    /// <summary>The compiled form, from the cache if an equal kernel was compiled before.</summary>
    public static CompiledKernel Of(KernelAst ast, out LoopNest nest)
    {
        int bytes = Cpu.VectorBytes;
        string? asWritten = Settings.Debug >= 3 ? ast.Print() : null; // before polynomials take the place of functions
        for (int i = 0; i < ast.Steps.Count; i++)
            ast.Steps[i] = ast.Steps[i] with { Stores = [.. ast.Steps[i].Stores.Select(s => s with { Value = Transcendentals.Expand(s.Value) })] };
        AxisTransforms.SplitQuotients(ast);
        AxisTransforms.MergeContiguous(ast);
        string key = $"{Cpu.Level} {(IsFlat(ast) ? Generic(ast) : ast.Print())}";
        var recipe = new Recipe();
        nest = ContractionNest.TryBuild(ast, bytes, recipe) ?? GeneralNest.Build(ast, bytes, recipe);
        if (Cache.TryGetValue(key, out var known)) return known;
        long start = Stopwatch.GetTimestamp();
        var kernelNest = nest;
        if (asWritten is not null) Observe.Compiling(asWritten, nest);
        var emitted = nest.Phases.ConvertAll(p => IlEmitter.Emit(kernelNest, p, bytes));
        var kernel = new CompiledKernel { Key = key, Nest = nest, Code = [.. emitted.Select(e => e.Code)], IlBytes = emitted.Sum(e => e.IlBytes) };
        foreach (var code in kernel.Code) System.Runtime.CompilerServices.RuntimeHelpers.PrepareDelegate(code);
        Compiled++;
        CompileTime += Stopwatch.GetElapsedTime(start);
        if (Settings.Debug >= 6) Observe.Disassembled(kernel);
        return Cache[key] = kernel;
    }

    /// <summary>One loop, no reductions, nothing but unit strides: the code takes its bounds from the launch.</summary>
    static bool IsFlat(KernelAst ast) => ast is { Outer: [var r], Steps: [{ Inner: [], Running: null } step] }
        && Ir.Extent(r) >= 64 && !Ir.All(ast.Roots).Exists(n => n.Op is Op.Fold or Op.CheckIndex)
        && step.Stores.TrueForAll(s => s.Index == r)
        && Ir.All(ast.Roots).TrueForAll(n => n.Op != Op.Load || (n.src.Length == 1 && (n.src[0] == r || n.src[0].Op == Op.Const)))
        && Ir.All(step.Stores.Select(s => s.Value)).TrueForAll(n => n.Op == Op.Load || !n.src.Contains(r));

    static string Generic(KernelAst ast)
    {
        string text = ast.Print();
        return text.Replace($"r0:{Ir.Extent(ast.Outer[0])}", "r0:n");
    }
}
