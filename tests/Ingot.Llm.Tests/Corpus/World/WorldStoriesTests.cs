using System.Text.RegularExpressions;
using Ingot.Llm.Corpus;
using Ingot.Llm.Corpus.World;

namespace Ingot.Llm.Tests.Corpus.World;

public class WorldStoriesTests
{
    static readonly WorldDefinition World = WorldDefinition.BuiltIn;
    static readonly Lazy<string> Train = new(() => WorldStories.Generate(World, 1, 3_400_000));

    [Fact]
    public void Write_AnyNumberOfThreads_SameBytes()
    {
        using var one = new MemoryStream();
        using var three = new MemoryStream();
        var (bytes, bits) = WorldStories.Write(one, World, 7, 2_500_000, threads: 1);
        var (bytes3, bits3) = WorldStories.Write(three, World, 7, 2_500_000, threads: 3);
        (bytes3, bits3).ShouldBe((bytes, bits));
        one.Length.ShouldBe(bytes);
        bytes.ShouldBeInRange(2_500_000, 2_500_000 + 16_384);
        three.ToArray().AsSpan().SequenceEqual(one.ToArray()).ShouldBeTrue();
    }

    [Fact]
    public void Statistics_StoriesAgainstADisjointSeed_MeetTheIssue()
    {
        var s = CorpusStatistics.Of(Train.Value, WorldStories.Generate(World, 2, 390_000));
        s.WordTypes.ShouldBeGreaterThanOrEqualTo(5000);
        s.WordTypesSeenFiveTimes.ShouldBeGreaterThanOrEqualTo(3000);
        if (s.CompressedBitsPerByte is { } xz) xz.ShouldBeGreaterThanOrEqualTo(1.4);
        s.FourGramsSeen.ShouldBeLessThanOrEqualTo(0.60);
        s.EightGramsSeen.ShouldBeLessThanOrEqualTo(0.25);
    }

    [Fact]
    public void Write_DerivationEntropy_IsAnUpperBoundBelowWhatXzNeeds()
    {
        using var stream = new MemoryStream();
        var (bytes, bits) = WorldStories.Write(stream, World, 1, 1_000_000);
        (bits / bytes).ShouldBeInRange(0.3, 1.4);
    }

    [Fact]
    public void Generate_English_FollowsItsRules()
    {
        string text = Train.Value;
        Regex.Matches(text, @"\b[Aa] (?=[aeio])(?!uni|one|eu)\w+").Select(m => m.Value).ShouldBeEmpty();
        Regex.Matches(text, @"\b[Aa]n (?![aeiou]|honest|hour)\w+").Select(m => m.Value).ShouldBeEmpty();
        Regex.Matches(text, @"  | [.,?!]|\. [a-z]|,\w|[{}\[\]^_|]| \n|[a-z]\n").Select(m => m.Value).ShouldBeEmpty();
        text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).ShouldAllBe(s => s.Trim('\n').Split('\n').Length == 3);
    }

    [Fact]
    public void Each_HeldOutSplit_SharesNoNameWithTraining()
    {
        var trained = WorldStories.Each(World, 1, 300).Select(s => s.Name).ToHashSet();
        var heldOut = WorldStories.Each(World, 1, 300, Split.HeldOut).Select(s => s.Name).ToList();
        heldOut.ShouldAllBe(n => HoldOut.Name(n) && !trained.Contains(n));
        trained.ShouldAllBe(n => !HoldOut.Name(n));
    }

    [Fact]
    public void Generate_Deeds_AreOnTheirSideOfTheSplit()
    {
        // "every noon, Mira napped beside the hazel and unrolled six peppers": the companion's line names kind, verb and object in one sentence.
        var verbs = World.Words["act"].ToDictionary(v => v.ToString(1), v => v.ToString());
        var goods = World.Words["goods"].Where(g => !g.ToString().Contains(' ')).ToDictionary(g => g.ToString(), g => g.ToString());
        foreach (var split in new[] { Split.Train, Split.HeldOut })
        {
            var found = Regex.Matches(WorldStories.Generate(World, 3, 400_000, split), @"had a friend named \w+, an? [a-z]+ (?<kind>[a-z]+) who (?<verb>[a-z]+) an? [a-z]+ (?<object>[a-z]+)\b");
            int known = 0;
            foreach (Match m in found)
                if (verbs.TryGetValue(m.Groups["verb"].Value, out var verb) && goods.TryGetValue(m.Groups["object"].Value, out var thing))
                {
                    known++;
                    HoldOut.Deed(m.Groups["kind"].Value, verb, thing).ShouldBe(split == Split.HeldOut, m.Value);
                }
            known.ShouldBeGreaterThan(10);
        }
    }
}
