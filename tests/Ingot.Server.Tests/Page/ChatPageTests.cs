using System.Text.Json.Nodes;
using Ingot.Llm.Data;
using Ingot.Llm.Tests;
using Ingot.Llm.Training;
using Microsoft.Playwright;

namespace Ingot.Server.Tests.Page;

public class ChatPageTests(SharedServer shared, Browser browser) : IClassFixture<SharedServer>, IClassFixture<Browser>
{
    readonly TestServer server = shared.Server;

    [Fact]
    public async Task Page_Conversation_IsStreamedKeptAndShown()
    {
        await using var tab = await browser.Open(server);
        await tab.Screenshot("welcome-light");
        await tab.Say("hi");
        (await tab.LastText.InnerTextAsync()).ShouldBe(string.Concat(ScriptedModel.Standard));
        (await tab.Answers.Last.Locator(".figures").InnerTextAsync()).ShouldContain("4 tokens");
        await tab.Say("@markdown");
        await tab.Page.ReloadAsync();
        await tab.Page.Locator("#conversations .open").First.ClickAsync();
        (await tab.Answers.CountAsync()).ShouldBe(2);
        (await tab.Page.Locator(".message.user").First.InnerTextAsync()).ShouldContain("hi");
        await tab.Page.Keyboard.PressAsync("Control+Shift+O");
        (await tab.Answers.CountAsync()).ShouldBe(0);
        (await tab.Page.Locator("#conversations .open").CountAsync()).ShouldBe(1);
        tab.ShouldHaveNoComplaints();
    }

    [Fact]
    public async Task Page_Markdown_BecomesElements()
    {
        await using var tab = await browser.Open(server);
        await tab.Say("@markdown");
        var text = tab.LastText;
        (await text.Locator("h1").InnerTextAsync()).ShouldBe("A title");
        (await text.Locator("strong").InnerTextAsync()).ShouldBe("bold");
        (await text.Locator("li li").InnerTextAsync()).ShouldBe("deep");
        (await text.Locator("td.right").InnerTextAsync()).ShouldBe("2");
        (await text.Locator("pre code").InnerTextAsync()).ShouldBe("var x = 1 < 2;");
        var link = text.Locator("a");
        (await link.GetAttributeAsync("href")).ShouldBe("https://example.org/a");
        (await link.GetAttributeAsync("rel"))!.ShouldContain("noopener");
        await text.GetByLabel("Copy the code").ClickAsync();
        (await tab.Page.EvaluateAsync<string>("navigator.clipboard.readText()")).ShouldBe("var x = 1 < 2;");
        await tab.Answers.Last.GetByLabel("Copy", new() { Exact = true }).ClickAsync();
        (await tab.Page.EvaluateAsync<string>("navigator.clipboard.readText()")).ShouldBe(ScriptedModel.Text("@markdown"));
        tab.ShouldHaveNoComplaints();
    }

    [Fact]
    public async Task Page_HostileText_StaysText()
    {
        await using var tab = await browser.Open(server);
        await tab.Say("@evil");
        (await tab.LastText.InnerTextAsync()).ShouldContain("<script>window.hacked=1</script>");
        (await tab.LastText.Locator("img, script, b, a").CountAsync()).ShouldBe(0);
        await tab.Say("<img src=x onerror='window.hacked=1'>");
        (await tab.Page.EvaluateAsync<bool>("'hacked' in window")).ShouldBeFalse();
        tab.ShouldHaveNoComplaints();
    }

    [Theory]
    [InlineData("[a](javascript:alert(1))", "")]
    [InlineData("[a](JaVaScRiPt:alert(1))", "")]
    [InlineData("[a](data:text/html,x)", "")]
    [InlineData("[a]( https://e.org/b )", "a:https://e.org/b")]
    [InlineData("see https://e.org/x.", "a:https://e.org/x")]
    [InlineData("**a *b* c**", "strong,em")]
    [InlineData("a*b*c_d_e", "em")]
    [InlineData("`<b>`", "code")]
    [InlineData("1. a\n2. b", "ol,li,li")]
    [InlineData("> q\n> r", "blockquote,p,br")]
    [InlineData("| a |\n|:-:|\n| <i> |", "div,table,thead,tr,th,tbody,tr,td")]
    [InlineData("**open and `open [open](", "")]
    public async Task Render_Markdown_MakesTheseElementsAlone(string markdown, string expected)
    {
        await using var tab = await browser.Open(server);
        var made = await tab.Page.EvaluateAsync<string>("""
            async text => {
              const { render } = await import("/page/markdown.js");
              return [...render(text).querySelectorAll("*")].filter((e, i) => !(e.tagName === "P" && i === 0)).map(e => e.tagName.toLowerCase() + (e.href ? ":" + e.href : "")).join(",").replace(/li,p/g, "li");
            }
            """, markdown);
        made.ShouldBe(expected);
    }

