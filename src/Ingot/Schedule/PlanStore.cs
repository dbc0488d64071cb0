using System.Buffers.Binary;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Ingot.Codegen.Il;
using Ingot.Formats;
using Ingot.Kernels;
using Ingot.Runtime;

namespace Ingot.Schedule;

/// <summary>
/// Plans kept in files of the folder INGOT_CACHE, so that another process neither schedules nor lowers what this one has: it reads what was decided and the
/// kernels' instructions, and compiles those. A file is found by the hash of the structure and of all else that plans depend on, and holds both whole, to be compared.
/// </summary>
/// <remarks>
/// Nothing is trusted: a file that is damaged, cut short, of another build or of another machine is none, and is written anew. Used under the realiser's lock.
/// </remarks>
static class PlanStore
{
    /// <summary>Bytes of all files; those unused for longest go first.</summary>
    internal static long MostBytes { get; set; } = 256L << 20;

    /// <summary>A plan that is made sooner is not worth a file.</summary>
    internal static TimeSpan WorthKeeping { get; set; } = TimeSpan.FromMilliseconds(25);

    /// <summary>The fingerprint of all that follows stands first.</summary>
    const int CheckBytes = 16;

    [ThreadStatic]
    static ExpectedPlans? current;

    /// <summary>Plans found since the process began.</summary>
    public static int Found { get; private set; }

    /// <summary>Plans kept since the process began.</summary>
    public static int Kept { get; private set; }

    public static string Folder => Path.Combine(Settings.Cache, "plans");

    /// <summary>Plans made on this thread until the end are looked for, and kept.</summary>
    /// <param name="plans">For whom; null: they are not.</param>
    public static Scope Enter(ExpectedPlans? plans) => new(plans);

    public readonly ref struct Scope
    {
        readonly ExpectedPlans? before;

        public Scope(ExpectedPlans? plans) => (before, current) = (current, plans);

        public void Dispose() => current = before;
    }

    /// <summary>Whether plans can be kept. Not where somebody looks at how they are made, or has a say in it.</summary>
    public static bool IsPossible => Settings.Verify == 0 && Settings.Beam == 0 && Settings.Debug < 3 && CompiledKernel.Forced is null && Settings.Cache != Settings.TemporaryCache;

    /// <summary>Whether this thread's are. Kernels of a family are not: their code is for the sizes that this process has met.</summary>
    public static bool IsOn => current is not null && CodeFamily.Current is null && IsPossible;

    /// <summary>What a file holds.</summary>
    public sealed record Entry(byte[] Identity, Plan Plan);

    /// <summary>The plan of a structure, as an earlier process made it; null if none did.</summary>
    public static Plan? Find(PlanKey key)
    {
        if (!IsOn || Identity(key) is not { } identity) return null;
        string path = PathOf(identity);
        if (current!.Take(path) is not { } entry || !entry.Identity.AsSpan().SequenceEqual(identity)) return null;
        Found++;
        current.Used(path);
        Use(path);
        return entry.Plan;
    }

    /// <summary>Reads a file of this build on this machine; null if it is not one. May be called from any thread.</summary>
    public static Entry? Read(string path)
    {
        try
        {
            byte[] file = File.ReadAllBytes(path);
            if (file.Length < CheckBytes || BinaryPrimitives.ReadUInt128LittleEndian(file) != Fingerprint.Of(file.AsSpan(CheckBytes))) return null;
            using var from = new BinaryReader(new MemoryStream(file, CheckBytes, file.Length - CheckBytes));
            byte[] identity = from.ReadBytes(from.ReadInt32());
            return identity.AsSpan().StartsWith(Identity()) ? new(identity, Plan.Read(from)) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or ArgumentException or BadImageFormatException) { return null; } // none yet, not for us, or no plan
    }

    /// <summary>Keeps a plan that was made; a folder that cannot be written to costs only the next process its time.</summary>
    public static void Keep(PlanKey key, Plan plan, TimeSpan took)
    {
        if (!IsOn || took < WorthKeeping || !plan.IsArchivable || Identity(key) is not { } identity) return;
        using var content = new MemoryStream();
        using var to = new BinaryWriter(content);
        to.Write(new byte[CheckBytes]);
        to.Write(identity.Length);
        to.Write(identity);
        plan.Write(to);
        byte[] bytes = content.ToArray();
        BinaryPrimitives.WriteUInt128LittleEndian(bytes, Fingerprint.Of(bytes.AsSpan(CheckBytes)));
        if (bytes.Length > MostBytes) return;
        string path = PathOf(identity), temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            Directory.CreateDirectory(Folder);
            MakeRoom(bytes.Length);
            // Renamed when it is whole, but not flushed to the disk: after a power cut it may be damaged, and is then no plan.
            File.WriteAllBytes(temporary, bytes);
            File.Move(temporary, path, overwrite: true);
            Kept++;
            current!.Used(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (Settings.Debug >= 1) Observe.Output.WriteLine($"the plan is not kept, since {e.Message}");
        }
    }

    /// <summary>It was used: others go before it.</summary>
    static void Use(string path)
    {
        try { File.SetLastWriteTimeUtc(path, DateTime.UtcNow); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { } // somebody else's folder
    }

    static void MakeRoom(long bytes)
    {
        var files = new DirectoryInfo(Folder).GetFiles();
        long total = files.Sum(f => f.Length) + bytes;
        foreach (var file in files.OrderBy(f => f.LastWriteTimeUtc))
        {
            if (total <= MostBytes) return;
            total -= file.Length;
            file.Delete();
        }
    }

    static string PathOf(byte[] identity) => Path.Combine(Folder, $"{Fingerprint.Text(identity)}.plan");

    /// <summary>All that decides what a plan is; null if that is not the same in another process.</summary>
    static byte[]? Identity(PlanKey key)
    {
        using var bytes = new MemoryStream();
        using var to = new BinaryWriter(bytes);
        to.Write(Identity());
        return key.Write(to) ? bytes.ToArray() : null;
    }

    /// <summary>The part of it that the structure has no part in.</summary>
    static byte[] Identity()
    {
        using var bytes = new MemoryStream();
        using var to = new BinaryWriter(bytes);
        // The build of the compiler and of what its code calls, and the framework's: archives are numbers in their metadata.
        foreach (var module in IlArchive.Modules) to.Write(module.ModuleVersionId.ToByteArray());
        to.Write($"{Cpu.Name} {Cpu.Level} {Cpu.UsesMatrixUnit} {Cpu.Caches} {WorkerPool.Threads} {Vector256.IsHardwareAccelerated} {Vector512.IsHardwareAccelerated} {Fma.IsSupported} {Avx512F.VL.IsSupported}");
        to.Write(RecipeCache.All());
        return bytes.ToArray();
    }
}
