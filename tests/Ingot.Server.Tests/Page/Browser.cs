using Microsoft.Playwright;

namespace Ingot.Server.Tests.Page;

/// <summary>A Chromium without a window that the tests of a class share; they skip where none is installed.</summary>
public sealed class Browser : IAsyncLifetime
{
    static readonly string? Executable = new[] { "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome" }.FirstOrDefault(File.Exists);

    IPlaywright? playwright;
    IBrowser? browser;

    public async ValueTask InitializeAsync()
    {
        if (Executable is null) return;
        playwright = await Playwright.CreateAsync();
        browser = await playwright.Chromium.LaunchAsync(new() { ExecutablePath = Executable, Args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
    }

    /// <summary>A fresh page, with nothing stored, that fails the test at what the browser complains of.</summary>
    internal async Task<PageUnderTest> Open(TestServer server, int width = 1200, int height = 800, bool isDark = false)
    {
        if (browser is null) Assert.Skip("no Chromium: apt-get install chromium");
        var context = await browser!.NewContextAsync(new() { ViewportSize = new() { Width = width, Height = height }, ColorScheme = isDark ? ColorScheme.Dark : ColorScheme.Light, Permissions = ["clipboard-read", "clipboard-write"], AcceptDownloads = true });
        context.SetDefaultTimeout(15_000);
        var page = new PageUnderTest(context, await context.NewPageAsync());
        await page.Page.GotoAsync(server.Client.BaseAddress!.ToString());
        await page.Page.Locator("#model option").First.WaitForAsync(new() { State = WaitForSelectorState.Attached });
        return page;
    }

    public async ValueTask DisposeAsync()
    {
        if (browser is not null) await browser.DisposeAsync();
        playwright?.Dispose();
    }
}

/// <summary>The chat page in a tab.</summary>
sealed class PageUnderTest : IAsyncDisposable
{
    readonly IBrowserContext context;
    readonly List<string> complaints = [];

    public PageUnderTest(IBrowserContext context, IPage page)
    {
        (this.context, Page) = (context, page);
        page.PageError += (_, error) => complaints.Add(error);
        page.Console += (_, message) => { if (message.Type == "error") complaints.Add(message.Text); };
    }

    public IPage Page { get; }

    public ILocator Answers => Page.Locator(".message.assistant");

    public ILocator LastText => Answers.Last.Locator(".text").Last;

    /// <summary>Writes, sends and waits for the end of the answer.</summary>
    public async Task Say(string words)
    {
        await Page.GetByLabel("Message", new() { Exact = true }).FillAsync(words);
        await Page.Keyboard.PressAsync("Enter");
        await Ended();
    }

    public async Task Ended()
    {
        await Page.GetByLabel("Stop (Esc)").WaitForAsync(new() { State = WaitForSelectorState.Hidden });
        await Answers.Last.Locator(".actions").WaitForAsync();
    }

    /// <summary>For people to look at: into the folder that INGOT_SCREENSHOTS names, if it does.</summary>
    public async Task Screenshot(string name)
    {
        if (Environment.GetEnvironmentVariable("INGOT_SCREENSHOTS") is { Length: > 0 } folder) await Page.ScreenshotAsync(new() { Path = Path.Combine(folder, name + ".png") });
    }

    public void ShouldHaveNoComplaints() => complaints.ShouldBeEmpty();

    public ValueTask DisposeAsync() => context.DisposeAsync();
}
