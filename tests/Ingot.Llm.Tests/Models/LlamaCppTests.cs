using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Ingot.Formats;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tokenizers.Patterns;
using Ingot.Llm.Tokenizers.Training;

namespace Ingot.Llm.Tests.Models;

/// <summary>
/// GGUF files of Ingot's in llama.cpp. INGOT_LLAMA_CPP names a folder in which <c>npm install --ignore-scripts node-llama-cpp @node-llama-cpp/linux-x64</c> was run.
/// </summary>
public class LlamaCppTests
{
    /// <summary>Rows of the models' embeddings.</summary>
    const int Vocabulary = 310;

    /// <summary>Writes the ids that llama.cpp continues given ids with: arguments are the packages' folder, the model, the ids, how many, and perhaps a file of texts to tokenize.</summary>
    const string Script = """
        import { createRequire } from "module";
        import { readFileSync } from "fs";
        const [folder, model, prompt, steps, texts] = process.argv.slice(2);
        const bins = folder + "/node_modules/@node-llama-cpp/linux-x64/bins/linux-x64";
        const llama = createRequire(folder + "/x.js")(bins + "/llama-addon.node");
        const log = [];
        llama.setLogger((level, text) => log.push(text));
        llama.setLoggerLogLevel?.(2);
        llama.markLoaded?.();
        llama.loadBackends();
        if (llama.getGpuType() == null) llama.loadBackends(bins);
        await llama.init();
        const fail = text => { console.error(text + "\n" + log.join("")); process.exit(1); };
        const loaded = new llama.AddonModel(model, { addonExports: llama, gpuLayers: 0, useMmap: true });
        if (!await loaded.init()) fail("it does not load");
        const tokenized = JSON.parse(texts ? readFileSync(texts, "utf8") : "[]").map(t => [...loaded.tokenize(t, false)]);
        const detokenized = tokenized.map(ids => loaded.detokenize(Uint32Array.from(ids), false));
        if (+steps === 0) {
            await new Promise(written => process.stdout.write(JSON.stringify({ tokenized, detokenized }) + "\n", written));
            process.exit(0);
        }
        const context = new llama.AddonContext(loaded, { contextSize: 128, batchSize: 128, sequences: 1, threads: 1, flashAttention: false });
        if (!await context.init()) fail("it has no context");
        const sampler = new llama.AddonSampler(loaded);
        sampler.applyConfig({ temperature: 0 });
        let ids = JSON.parse(prompt), waiting = ids.slice(), at = 0;
        while (ids.length < +steps) {
            context.initBatch(waiting.length);
            const index = context.addToBatch(0, at, Uint32Array.from(waiting), Uint32Array.of(waiting.length - 1))[0];
            await context.decodeBatch();
            at += waiting.length;
            const next = await context.sampleToken(index, sampler);
            ids.push(next);
            waiting = [next];
        }
        console.log(JSON.stringify({ ids, tokenized }));
        process.exit(0);
        """;

    [Theory]
    [InlineData("qwen3")]
    [InlineData("llama3")]
    [InlineData("qwen2")]
    [InlineData("plain")]
    [InlineData("gemma3")]
    [InlineData("phi3")]
    [InlineData("gpt2")]
    [InlineData("smollm3")]
    [InlineData("yarn")]
    [InlineData("llama-adjacent")]
    public void Write_RandomModel_IsTheSameInLlamaCpp(string shape)
    {
        var peers = Peers();
        using var folder = new TemporaryFolder();
        var config = GgufModelTests.Shape(shape);
        if (config.Family == "phi3") config = config with { Window = null, HeadWidth = 8, RotaryWidth = 4, Scaling = new RopeScaling.LongRope([1, 1.5], [1, 1.5], 160, 1.2) };
        if (config.Family == "qwen2") config = config with { HeadWidth = 8 };
        var model = RandomDecoder.Of(config with { VocabularySize = Vocabulary });
        GgufExport.Write(folder["model.gguf"], model, Tokenizer());
        int[] prompt = RandomDecoder.Tokens(11);
        var theirs = Run(peers, folder, prompt, 40).GetProperty("ids");
        GgufModelTests.Greedy(LoadedModel.Load(folder["model.gguf"]), prompt, 40).ShouldBe(GgufModelTests.Ids(theirs));
        new Ingot.Llm.Generation.Engine(model).Continue(prompt, new(Temperature: 0) { MaxTokens = 29 }).ShouldBe(GgufModelTests.Ids(theirs)[11..]);
    }