    [Fact]
    public async Task Render_LongHostileText_TakesLinearTime()
    {
        await using var tab = await browser.Open(server);
        foreach (var unit in new[] { "**a ", "[", "`", "_a*", "> ", "- ", "[a](", "|a|\n", "<", "~~" })
        {
            double milliseconds = await tab.Page.EvaluateAsync<double>("""
                async text => {
                  const { render } = await import("/page/markdown.js");
                  const start = performance.now();
                  render(text);
                  return performance.now() - start;
                }
                """, string.Concat(Enumerable.Repeat(unit, 10_000)));
            milliseconds.ShouldBeLessThan(3000, unit);
        }
    }

    [Fact]
    public async Task Page_StopButton_EndsTheAnswer()
    {
        await using var slow = await TestServer.WithModels(null, ScriptedModel.New(), ScriptedModel.New("other"));
        await using var tab = await browser.Open(slow);
        await tab.Page.GetByLabel("Message", new() { Exact = true }).FillAsync("@long");
        await tab.Page.Keyboard.PressAsync("Enter");
        await tab.LastText.WaitForAsync();
        await tab.Page.Keyboard.PressAsync("Escape");
        await tab.Ended();
        for (int i = 0; i < 200 && slow.Model.Loop.Running > 0; i++) await Task.Delay(10);
        slow.Model.Loop.Running.ShouldBe(0);
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "New chat" }).ClickAsync(); // the stopped answer may already fill the context
        await tab.Page.GetByLabel("Model", new() { Exact = true }).SelectOptionAsync("other");
        await tab.Say("hi");
        (await tab.Answers.Last.Locator(".who").InnerTextAsync()).ShouldBe("other");
        tab.ShouldHaveNoComplaints();
    }

    [Fact]
    public async Task Page_OtherChatWhileAnswering_KeepsWhatThereIs()
    {
        await using var slow = await TestServer.WithModels(null, ScriptedModel.New());
        await using var tab = await browser.Open(slow);
        // The answer begins and does not end until it is stopped.
        await tab.Page.EvaluateAsync("""
            () => {
              const real = window.fetch;
              window.fetch = (path, options) => !path.includes("/chat/completions") ? real(path, options) : Promise.resolve(new Response(new ReadableStream({
                start(stream) {
                  stream.enqueue(new TextEncoder().encode('data: {"choices":[{"delta":{"content":"begun"}}]}\n\n'));
                  options.signal.addEventListener("abort", () => stream.error(new DOMException("stopped", "AbortError")));
                },
              })));
            }
            """);
        async Task Begin(string words)
        {
            await tab.Page.GetByLabel("Message", new() { Exact = true }).FillAsync(words);
            await tab.Page.Keyboard.PressAsync("Enter");
            await tab.LastText.WaitForAsync();
        }
        await Begin("@long");
        await tab.Page.Locator(".message.user").GetByLabel("Edit and ask again").ClickAsync();
        (await tab.Page.Locator(".edit").CountAsync()).ShouldBe(0);
        await tab.Page.Keyboard.PressAsync("Control+Shift+O");
        await tab.Page.GetByLabel("Stop (Esc)").WaitForAsync(new() { State = WaitForSelectorState.Hidden });
        (await tab.Answers.CountAsync()).ShouldBe(0);
        (await tab.Page.Locator("#conversations .open").CountAsync()).ShouldBe(1);
        await tab.Page.Locator("#conversations .open").ClickAsync();
        (await tab.LastText.InnerTextAsync()).ShouldBe("begun");
        (await tab.Page.EvaluateAsync<string>("""
            Object.values(JSON.parse(localStorage.getItem(Object.keys(localStorage).find(k => k.startsWith("ingot.conversation.")))).nodes).find(n => n.role === "assistant").content
            """)).ShouldBe("begun");
        // Deleted while it is being answered, it does not come back.
        await Begin("@long");
        tab.Page.Dialog += (_, dialog) => dialog.AcceptAsync();
        await tab.Page.Locator("#conversations .remove").ClickAsync();
        await tab.Page.GetByLabel("Stop (Esc)").WaitForAsync(new() { State = WaitForSelectorState.Hidden });
        (await tab.Page.Locator("#conversations .open").CountAsync()).ShouldBe(0);
        (await tab.Page.EvaluateAsync<int>("Object.keys(localStorage).filter(k => k.startsWith('ingot.conversation.')).length")).ShouldBe(0);
        tab.ShouldHaveNoComplaints();
    }

    [Fact]
    public async Task GrowingText_EachBeginning_IsAsRendered()
    {
        await using var tab = await browser.Open(server);
        string text = ScriptedModel.Text("@markdown") + "\n\n- a\n\n- b\n  - c\n\n1. one\n\n1\n\nline\n# head\nmore\n***\n> q\n> r\n\n|a|b|\n|-|-|\n|1|2|\nafter\n```js\nlet x;\n\n# no\n```\nend **of** it\n\nlast";
        var wrong = await tab.Page.EvaluateAsync<string>("""
            async text => {
              const { render, GrowingText } = await import("/page/markdown.js");
              const growing = new GrowingText(), box = document.createElement("div");
              for (let n = 1; n <= text.length; n++) {
                growing.show(text.slice(0, n));
                box.replaceChildren(render(text.slice(0, n)));
                if (growing.element.innerHTML !== box.innerHTML) return `${text.slice(0, n)}: ${growing.element.innerHTML}`;
              }
              const first = growing.element.firstChild;
              growing.show(text + " and more");
              return first === growing.element.firstChild ? "" : "the first block was made anew";
            }
            """, text);
        wrong.ShouldBe("");
        // 4,000 paragraphs, a frame each: anew each time they would be eight million.
        double milliseconds = await tab.Page.EvaluateAsync<double>("""
            async () => {
              const { GrowingText } = await import("/page/markdown.js");
              const growing = new GrowingText(), start = performance.now();
              let text = "";
              for (let n = 0; n < 4000; n++) growing.show(text += `paragraph ${n} of **many**\n\n`);
              return performance.now() - start;
            }
            """);
        milliseconds.ShouldBeLessThan(5000);
    }

    [Fact]
    public async Task Page_EditAndAgain_AreBranches()
    {
        await using var tab = await browser.Open(server);
        await tab.Say("hi");
        await tab.Page.Keyboard.PressAsync("ArrowUp");
        await tab.Page.GetByLabel("Text of the message").FillAsync("@no");
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "Ask" }).ClickAsync();
        await tab.Ended();
        (await tab.LastText.InnerTextAsync()).ShouldBe("Then I cannot tell.");
        var branch = tab.Page.Locator(".message.user .branch");
        (await branch.InnerTextAsync()).ShouldContain("2/2");
        await branch.GetByLabel("The version before").ClickAsync();
        (await tab.LastText.InnerTextAsync()).ShouldBe(string.Concat(ScriptedModel.Standard));
        await tab.Answers.Last.GetByLabel("Answer again").ClickAsync();
        await tab.Ended();
        (await tab.Answers.Last.Locator(".branch").InnerTextAsync()).ShouldContain("2/2");
        tab.ShouldHaveNoComplaints();
    }

    [Fact]
    public async Task Page_ExportAndImport_KeepConversations()
    {
        await using var tab = await browser.Open(server);
        await tab.Say("hi");
        var download = await tab.Page.RunAndWaitForDownloadAsync(() => tab.Page.GetByRole(AriaRole.Button, new() { Name = "Export" }).ClickAsync());
        using var folder = new TemporaryFolder();
        await download.SaveAsAsync(folder["all.json"]);
        await tab.Page.EvaluateAsync("localStorage.clear()");
        await tab.Page.ReloadAsync();
        (await tab.Page.Locator("#conversations .open").CountAsync()).ShouldBe(0);
        await tab.Page.SetInputFilesAsync("#import-file", folder["all.json"]);
        await tab.Page.Locator("#conversations .open").ClickAsync();
        (await tab.LastText.InnerTextAsync()).ShouldBe(string.Concat(ScriptedModel.Standard));
        File.WriteAllText(folder["other.json"], "{}");
        await tab.Page.SetInputFilesAsync("#import-file", folder["other.json"]);
        await tab.Page.GetByText("This file holds no conversations").WaitForAsync();
        tab.ShouldHaveNoComplaints();
    }

    [Fact]
    public async Task Page_FilesAndSystemPrompt_ReachTheModel()
    {
        await using var tab = await browser.Open(server);
        await tab.Page.GetByLabel("Settings: system prompt, sampling, tools").ClickAsync();
        await tab.Page.GetByLabel("System prompt", new() { Exact = true }).FillAsync("Be brief.");
        await tab.Page.GetByLabel("Most tokens (0: no limit)").First.FillAsync("2");
        await tab.Page.SetInputFilesAsync("#attach-file", new FilePayload { Name = "notes.txt", MimeType = "text/plain", Buffer = "from a file"u8.ToArray() });
        await tab.Page.Locator("#files li").WaitForAsync();
        await tab.Screenshot("settings-light");
        var request = await tab.Page.RunAndWaitForRequestAsync(() => tab.Say("hi"), "**/v1/chat/completions");
        var body = JsonNode.Parse(request.PostData!)!;
        body["max_tokens"]!.GetValue<int>().ShouldBe(2);
        body["messages"]!.AsArray().Select(m => m!["content"]!.GetValue<string>()).ShouldBe(["Be brief.", "notes.txt:\n```\nfrom a file\n```\n\nhi"]);
        (await tab.Answers.Last.Locator(".body").InnerTextAsync()).ShouldContain("Cut off");
        await tab.Page.SetInputFilesAsync("#attach-file", new FilePayload { Name = "a.bin", MimeType = "application/octet-stream", Buffer = [0, 1, 255] });
        await tab.Page.GetByText("a.bin is no text file.").WaitForAsync();
        tab.ShouldHaveNoComplaints();
    }

    [Fact]
    public async Task Page_ThumbsAndEdits_BecomeTrainingData()
    {
        using var folder = new TemporaryFolder();
        var file = folder["feedback.jsonl"];
        await using var keeping = await TestServer.StartAsync(new() { FeedbackFile = file });
        await using var tab = await browser.Open(keeping);
        await tab.Say("hi");
        await tab.Answers.Last.GetByLabel("Good answer").ClickAsync();
        await tab.Page.GetByText("Thank you, noted").WaitForAsync();
        await tab.Answers.Last.GetByLabel("Edit the answer").ClickAsync();
        await tab.Page.GetByLabel("Text of the message").FillAsync("A better answer.");
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "Keep" }).ClickAsync();
        for (int i = 0; i < 200 && File.ReadLines(file).Count() < 2; i++) await Task.Delay(20);
        var pair = AnswerFiles.Pairs(file).ShouldHaveSingleItem();
        pair.Chosen.ShouldBe("A better answer.");
        pair.Rejected.ShouldBe(string.Concat(ScriptedModel.Standard));
        var items = DataSource.Read(file).ToList();
        items.Count.ShouldBe(2);
        items.ShouldAllBe(i => i.Conversation != null && i.Conversation.Messages.Count == 2);
        tab.ShouldHaveNoComplaints();
    }

    [Theory]
    [InlineData("phone", 390, 844, false)]
    [InlineData("phone-dark", 390, 844, true)]
    [InlineData("wide-light", 1280, 860, false)]
    [InlineData("wide-dark", 1280, 860, true)]
    public async Task Page_AnyWidth_FitsAndIsReachable(string name, int width, int height, bool isDark)
    {
        await using var tab = await browser.Open(server, width, height, isDark);
        await tab.Say("Show me what you can do with text: @markdown");
        await tab.Screenshot(name);
        (await tab.Page.EvaluateAsync<int>("document.documentElement.scrollWidth")).ShouldBeLessThanOrEqualTo(width);
        (await tab.Page.EvaluateAsync<string>("document.documentElement.dataset.theme")).ShouldBe(isDark ? "dark" : "light");
        if (width < 700)
        {
            await tab.Page.GetByLabel("Show the list of conversations").ClickAsync();
            await tab.Page.Locator("#conversations .open").First.WaitForAsync();
            await Task.Delay(300);
            await tab.Screenshot(name + "-list");
            await tab.Page.Keyboard.PressAsync("Escape");
        }
        // All that can be pressed has a name for screen readers.
        (await tab.Page.EvaluateAsync<string>("[...document.querySelectorAll('button, select, textarea, input:not([type=file])')].filter(e => !(e.ariaLabel || e.textContent.trim() || e.labels?.length)).map(e => e.outerHTML).join()")).ShouldBeEmpty();
        tab.ShouldHaveNoComplaints();
    }

    [Fact]
    public async Task Page_KeyNeeded_IsAskedFor()
    {
        await using var closed = await TestServer.StartAsync(new() { ApiKey = "page-key-1" });
        if (!File.Exists("/usr/bin/chromium")) Assert.Skip("no Chromium: apt-get install chromium");
        await using var tab = await browser.Open(server);
        await tab.Page.GotoAsync(closed.Client.BaseAddress!.ToString());
        await tab.Page.GetByText("This server needs a key").WaitForAsync();
        await tab.Page.GetByLabel("API key").FillAsync("page-key-1");
        await tab.Page.Keyboard.PressAsync("Enter");
        await tab.Page.Locator("#model option").First.WaitForAsync(new() { State = WaitForSelectorState.Attached });
        await tab.Page.Keyboard.PressAsync("Escape");
        await tab.Say("hi");
    }
}
