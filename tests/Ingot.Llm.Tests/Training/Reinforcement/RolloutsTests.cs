using Ingot.Llm.Models;
using Ingot.Llm.Tests.Models;
using Ingot.Llm.Training;
using Ingot.Nn;

namespace Ingot.Llm.Tests.Training.Reinforcement;

public class RolloutsTests
{
    static int[][] Prompts(int count) => [.. DigitModel.Tasks("0").Training.Take(count).Select(t => DigitModel.Format.Prompt(t.Prompt))];

    static Decoder Random() => RandomDecoder.Of(RandomDecoder.Config with { VocabularySize = DigitModel.Config.VocabularySize, ContextLength = 64 });

    static Rollouts Of(Decoder model, int sideBySide = 64, Func<string, string>? tool = null) => new(model, DigitModel.Tokenizer, sideBySide, 24, tool);

    /// <summary>
    /// The engine and the trainer compute the same sums in other orders. A logit is a sum of C = 48 products of numbers of about 1, which rounding moves by about
    /// sqrt(48) eps = 4e-7, through three layers some times that; the logarithm of the sum of exponentials adds as much. 2e-5 is ten times what is seen.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(0.7)]
    public void Generate_LogProbabilities_AreThoseOfTheTrainer(double temperature)
    {
        var model = Random();
        var rollouts = Of(model).Generate(Prompts(12), 4, temperature, i => (ulong)i);
        var answers = rollouts.Select(r => r.Answer).ToList();
        int length = Answers.RowLength(answers.Max(a => a.Positions), 64);
        var (x, y) = Answers.Rows(answers, answers.Count, length);
        float[] trainer = Answers.LogProbabilities(model, x, y, temperature).ToArray<float>(), targets = [.. y.ToArray<int>().Select(t => (float)t)];
        var theirs = trainer.Where((_, i) => targets[i] != TokenSource.Ignored).ToArray();
        var own = rollouts.SelectMany(r => r.LogProbabilities).ToArray();
        own.Length.ShouldBeGreaterThan(500);
        theirs.Length.ShouldBe(own.Length);
        own.Zip(theirs, (a, b) => Math.Abs(a - b)).Max().ShouldBeLessThan(2e-5f);
        own.Min().ShouldBeLessThan(-4); // it is no model that is sure of everything
    }

    [Fact]
    public void Generate_AnswersSideBySide_AreThoseWrittenAlone()
    {
        var model = Random();
        var together = Of(model).Generate(Prompts(6), 5, 1, i => (ulong)i);
        foreach (int sideBySide in new[] { 1, 7 }) Of(model, sideBySide).Generate(Prompts(6), 5, 1, i => (ulong)i).Select(r => r.Answer.Tokens).ShouldBe(together.Select(r => r.Answer.Tokens));
        // Without sharing the prompt: every answer by its own.
        for (int i = 0; i < 30; i += 7)
        {
            var alone = Of(model).Generate([Prompts(6)[i / 5]], 1, 1, _ => (ulong)i)[0];
            alone.Answer.Tokens.ShouldBe(together[i].Answer.Tokens);
            alone.LogProbabilities.ShouldBe(together[i].LogProbabilities);
        }
    }

    [Fact]
    public void Generate_WeightsChangedInBetween_SeesTheNewOnes()
    {
        var model = Random();
        var rollouts = Of(model);
        var before = rollouts.Generate(Prompts(4), 2, 1, i => (ulong)i);
        foreach (var weight in Module.Parameters(model)) weight.Assign(weight.Detach() * 1.1).Realize();
        var after = rollouts.Generate(Prompts(4), 2, 1, i => (ulong)i);
        after.Select(r => r.Answer.Tokens).ShouldBe(Of(model).Generate(Prompts(4), 2, 1, i => (ulong)i).Select(r => r.Answer.Tokens));
        after.SelectMany(r => r.LogProbabilities).ShouldNotBe(before.SelectMany(r => r.LogProbabilities));
    }

