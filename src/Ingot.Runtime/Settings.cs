using System.Globalization;

namespace Ingot.Runtime;

/// <summary>One environment variable: what it is called, what it does, what it is now.</summary>
public sealed record Setting(string Name, string Meaning, string Value);

/// <summary>
/// Every environment variable Ingot reads, in one place. Each is read once, at first use, and can be set in code afterwards.
/// Other programs use names such as <c>DEBUG</c> too, so a value that does not parse is ignored rather than refused.
/// </summary>
public static class Settings
{
    /// <summary>DEBUG: 1 a line each realise, 2 a line a kernel, 3 loop nest and recipe, 4 emitted code, 5 every rewrite, 6 disassembly.</summary>
    public static int Debug { get; set; } = Number("DEBUG", 0);

    /// <summary>GRAPH: 1 writes the kernels that really ran as a picture.</summary>
    public static int Graph { get; set; } = Number("GRAPH", 0);

    /// <summary>PROFILE: 1 writes a trace that Perfetto opens; see <see cref="Profiler"/>.</summary>
    public static int Profile { get; set; } = Number("PROFILE", 0);

    /// <summary>VERIFY: 1 reruns every kernel in the interpreter and reports the first wrong element.</summary>
    public static int Verify { get; set; } = Number("VERIFY", 0);

    /// <summary>CHECK: 1 names the first operation and source line that makes a NaN or an infinity.</summary>
    public static int Check { get; set; } = Number("CHECK", 0);

    /// <summary>BEAM: searches a recipe for each kernel that has none in <see cref="Cache"/>, keeping this many candidates a round; 0 takes the heuristic one.</summary>
    public static int Beam { get; set; } = Number("BEAM", 0);

    /// <summary>INGOT_ISA: 128, avx2, avx512 or amx; forces the level code is generated for, also above what the hardware has. avx512 switches the matrix unit off alone. Null: detect.</summary>
    public static IsaLevel? Isa { get; set; } = ParseIsa(Text("INGOT_ISA"));

    /// <summary>INGOT_THREADS: threads that run kernels, the caller included.</summary>
    public static int Threads
    {
        get;
        set => field = Math.Clamp(value, 1, WorkerPool.MaxThreads);
    } = Math.Clamp(Number("INGOT_THREADS", Environment.ProcessorCount), 1, WorkerPool.MaxThreads);

    /// <summary>INGOT_MEMORY: hard limit in bytes on buffers, such as 4G or 512M. Null: the machine's (or container's) memory.</summary>
    public static long? Memory { get; set; } = ParseBytes(Text("INGOT_MEMORY"));

    /// <summary>INGOT_GUARD: 1 ends every buffer at an unreadable page, so that an overrun crashes at once. Slow; for tests.</summary>
    public static bool Guard { get; set; } = Number("INGOT_GUARD", 0) != 0;

    /// <summary>INGOT_CACHE: the folder of recipes found by search, and of compiled ONNX models. They are used in every later run, whatever BEAM is; deleting the folder forgets them.</summary>
    public static string Cache { get; set; } = Text("INGOT_CACHE") ?? DefaultCache();

    /// <summary>Every variable with its meaning and present value, for <c>ingot info</c>.</summary>
    public static IReadOnlyList<Setting> All() =>
    [
        new("DEBUG", "1 a line each realise, 2 a line a kernel, 3 loop nest, 4 code, 5 rewrites, 6 disassembly", Show(Debug)),
        new("GRAPH", "1 writes the kernels that ran as a picture", Show(Graph)),
        new("PROFILE", "1 writes a trace for Perfetto", Show(Profile)),
        new("VERIFY", "1 reruns every kernel in the interpreter and compares", Show(Verify)),
        new("CHECK", "1 names the first operation that makes a NaN or infinity", Show(Check)),
        new("BEAM", "searches recipes, keeping so many candidates a round; 0 takes known or heuristic ones", Show(Beam)),
        new("INGOT_ISA", "128, avx2, avx512 or amx: the level code is generated for; avx512 leaves the matrix unit alone", Isa is { } i ? IsaName(i) : $"{IsaName(Cpu.Level)} (detected)"),
        new("INGOT_THREADS", "threads that run kernels", Show(Threads)),
        new("INGOT_MEMORY", "limit on buffers, such as 4G", Memory is { } m ? Show(m) : $"{Show(MemoryPool.Limit)} (detected)"),
        new("INGOT_GUARD", "1 ends every buffer at a guard page", Guard ? "1" : "0"),
        new("INGOT_CACHE", "folder of recipes found by search and of compiled ONNX models, used by later runs", Cache),
    ];

    /// <summary>4096, 512K, 512M, 4G, 1.5G or 1T in bytes; a final B is allowed. Null if it is not such a number, or not positive.</summary>
    public static long? ParseBytes(string? text)
    {
        var s = (text ?? "").Trim().ToUpperInvariant();
        if (s.EndsWith('B')) s = s[..^1];
        if (s.Length == 0) return null;
        int shift = s[^1] switch { 'K' => 10, 'M' => 20, 'G' => 30, 'T' => 40, _ => 0 };
        if (shift > 0) s = s[..^1].TrimEnd();
        if (!double.TryParse(s, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number)) return null;
        double bytes = number * (1L << shift);
        return bytes is >= 1 and < long.MaxValue ? (long)bytes : null;
    }

    /// <summary>128, avx2, avx512 or amx; null for anything else.</summary>
    public static IsaLevel? ParseIsa(string? text) => text?.Trim().ToLowerInvariant() switch
    {
        "128" => IsaLevel.Vector128,
        "avx2" => IsaLevel.Avx2,
        "avx512" => IsaLevel.Avx512,
        "amx" => IsaLevel.Amx,
        _ => null,
    };

    /// <summary>The value of an integer, or the fallback where the text is missing or no integer.</summary>
    public static int ParseNumber(string? text, int fallback) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out int n)
            ? n : fallback;

    static int Number(string name, int fallback) => ParseNumber(Text(name), fallback);

    static string? Text(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } s ? s : null;

    static string Show(long n) => n.ToString(CultureInfo.InvariantCulture);

    static string IsaName(IsaLevel level) => level switch { IsaLevel.Amx => "amx", IsaLevel.Avx512 => "avx512", IsaLevel.Avx2 => "avx2", _ => "128" };

    /// <summary>Where <see cref="Cache"/> is if there is no home: a folder that anybody may have made. No code is read from there.</summary>
    public static readonly string TemporaryCache = Path.Combine(Path.GetTempPath(), "ingot");

    static string DefaultCache()
    {
        var folder = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData); // empty where there is no home
        return folder.Length > 0 ? Path.Combine(folder, "ingot") : TemporaryCache;
    }
}
