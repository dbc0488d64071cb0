using System.Collections.Concurrent;
using System.Diagnostics;
using Ingot.Codegen.Il;
using Ingot.Codegen.X64;
using Ingot.Graph;
using Ingot.Kernels;
using Ingot.Runtime;

namespace Ingot.Schedule;

/// <summary>Machine code of a kernel's phases. One-dimensional elementwise kernels do not contain their extent: one code serves every size.</summary>
sealed class CompiledKernel
{
    public required string Key { get; init; }
    public required LoopNest Nest { get; init; }
    public required Recipe Recipe { get; init; }

    /// <summary>Of each phase, its code once it is compiled.</summary>
    public required IlCompilation[] Compilations { private get; init; }

    /// <summary>Of each phase, its code; waits for what is still being compiled.</summary>
    public KernelCode[] Code => field ??= Array.ConvertAll(Compilations, c => c.Code);

    /// <summary>Of each phase, what its code was compiled from, to be compiled again in another process; null where nobody asked or it cannot be.</summary>
    public byte[][]? Archives { get; init; }

    /// <summary>Of each phase, the sizes that its code takes from memory (see <see cref="CodeFamily"/>), pinned; null: none of them does.</summary>
    public long[]?[]? Sizes { get; init; }

    static readonly ConcurrentDictionary<string, CompiledKernel> Cache = new();

    /// <summary>The same by the text of a kernel before anything was done to it: the kernels of twelve equal layers are transformed once.</summary>
    static readonly ConcurrentDictionary<string, (CompiledKernel Kernel, LoopNest Nest, KernelAst Prepared)> AsWritten = new();

    /// <summary>Kernels compiled since the process began: what tests of "the second step compiles nothing" count.</summary>
    public static int Compiled { get; private set; }

    /// <summary>Time spent on them, of all threads together.</summary>
    public static TimeSpan CompileTime => TimeSpan.FromTicks(Interlocked.Read(ref compileTicks)) + IlCompilation.Time;

    static long compileTicks;

    /// <summary>Forgets all compiled kernels (tests force recipes or instruction sets).</summary>
    public static void Clear()
    {
        Cache.Clear();
        AsWritten.Clear();
    }

    /// <summary>Slots of the launch that the code stores to.</summary>
    public IReadOnlySet<int> Written => field ??= Nest.Phases.SelectMany(p => p.Memory.Writes).ToHashSet();

    /// <summary>All compiled kernels, for tests that tamper with one.</summary>
    internal static IEnumerable<CompiledKernel> All => Cache.Values;

    /// <summary>The compiled form, from the cache if an equal kernel was compiled before.</summary>
    /// <param name="ast">The kernel; it is used up.</param>
    /// <param name="search">Finds a recipe for a kernel that was not compiled before, given its key and form; null leaves it to the heuristic.</param>
    /// <param name="nest">The loops of this kernel, which may differ from an equal kernel's in extents.</param>
    /// <param name="place">Where in the program the kernel is: see <see cref="CodeFamily"/>.</param>
    public static CompiledKernel Of(KernelAst ast, Func<string, KernelAst, Recipe?> search, out LoopNest nest, int place = 0)
    {
        string listing = ast.Print(), asWritten = $"{Cpu.Level} {ast.IsRowBlock} {listing}"; // before polynomials take the place of functions
        if (AsWritten.TryGetValue(asWritten, out var same))
        {
            ast.Outer.Clear();
            ast.Outer.AddRange(same.Prepared.Outer);
            ast.Steps.Clear();
            ast.Steps.AddRange(same.Prepared.Steps);
            nest = same.Nest;
            return same.Kernel;
        }
        Prepare(ast);
        var prepared = Plan.Copy(ast);
        string key = $"{Cpu.Level} {(IsFlat(ast) ? Generic(ast) : ast.Print())}";
        if (Cache.TryGetValue(key, out var known))
        {
            nest = Nested(ast, known.Recipe);
            AsWritten[asWritten] = (known, nest, prepared);
            return known;
        }
        var recipe = Forced?.Invoke(key) ?? search(key, ast) ?? new Recipe();
        long start = Stopwatch.GetTimestamp();
        nest = Nested(ast, recipe);
        if (Settings.Debug >= 3) Observe.Compiling(listing, nest);
        bool isNew = true;
        var kernel = CodeFamily.Current is { } family ? Emit(key, nest, recipe, family, place, out isNew) : Emit(key, nest, recipe);
        if (isNew) Compiled++;
        Interlocked.Add(ref compileTicks, Stopwatch.GetElapsedTime(start).Ticks);
        if (Settings.Debug >= 6) Observe.Disassembled(kernel);
        AsWritten[asWritten] = (kernel, nest, prepared);
        return Cache[key] = kernel;
    }

    /// <summary>What every kernel goes through before loops are made of it.</summary>
    public static void Prepare(KernelAst ast)
    {
        for (int i = 0; i < ast.Steps.Count; i++)
            ast.Steps[i] = ast.Steps[i] with { Stores = [.. ast.Steps[i].Stores.Select(s => s with { Value = Transcendentals.Expand(s.Value) })] };
        AxisTransforms.SplitQuotients(ast);
        AxisTransforms.MergeContiguous(ast);
    }

