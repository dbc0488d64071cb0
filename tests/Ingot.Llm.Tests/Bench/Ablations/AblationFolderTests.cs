using Ingot.Bench.Ablations;

namespace Ingot.Llm.Tests.Bench.Ablations;

public sealed class AblationFolderTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    static readonly Ablation Deep = new("deep", ["--depth", "3"], ["--depth", "3"]);

    void Write(ulong seed, bool isDone, string log)
    {
        string run = new AblationFolder(folder[""]).Run(Deep, seed);
        Directory.CreateDirectory(Path.Combine(run, "model"));
        File.WriteAllText(Path.Combine(run, "log.jsonl"), log);
        if (isDone) File.WriteAllText(Path.Combine(run, "model", "config.json"), "{}");
    }

    [Fact]
    public void Read_TakesTheLastLineOfFinishedRuns()
    {
        const string log = """
            {"step":5,"loss":3,"gradNorm":1,"rate":1,"tokensPerSecond":1,"gflops":1,"skipped":0,"bitsPerByte":{"world":9}}
            {"step":9,"loss":2,"gradNorm":1,"rate":1,"tokensPerSecond":1,"gflops":1,"skipped":0,"bitsPerByte":{"world":1.25}}

            """;
        Write(1, true, log);
        Write(2, false, log);
        new AblationFolder(folder[""]).Read(Deep, [1, 2, 3]).BitsPerByte.ShouldHaveSingleItem().Value["world"].ShouldBe(1.25);
    }

    [Fact]
    public void Read_ALogWithoutAMeasurement_IsAnError()
    {
        Write(1, true, "{\"step\":5,\"loss\":3,\"gradNorm\":1,\"rate\":1,\"tokensPerSecond\":1,\"gflops\":1,\"skipped\":0,\"bitsPerByte\":null}\n");
        Should.Throw<FormatException>(() => new AblationFolder(folder[""]).Read(Deep, [1])).Message.ShouldContain("log.jsonl");
    }

    [Fact]
    public void Claim_OtherArguments_AreRefused()
    {
        var runs = new AblationFolder(folder[""]);
        runs.Claim(Deep);
        runs.Claim(Deep);
        Should.Throw<IngotException>(() => runs.Claim(Deep with { Arguments = ["--depth", "4"] })).Message.ShouldContain("--depth 3");
    }
}