    [Theory]
    [InlineData(GgmlType.Q8_0)]
    [InlineData(GgmlType.Q4_0)]
    [InlineData(GgmlType.Q4_K)]
    [InlineData(GgmlType.Q6_K)]
    [InlineData(GgmlType.BF16)]
    public void Write_Quantized_LoadsInLlamaCpp(GgmlType type)
    {
        var peers = Peers();
        using var folder = new TemporaryFolder();
        var model = RandomDecoder.Of(RandomDecoder.Config with { VocabularySize = Vocabulary, Width = 256, Hidden = 512, Heads = 4, HeadWidth = 64, Layers = 2 });
        GgufExport.Write(folder["model.gguf"], model, Tokenizer(), type: type);
        var theirs = GgufModelTests.Ids(Run(peers, folder, RandomDecoder.Tokens(11), 16).GetProperty("ids"));
        theirs.Length.ShouldBe(16);
        theirs[11].ShouldBe(GgufModelTests.Greedy(LoadedModel.Load(folder["model.gguf"]), RandomDecoder.Tokens(11), 12)[11]); // activations are rounded there
    }

    [Fact]
    public void Write_InParts_LoadsInLlamaCpp()
    {
        var peers = Peers();
        using var folder = new TemporaryFolder();
        var model = RandomDecoder.Of(GgufModelTests.Shape("plain") with { VocabularySize = Vocabulary });
        var files = GgufExport.Write(folder["parts.gguf"], model, Tokenizer(), partBytes: 30_000);
        files.Count.ShouldBeGreaterThan(2);
        int[] prompt = RandomDecoder.Tokens(11);
        GgufModelTests.Greedy(LoadedModel.Load(files[0]), prompt, 40).ShouldBe(GgufModelTests.Ids(Run(peers, folder, prompt, 40, model: files[0]).GetProperty("ids")));
    }

    [Theory]
    [InlineData(SplitPatterns.Qwen2)]
    [InlineData(SplitPatterns.Cl100k)]
    [InlineData(SplitPatterns.Gpt2)]
    public void Write_Tokenizer_GivesTheSameIdsInLlamaCpp(string pattern)
    {
        var peers = Peers();
        using var folder = new TemporaryFolder();
        var tokenizer = Tokenizer(pattern);
        GgufExport.Write(folder["model.gguf"], RandomDecoder.Of(RandomDecoder.Config with { VocabularySize = Vocabulary }), tokenizer);
        string[] texts = ["the thin man in the moon", "It's 12345 o'clock,\n\n  isn't it?", "naïve café — ünïcode 漢字 🙂", "   spaces   ", "tabs\tand\r\nlines"];
        var theirs = Run(peers, folder, [1], 2, texts).GetProperty("tokenized");
        foreach (var (i, text) in texts.Index()) GgufModelTests.Ids(theirs[i]).ShouldBe(tokenizer.Encode(text));
        var read = LoadedModel.Load(folder["model.gguf"]).Tokenizer;
        foreach (var text in texts) read.Encode(text).ShouldBe(tokenizer.Encode(text));
    }

