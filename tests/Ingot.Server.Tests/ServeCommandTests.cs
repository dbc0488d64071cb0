using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Ingot.Llm.Tests;
using Ingot.Llm.Tests.Cli;

namespace Ingot.Server.Tests;

public class ServeCommandTests
{
    [Fact]
    public async Task Serve_Folder_AnswersUntilItIsStopped()
    {
        using var folder = new TemporaryFolder();
        ScriptedModel.Save(folder["model"]);
        using var process = IngotProcess.Start("serve", $"small={folder["model"]}", "--port", "0", "--feedback", "-", "--draft", "lookup", "--cache-type", "bf16", "--dtype", "bf16", "--context", "128", "--kv-memory", "64", "--prefix-folder", folder["prefixes"]);
        string seen = "";
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            seen += line + "\n";
            if (line.StartsWith("page ", StringComparison.Ordinal)) break;
        }
        var address = new Uri(Regex.Match(seen, "page (\\S+)").Groups[1].Value);
        address.IsLoopback.ShouldBeTrue();
        using var client = new HttpClient { BaseAddress = address };
        using var response = await client.PostAsJsonAsync("v1/chat/completions", new { model = "small", messages = new[] { new { role = "user", content = "hi" } } });
        (await response.Content.ReadFromJsonAsync<JsonNode>())!["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldBe(string.Concat(ScriptedModel.Standard));
        using (var kill = System.Diagnostics.Process.Start("kill", ["-TERM", process.Id.ToString()])) await kill.WaitForExitAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await process.WaitForExitAsync(limit.Token);
        process.ExitCode.ShouldBe(0);
    }

    [Fact]
    public void Serve_OpenAddressWithoutKey_IsRefusedBeforeAnythingIsLoaded()
    {
        var (code, _, error) = IngotProcess.Run("serve", "no-such-folder", "--host", "*");
        code.ShouldBe(1);
        error.ShouldContain("--api-key");
        error.ShouldNotContain("no-such-folder");
    }

    [Fact]
    public void Serve_UnknownCacheType_IsRefusedBeforeAnythingIsLoaded() => IngotProcess.Run("serve", "no-such-folder", "--cache-type", "fp4").Error.ShouldContain("int8");

    [Fact]
    public async Task ToolServer_Program_DoesNotGetTheKey()
    {
        if (!File.Exists("/bin/bash")) Assert.Skip("no bash");
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["tools.sh"], TinyToolServer.Script);
        string? before = Environment.GetEnvironmentVariable("INGOT_API_KEY"); // the tests that start processes are in this class, which runs one by one
        Environment.SetEnvironmentVariable("INGOT_API_KEY", "a-key-of-this-machine");
        try
        {
            await using var connected = await ToolServers.ConnectAsync([$"shell=/bin/bash '{folder["tools.sh"]}'"]);
            using var nothing = JsonDocument.Parse("{}");
            (await connected.CallAsync("greet", nothing.RootElement, TestContext.Current.CancellationToken)).ShouldBe(("hello from a shell", false));
        }
        finally { Environment.SetEnvironmentVariable("INGOT_API_KEY", before); }
    }

    [Fact]
    public void Load_OtherMachine_IsRefused() => IngotProcess.Run("load", "http://192.168.1.1:80").Error.ShouldContain("no address of this machine");
}
