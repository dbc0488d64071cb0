using System.Diagnostics;
using Ingot.Llm.Tests;

namespace Ingot.Server.Tests.Extensions;

public class ExampleTests
{
    /// <summary>The folder of the solution; skips the test where it runs without it.</summary>
    static string Root
    {
        get
        {
            for (var d = new DirectoryInfo(AppContext.BaseDirectory); d is not null; d = d.Parent)
                if (File.Exists(Path.Combine(d.FullName, "Ingot.slnx"))) return d.FullName;
            Assert.Skip("no sources");
            return null!; // Skip throws
        }
    }

    [Fact]
    public async Task Chat_FileBasedProgram_TalksWithAModelsFolder()
    {
        string root = Root;
        using var folder = new TemporaryFolder();
        ScriptedModel.Save(folder["model"]);
        var info = new ProcessStartInfo("dotnet", ["run", "-c", "Release", Path.Combine(root, "examples", "Chat.cs"), "--", folder["model"]])
        {
            WorkingDirectory = folder.Path,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(info)!;
        await process.StandardInput.WriteAsync("hi\n@no\n\n");
        process.StandardInput.Close();
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(5));
        await process.WaitForExitAsync(limit.Token);
        process.ExitCode.ShouldBe(0, await error + await output);
        (await output).ShouldEndWith($"{string.Concat(ScriptedModel.Standard)}\nThen I cannot tell.\n");
    }

    [Theory]
    [InlineData("README.md")]
    [InlineData("docs/server.md")]
    public void Pages_Example_IsTheFile(string page)
    {
        string root = Root;
        File.ReadAllText(Path.Combine(root, page)).ShouldContain(File.ReadAllText(Path.Combine(root, "examples", "Chat.cs")));
    }
}
