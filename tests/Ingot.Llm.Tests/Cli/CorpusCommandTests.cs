using System.Security.Cryptography;
using System.Text;
using Ingot.Llm.Corpus.World;

namespace Ingot.Llm.Tests.Cli;

public sealed class CorpusCommandTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Corpus_Out_WritesWhatTheLibraryGenerates()
    {
        var (code, output, error) = IngotProcess.Run("corpus", "--bytes", "20000", "--seed", "5", "--out", folder["c.txt"]);
        (code, output, error).ShouldBe((0, "", ""));
        File.ReadAllText(folder["c.txt"]).ShouldBe(WorldStories.Generate(WorldDefinition.BuiltIn, 5, 20_000));
    }

    [Fact]
    public void Corpus_Stats_ShowsEveryNumber()
    {
        var (code, output, _) = IngotProcess.Run("corpus", "--stats", "--bytes", "300000");
        code.ShouldBe(0);
        foreach (var word in new[] { "1,520 facts over 12 relations", "word types", "seen five times", "xz -9e", "derivation entropy  at most 0.", "4-grams seen", "8-grams seen" }) output.ShouldContain(word);
    }

    [Fact]
    public void Data_Get_FetchesFromAServerAndPrintsTheChecksum()
    {
        var text = Encoding.UTF8.GetBytes("a small set");
        using var listener = new System.Net.HttpListener();
        var probe = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        probe.Start();
        string url = $"http://127.0.0.1:{((System.Net.IPEndPoint)probe.LocalEndpoint).Port}/";
        probe.Stop();
        listener.Prefixes.Add(url);
        listener.Start();
        var serving = Task.Run(async () => { var context = await listener.GetContextAsync(); context.Response.Close(text, willBlock: true); });
        var (code, output, error) = IngotProcess.Run("data", "get", url + "set.txt", "--out", folder["set.txt"]);
        (code, error).ShouldBe((0, ""));
        output.ShouldContain(Convert.ToHexStringLower(SHA256.HashData(text)));
        File.ReadAllBytes(folder["set.txt"]).ShouldBe(text);
        serving.IsCompletedSuccessfully.ShouldBeTrue();
    }

    [Theory]
    [InlineData("corpus", "--world", "missing.json")]
    [InlineData("corpus", "--bytes", "0")]
    [InlineData("data", "get", "no-such-set")]
    public void Commands_WrongArguments_OneLineOnStderr(params string[] arguments)
    {
        var (code, output, error) = IngotProcess.Run(arguments);
        (code, output).ShouldBe((1, ""));
        error.TrimEnd().Split('\n').Length.ShouldBe(1);
    }
}
