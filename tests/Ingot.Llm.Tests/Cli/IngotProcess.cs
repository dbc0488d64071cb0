using System.Diagnostics;

namespace Ingot.Llm.Tests.Cli;

/// <summary>Runs the built command line as a process of its own, as a user would.</summary>
static class IngotProcess
{
    static readonly string Assembly = Path.Combine(AppContext.BaseDirectory, "Ingot.Cli.dll");

    public static Process Start(params IEnumerable<string> arguments) => Start("dotnet", [Assembly, .. arguments]);

    /// <summary>Through a shell that limits the size of files, which is what a full disk looks like without filling one.</summary>
    public static (int Code, string Output, string Error) RunLimited(int kilobytes, params IEnumerable<string> arguments) =>
        Finish(Start("bash", ["-c", $"trap '' XFSZ; ulimit -f {kilobytes}; exec dotnet \"$@\"", "bash", Assembly, .. arguments]));

    public static (int Code, string Output, string Error) Run(params IEnumerable<string> arguments) => Finish(Start(arguments));

    /// <summary>With text on the standard input, which then ends.</summary>
    public static (int Code, string Output, string Error) RunWithInput(string input, params IEnumerable<string> arguments)
    {
        var process = Start("dotnet", [Assembly, .. arguments], hasInput: true);
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        return Finish(process);
    }

    static Process Start(string file, IEnumerable<string> arguments, bool hasInput = false)
    {
        var info = new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = hasInput };
        info.Environment["INGOT_THREADS"] = "1";
        info.Environment["DOTNET_EnableWriteXorExecute"] = "0"; // it maps code twice through a 2 GB file, which RunLimited forbids
        return Process.Start(info)!;
    }

    public static (int Code, string Output, string Error) Finish(Process process)
    {
        using (process)
        {
            var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            process.WaitForExit();
            return (process.ExitCode, output.Result, error.Result);
        }
    }
}
