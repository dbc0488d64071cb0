using System.CommandLine;
using Ingot.Runtime;

namespace Ingot.Cli;

/// <summary><c>ingot info</c>: what was found, what it can do at best, and every setting.</summary>
static class InfoCommand
{
    public static Command Create()
    {
        var command = new Command("info", "Show this machine as Ingot sees it: processor, measured peaks, settings.");
        command.SetAction(_ => Run());
        return command;
    }

    static int Run()
    {
        var peaks = Peaks.Measure();
        var caches = Cpu.Caches;
        Section("Machine");
        Row("processor", Cpu.Name);
        Row("cores", $"{Cpu.Cores}");
        Row("threads used", $"{WorkerPool.Threads}");
        Row("vector level", $"{Cpu.Level} ({Cpu.VectorBytes * 8} bits){(Cpu.Level != Cpu.HardwareLevel ? $"; the hardware has {Cpu.HardwareLevel}" : "")}");
        Row("matrix unit", !Amx.IsPresent ? "none" : !Amx.IsAvailable ? "AMX, which the system refuses" : $"AMX, bf16{(Amx.HasInt8 ? " and int8" : "")}{(Cpu.DistrustsMatrixUnit ? "; not used, as it failed the product it is tried with" : Cpu.UsesMatrixUnit ? "" : "; switched off")}");
        Row("caches", $"L1 {Kilobytes(caches.L1Data)}, L2 {Kilobytes(caches.L2)}, L3 {Kilobytes(caches.L3)}");
        Row("system", $"{System.Runtime.InteropServices.RuntimeInformation.OSDescription}, {System.Runtime.InteropServices.RuntimeInformation.FrameworkDescription}");
        Section($"Measured peaks, {peaks.Threads} thread{(peaks.Threads == 1 ? "" : "s")}");
        Row("multiply-add", $"{peaks.Gflops:N0} GFLOPS in float32 ({peaks.Level})");
        if (peaks.MatrixGflops is { } matrix) Row("matrix unit", $"{matrix:N0} GFLOPS in bf16, accumulated in float32");
        Row("memory read", $"{peaks.ReadGBs:N1} GB/s");
        Row("memory copy", $"{peaks.CopyGBs:N1} GB/s, {peaks.CopyNonTemporalGBs:N1} GB/s with non-temporal stores (bytes read plus written)");
        Section("Settings (environment variables)");
        foreach (var s in Settings.All()) Row(s.Name, $"{s.Value,-22} {s.Meaning}");
        return 0;
    }

    static void Section(string title) => Console.WriteLine(title);

    static void Row(string name, string value) => Console.WriteLine($"  {name,-14} {value}");

    static string Kilobytes(long bytes) => bytes == 0 ? "unknown" : bytes >= 1 << 20 ? $"{bytes / 1048576.0:0.##} MB" : $"{bytes / 1024} KB";
}