    /// <summary>Tests put recipes here: the recipe of a kernel by its key, before any search.</summary>
    internal static Func<string, Recipe>? Forced { get; set; }

    /// <summary>The loops that a recipe makes of a kernel whose axes are transformed.</summary>
    public static LoopNest Nested(KernelAst ast, Recipe recipe)
    {
        var nest = RowBlockNest.TryBuild(ast, Cpu.VectorBytes, Cpu.UsesMatrixUnit) ?? ContractionNest.TryBuild(ast, Cpu.VectorBytes, Cpu.UsesMatrixUnit, recipe) ?? GeneralNest.Build(ast, Cpu.VectorBytes, recipe);
        if (recipe.ToString() is { Length: > 0 } text) nest.Recipe.Add(text);
        return nest;
    }

    /// <summary>Machine code of a nest: written down here, compiled on another thread.</summary>
    public static CompiledKernel Emit(string key, LoopNest nest, Recipe recipe)
    {
        var compilations = new IlCompilation[nest.Phases.Count];
        var archives = PlanStore.IsOn ? new byte[]?[compilations.Length] : null;
        for (int p = 0; p < compilations.Length; p++)
        {
            var (written, unit) = Record(nest, nest.Phases[p]);
            if (archives is not null && unit is null) archives[p] = IlArchive.Write(written.Instructions);
            compilations[p] = IlCompilation.Start(IlEmitter.Name(nest, nest.Phases[p]), unit, il => IlRecording.Replay(written.Instructions, il, static _ => null));
        }
        return new CompiledKernel { Key = key, Nest = nest, Recipe = recipe, Compilations = compilations, Archives = archives is not null && Array.TrueForAll(archives, a => a is not null) ? Array.ConvertAll(archives, a => a!) : null };
    }

    /// <summary>A kernel out of archives: one that this process has already, if its code is the same.</summary>
    public static CompiledKernel Of(string key, LoopNest nest, Recipe recipe, byte[][] archives)
    {
        if (Cache.TryGetValue(key, out var known) && known.Archives is { } own && own.Length == archives.Length && own.Zip(archives).All(a => a.First.AsSpan().SequenceEqual(a.Second))) return known;
        var compilations = archives.Select((a, p) => IlCompilation.Start(IlEmitter.Name(nest, nest.Phases[p]), null, il => IlRecording.Replay(IlArchive.Read(a), il, static _ => null)));
        var kernel = new CompiledKernel { Key = key, Nest = nest, Recipe = recipe, Compilations = [.. compilations], Archives = archives };
        Cache.TryAdd(key, kernel);
        return kernel;
    }

    /// <summary>As <see cref="Emit(string, LoopNest, Recipe)"/>, with code that serves other sizes as well.</summary>
    static CompiledKernel Emit(string key, LoopNest nest, Recipe recipe, CodeFamily family, int place, out bool isNew)
    {
        var compilations = new IlCompilation[nest.Phases.Count];
        var sizes = new long[]?[compilations.Length];
        isNew = false;
        for (int p = 0; p < compilations.Length; p++)
        {
            var (written, unit) = Record(nest, nest.Phases[p]);
            (compilations[p], var own) = family.Of(written, unit, IlEmitter.Name(nest, nest.Phases[p]), place, p, out bool isCompiled);
            isNew |= isCompiled;
            if (own is null) continue;
            sizes[p] = GC.AllocateArray<long>(own.Length, pinned: true);
            own.CopyTo(sizes[p]!, 0);
        }
        return new CompiledKernel { Key = key, Nest = nest, Recipe = recipe, Compilations = compilations, Sizes = Array.TrueForAll(sizes, s => s is null) ? null : sizes };
    }

    static (IlRecording Written, MatrixCode? Unit) Record(LoopNest nest, Phase phase) => IlEmitter.Record(nest, phase, phase.VectorBytes == 0 ? Cpu.VectorBytes : phase.VectorBytes);

    /// <summary>One loop, no reductions, nothing but unit strides: the code takes its bounds from the launch.</summary>
    static bool IsFlat(KernelAst ast) => ast is { Outer: [var r], Steps: [{ Inner: [], Running: null } step] }
        && Ir.Extent(r) >= 64 && !Ir.All(ast.Roots).Exists(n => n.Op is Op.Fold or Op.CheckIndex)
        && step.Stores.TrueForAll(s => s.Index == r)
        && Ir.All(ast.Roots).TrueForAll(n => n.Op != Op.Load || (n.src.Length == 1 && (n.src[0] == r || n.src[0].Op == Op.Const)))
        && Ir.All(step.Stores.Select(s => s.Value)).TrueForAll(n => n.Op == Op.Load || !n.src.Contains(r));

    static string Generic(KernelAst ast)
    {
        string text = ast.Print();
        return text.Replace($"r0:{Ir.Extent(ast.Outer[0])}", GeneralNest.LeavesCaches(ast) ? "r0:n, more than a cache" : "r0:n");
    }
}
