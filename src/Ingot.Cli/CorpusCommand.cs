using System.CommandLine;
using System.Globalization;
using Ingot.Llm.Corpus;
using Ingot.Llm.Corpus.World;

namespace Ingot.Cli;

/// <summary><c>ingot corpus</c>: writes the stories of a generated world, or says how rich they are.</summary>
static class CorpusCommand
{
    /// <summary>Against which the runs of words are compared: 0.39 MB, as TinyStories' validation part.</summary>
    const int OtherBytes = 390_000;

    public static Command Create()
    {
        var stats = new Option<bool>("--stats") { Description = "Show word types, compressibility, repeated runs of words and the derivation entropy instead of the text." };
        var bytes = Options.Number("--bytes", "-n", "How much text to write, in bytes.", 3_400_000L);
        var seed = Options.Number("--seed", null, "The same seed gives the same text.", 1UL);
        var world = new Option<string?>("--world") { Description = "A JSON file with names, words and facts in place of Ingot's own (docs/world.md)." };
        var output = new Option<string?>("--out", "-o") { Description = "Write to this file instead of the standard output." };
        var command = new Command("corpus", "Write stories of a generated world, or show how rich they are.") { stats, bytes, seed, world, output };
        command.SetAction(args => Run(args.GetValue(stats), args.GetValue(bytes), args.GetValue(seed), args.GetValue(world), args.GetValue(output)));
        return command;
    }

    static int Run(bool stats, long bytes, ulong seed, string? worldFile, string? output)
    {
        if (bytes < 1) throw new IngotException($"--bytes takes 1 or more, not {bytes}");
        var world = worldFile is null ? WorldDefinition.BuiltIn : WorldDefinition.Load(worldFile);
        if (stats) return ShowStatistics(world, seed, bytes);
        using var to = output is null ? Console.OpenStandardOutput() : Create(output);
        WorldStories.Write(to, world, seed, bytes, cancel: StopSignal.Token);
        return 0;
    }

    static FileStream Create(string path)
    {
        try { return new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, 1); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw new IngotException($"cannot write {path}: {e.Message}", e); }
    }

    static int ShowStatistics(WorldDefinition world, ulong seed, long bytes)
    {
        if (bytes > 200_000_000) throw new IngotException("--stats reads the text at once; give at most 200000000 --bytes");
        var clock = System.Diagnostics.Stopwatch.StartNew();
        using var text = new MemoryStream();
        var (written, bits) = WorldStories.Write(text, world, seed, bytes, cancel: StopSignal.Token);
        double rate = written / clock.Elapsed.TotalSeconds / 1e6;
        var s = CorpusStatistics.Of(System.Text.Encoding.UTF8.GetString(text.GetBuffer().AsSpan(0, (int)text.Length)), WorldStories.Generate(world, seed + 1, OtherBytes));
        Line("world", $"{world.Name}: {world.Facts.Count:N0} facts over {world.Facts.Select(f => f.Relation).Distinct().Count()} relations");
        Line("stories", $"{s.Bytes:N0} bytes, {s.Words:N0} words, seed {seed}, written at {rate:0} MB/s");
        Line("word types", $"{s.WordTypes:N0}");
        Line("seen five times", $"{s.WordTypesSeenFiveTimes:N0}");
        Line("xz -9e", s.CompressedBitsPerByte is { } xz ? $"{xz:0.00} bits a byte" : "not installed here");
        Line("derivation entropy", $"at most {bits / written:0.000} bits a byte (log2 of the choices made: an upper bound on the text's entropy)");
        Line("4-grams seen", $"{100 * s.FourGramsSeen:0.0}% of those of {OtherBytes:N0} bytes of seed {seed + 1}");
        Line("8-grams seen", $"{100 * s.EightGramsSeen:0.0}%");
        return 0;
    }

    static void Line(string name, string value) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-20}{value}"));
}
