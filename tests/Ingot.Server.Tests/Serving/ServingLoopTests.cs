using Ingot.Llm.Generation;
using Ingot.Llm.Serving;

namespace Ingot.Server.Tests.Serving;

public class ServingLoopTests
{
    static int[] Prompt(string text) => ScriptedModel.Tokenizer.Encode(text, addSpecial: false);

    static async Task<int> Count(ServedSequence sequence)
    {
        int count = 0;
        await foreach (var _ in sequence.Tokens.ReadAllAsync()) count++;
        return count;
    }

    [Fact]
    public async Task Loop_TextThatCannotGoOn_EndsAloneWithItsError()
    {
        await using var model = ScriptedModel.New();
        var nothing = new SamplingOptions(0) { LogitBias = Enumerable.Range(0, model.Tokenizer.VocabularySize).ToDictionary(t => t, _ => double.NegativeInfinity) };
        var texts = model.Loop.Submit(new TextRequest(Prompt("@long"), new(0) { MaxTokens = 300 }), new TextRequest(Prompt("ab"), nothing), new TextRequest(Prompt("@no"), new(0) { MaxTokens = 300 }));
        (await Should.ThrowAsync<IngotException>(() => Count(texts[1]))).Message.ShouldContain("logit_bias");
        (await Count(texts[0]), await Count(texts[2])).ShouldBe((300, 3));
        texts[0].Finish.ShouldBe(Finish.MaxTokens);
    }
}