    [Theory]
    [InlineData("gpt2"), InlineData("qwen3"), InlineData("cl100k_base"), InlineData("o200k_base"), InlineData("mistral_v1"), InlineData("llama2"), InlineData("stories"), InlineData("bert_base_uncased"), InlineData("unigram"), InlineData("unigram-bytes")]
    public void Write_TokenizerOfEveryKind_GivesTheSameIdsAndTextInLlamaCpp(string name)
    {
        var peers = Peers();
        using var folder = new TemporaryFolder();
        var tokenizer = name switch
        {
            "llama2" => TokenizerFile.Load(SharedData.Path("llama2c/llama2-tokenizer.model")),
            "stories" => LoadedModel.Load(SharedData.Path("gguf/stories260K-F32.gguf")).Tokenizer,
            "unigram" => Tokenizers.TokenizerWritingTests.Unigram(hasByteFallback: false),
            "unigram-bytes" => Tokenizers.TokenizerWritingTests.Unigram(hasByteFallback: true),
            _ => Tokenizers.GoldenVectors.Load(name),
        };
        GgufExport.Write(folder["model.gguf"], RandomDecoder.Of(RandomDecoder.Config with { VocabularySize = tokenizer.VocabularySize }), tokenizer, type: GgmlType.F16);
        // What llama.cpp does otherwise whatever a GGUF file says: it does not normalize to NFC, which Qwen's does; in o200k's split combining marks are no letters; a unigram's unknown characters do not become bytes; BERT's
        // words have no greatest length, its marks go another way and Korean syllables are not taken apart.
        bool IsLike(string text) => name switch
        {
            "qwen3" or "o200k_base" => !HasMarks(text),
            "unigram-bytes" => !tokenizer.Encode(text, addSpecial: false, parseSpecial: false).Any(id => tokenizer.TokenText(id)!.StartsWith("<0x", StringComparison.Ordinal)),
            "bert_base_uncased" => !HasMarks(text) && !text.Any(c => c is >= '\uAC00' and <= '\uD7A3') && text.Split(' ', '\n').All(w => w.Length <= 100),
            _ => true,
        };
        string[] texts = [.. Tokenizers.TokenizerWritingTests.GoldenTexts().Where(t => t.Length is > 0 and < 3000 && !t.Contains('\0', StringComparison.Ordinal) && IsLike(t))];
        // Of these kinds it takes spaces before punctuation away when it makes text of tokens, whatever the file says.
        string Compared(string text) => name is "gpt2" or "cl100k_base" or "o200k_base" or "bert_base_uncased" ? text.Replace(" ", "", StringComparison.Ordinal) : text;
        var theirs = Run(peers, folder, [1], 0, texts);
        List<string> differences = [];
        foreach (var (i, text) in texts.Index())
        {
            int[] ids = GgufModelTests.Ids(theirs.GetProperty("tokenized")[i]), ours = tokenizer.Encode(text, addSpecial: false, parseSpecial: false);
            string decoded = theirs.GetProperty("detokenized")[i].GetString()!, our = tokenizer.Decode(ids);
            if (!ids.SequenceEqual(ours)) differences.Add($"{JsonSerializer.Serialize(text.Length > 80 ? text[..80] : text)}: {string.Join(' ', ids.Take(24))} in llama.cpp, {string.Join(' ', ours.Take(24))} here");
            else if (Compared(decoded) != Compared(our)) differences.Add($"of {JsonSerializer.Serialize(text.Length > 80 ? text[..80] : text)}, {JsonSerializer.Serialize(decoded.Length > 80 ? decoded[..80] : decoded)} in llama.cpp, {JsonSerializer.Serialize(our.Length > 80 ? our[..80] : our)} here");
        }
        texts.Length.ShouldBeGreaterThan(name == "unigram-bytes" ? 20 : 100);
        differences.ShouldBeEmpty();
    }

    static bool HasMarks(string text) => text.Any(c => char.GetUnicodeCategory(c) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark);

    [Fact]
    public void Write_SpeedrunModel_WritesTheSameInLlamaCpp()
    {
        var peers = Peers();
        if (Environment.GetEnvironmentVariable("INGOT_SPEEDRUN_MODEL") is not { Length: > 0 } run) { Assert.Skip("INGOT_SPEEDRUN_MODEL names no folder that ingot speedrun made"); return; }
        using var folder = new TemporaryFolder();
        var loaded = LoadedModel.Load(run);
        GgufExport.Write(folder["model.gguf"], loaded.Model, loaded.Tokenizer, loaded.ChatTemplate);
        int[] prompt = [loaded.BeginToken!.Value, .. loaded.Tokenizer.Encode("The ")];
        var theirs = GgufModelTests.Ids(Run(peers, folder, prompt, 60).GetProperty("ids"));
        GgufModelTests.Greedy(loaded, prompt, 60).ShouldBe(GgufModelTests.UpToEnd(theirs, loaded));
    }

    /// <summary>A vocabulary learnt from a little text; models have rows for it and perhaps a few more.</summary>
    static Tokenizer Tokenizer(string pattern = SplitPatterns.Qwen2)
    {
        var trainer = new BpeTrainer(new() { VocabularySize = 300, MinimumCount = 1, Pattern = pattern, Threads = 1 });
        trainer.Add("the thin man in the moon said that it is 12 o'clock in the morning, and the other one did not know what to say to that then");
        return trainer.Train();
    }

    static string Peers()
    {
        var folder = Environment.GetEnvironmentVariable("INGOT_LLAMA_CPP");
        if (string.IsNullOrEmpty(folder) || !Directory.Exists(Path.Combine(folder, "node_modules", "@node-llama-cpp", "linux-x64"))) Assert.Skip("INGOT_LLAMA_CPP names no folder with node-llama-cpp");
        return folder!;
    }

    static JsonElement Run(string peers, TemporaryFolder folder, int[] prompt, int steps, string[]? texts = null, string? model = null)
    {
        File.WriteAllText(folder["run.mjs"], Script);
        File.WriteAllText(folder["texts.json"], JsonSerializer.Serialize(texts ?? []));
        var start = new ProcessStartInfo("node") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in new[] { folder["run.mjs"], peers, model ?? folder["model.gguf"], JsonSerializer.Serialize(prompt), steps.ToString(), folder["texts.json"] }) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        process.ExitCode.ShouldBe(0, error.Result);
        return JsonDocument.Parse(output.Trim().Split('\n')[^1]).RootElement;
    }
}
