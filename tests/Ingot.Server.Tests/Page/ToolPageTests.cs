using System.Text.Json.Nodes;
using Ingot.Llm.Tests;
using Microsoft.Playwright;

namespace Ingot.Server.Tests.Page;

public class ToolPageTests(Browser browser) : IClassFixture<Browser>
{
    [Fact]
    public async Task Page_ToolCall_RunsOnlyWhenAllowed()
    {
        using var tools = new TinyToolServer();
        await using var connected = await ToolServers.ConnectAsync([$"tiny={tools.Address}"]);
        await using var server = await TestServer.StartAsync(new() { Tools = connected });
        await using var tab = await browser.Open(server);
        await tab.Page.GetByLabel("Settings: system prompt, sampling, tools").ClickAsync();
        await tab.Page.GetByLabel("Let the model ask for tools").CheckAsync();
        await tab.Page.Keyboard.PressAsync("Escape");

        await Ask(tab);
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "Allow once" }).WaitForAsync();
        await tab.Screenshot("tool-consent");
        tools.Calls.ShouldBe(0); // it is shown, and waits
        (await tab.Page.Locator(".call pre").First.InnerTextAsync()).ShouldContain("\"a\": 20");
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "Deny" }).ClickAsync();
        await tab.Ended();
        tools.Calls.ShouldBe(0);
        (await tab.Page.Locator(".call .state").First.InnerTextAsync()).ShouldBe("not allowed");

        await Ask(tab);
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "Allow once" }).ClickAsync();
        await tab.Ended();
        tools.Calls.ShouldBe(1);
        (await tab.LastText.InnerTextAsync()).ShouldBe("It is forty-two.");

        await Ask(tab); // once was once
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "Always in this chat" }).ClickAsync();
        await tab.Ended();
        await Ask(tab);
        await tab.Ended();
        tools.Calls.ShouldBe(3);
        (await tab.LastText.InnerTextAsync()).ShouldBe("It is forty-two.");
        await tab.Screenshot("tool-done");

        await tab.Page.Keyboard.PressAsync("Control+Shift+O"); // always was for that chat
        await Ask(tab);
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "Allow once" }).WaitForAsync();
        tools.Calls.ShouldBe(3);
        await tab.Page.Keyboard.PressAsync("Escape");
        tab.ShouldHaveNoComplaints();
    }

    static async Task Ask(PageUnderTest tab)
    {
        await tab.Page.GetByLabel("Message", new() { Exact = true }).FillAsync("@sum");
        await tab.Page.Keyboard.PressAsync("Enter");
    }

    [Fact]
    public async Task Call_WithoutConsentOrTool_IsRefused()
    {
        using var tools = new TinyToolServer();
        await using var connected = await ToolServers.ConnectAsync([$"tiny={tools.Address}"]);
        await using var server = await TestServer.StartAsync(new() { Tools = connected });
        (await server.Post("api/tools/call", """{"name": "add", "arguments": {"a": 20, "b": 22}}""")).Status.ShouldBe(403);
        (await server.Post("api/tools/call", """{"name": "rm", "arguments": {}, "consent": "once"}""")).Status.ShouldBe(404);
        tools.Calls.ShouldBe(0);
        var (status, json) = await server.Post("api/tools/call", """{"name": "add", "arguments": {"a": 20, "b": 22}, "consent": "once"}""");
        (status, json["content"]!.GetValue<string>(), json["is_error"]!.GetValue<bool>()).ShouldBe((200, "@result42", false));
        var (_, failed) = await server.Post("api/tools/call", """{"name": "add", "arguments": {"a": "x"}, "consent": "once"}""");
        failed["is_error"]!.GetValue<bool>().ShouldBeTrue();
        JsonNode.Parse(await server.Client.GetStringAsync("api/tools"))!["tools"]![0]!["function"]!["parameters"]!["type"]!.GetValue<string>().ShouldBe("object");
    }

    [Fact]
    public async Task Connect_Program_SpeaksOverItsStreams()
    {
        if (!File.Exists("/bin/bash")) Assert.Skip("no bash");
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["tool server.sh"], TinyToolServer.Script);
        await using var connected = await ToolServers.ConnectAsync([$"shell=/bin/bash '{folder["tool server.sh"]}'"]);
        connected.Names.ShouldBe(["greet"]);
        await using var server = await TestServer.StartAsync(new() { Tools = connected });
        (await server.Post("api/tools/call", """{"name": "greet", "arguments": {}, "consent": "chat"}""")).Json["content"]!.GetValue<string>().ShouldBe("hello from a shell");
    }

    [Theory]
    [InlineData("read file/v2", "read_file_v2")]
    [InlineData("größe", "gr__e")]
    [InlineData("", "tool")]
    [InlineData("fine-name_1.x", "fine-name_1.x")]
    public void Shown_AnyName_IsOneThatTheApiTakes(string name, string shown) => ToolServers.Shown(name).ShouldBe(shown);

    [Fact]
    public void Shown_LongName_IsCut() => ToolServers.Shown(new('x', 100)).Length.ShouldBe(64);

    [Theory]
    [InlineData("nothing")]
    [InlineData("a=")]
    [InlineData("a=/no/such/program")]
    [InlineData("a=\"open")]
    public async Task Connect_WrongDefinition_IsAnError(string definition) => await Should.ThrowAsync<IngotException>(() => ToolServers.ConnectAsync([definition]));
}