    [Fact]
    public void Generate_Samples_AreAsFrequentAsLikely()
    {
        var samples = Of(DigitModel.New(), 256).Generate(Prompts(1), 1000, 1, i => (ulong)i);
        foreach (var answer in samples.GroupBy(r => r.Text).Where(g => g.Count() > 50))
        {
            double p = Math.Exp(answer.First().LogProbabilities.Sum(l => (double)l));
            (answer.Count() / 1000.0).ShouldBe(p, 4 * Math.Sqrt(p * (1 - p) / 1000), answer.Key);
        }
        // The mean of -log p is the entropy, which is computed of every distribution on the way.
        double surprise = samples.Average(r => -r.LogProbabilities.Sum(l => (double)l));
        samples.Average(r => r.Entropy).ShouldBe(surprise, 0.1);
    }

    [Fact]
    public void Generate_CallOfTheTool_IsAnsweredAndNotTheModelsOwn()
    {
        int[] prompt = DigitModel.Format.Prompt(DigitModel.Ask("what is 1 + 2?"));
        var calls = new List<string>();
        string Tool(string call)
        {
            calls.Add(call);
            return "3";
        }
        var rollout = Of(DigitModel.New(), tool: Tool).Generate([prompt], 1, 0, _ => 0)[0];
        rollout.HasEnded.ShouldBeTrue(DigitModel.Tokenizer.Decode(rollout.Answer.Tokens, skipSpecial: false));
        var (tokens, own) = rollout.Answer;
        var format = DigitModel.Format;
        int[] output = [format.OutputStart, .. format.Encode("3"), format.OutputEnd];
        int at = Array.IndexOf(tokens, format.OutputStart);
        tokens[at..(at + output.Length)].ShouldBe(output);
        tokens.Where((_, i) => own[i]).ShouldNotContain(format.OutputStart);
        own[..prompt.Length].ShouldAllBe(isOwn => !isOwn);
        own[(at + output.Length)..].ShouldAllBe(isOwn => isOwn);
        tokens[(prompt.Length)..at].ShouldBe([format.ToolStart, .. format.Encode("1 + 2"), format.ToolEnd]);
        rollout.LogProbabilities.Length.ShouldBe(rollout.Answer.OwnCount);
        calls.ShouldBe(["1 + 2"]);
        rollout.Text.ShouldBe("3.");
    }

    [Fact]
    public void Generate_NoEnd_HasNotEnded()
    {
        var rollouts = new Rollouts(Random(), DigitModel.Tokenizer, 16, maxTokens: 3).Generate(Prompts(8), 1, 1, i => (ulong)i);
        rollouts.Count(r => !r.HasEnded).ShouldBeGreaterThan(4);
        rollouts.ShouldAllBe(r => r.LogProbabilities.Length <= 3);
    }

    [Fact]
    public void TokenDraw_Distribution_IsSoftmax()
    {
        float[] logits = [.. Enumerable.Range(0, 37).Select(i => (float)Math.Sin(i) * 3)];
        double sum = logits.Sum(l => Math.Exp(l / 0.8)), entropy = -logits.Sum(l => Math.Exp(l / 0.8) / sum * Math.Log(Math.Exp(l / 0.8) / sum)), reached = 0;
        for (int i = 0; i < 37; i++)
        {
            double p = Math.Exp(logits[i] / 0.8) / sum;
            var drawn = TokenDraw.From(logits, 0.8, reached + p / 2);
            drawn.Token.ShouldBe(i);
            ((double)drawn.LogProbability).ShouldBe(Math.Log(p), 1e-5);
            drawn.Entropy.ShouldBe(entropy, 1e-5);
            reached += p;
        }
        TokenDraw.From(logits, 0, 0.9).Token.ShouldBe(logits.IndexOf(logits.Max()));
        TokenDraw.From([1, float.NaN, 2], 1, 0.5).LogProbability.ShouldBe(float.NaN);
    }
}
