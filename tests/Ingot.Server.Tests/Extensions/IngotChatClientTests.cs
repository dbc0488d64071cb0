using System.ComponentModel;
using Ingot.Llm.Extensions;
using Ingot.Llm.Generation;
using Ingot.Llm.Serving;
using Microsoft.Extensions.AI;

namespace Ingot.Server.Tests.Extensions;

public sealed class IngotChatClientTests : IAsyncLifetime
{
    readonly ServedModel model = ScriptedModel.New();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => model.DisposeAsync();

    [Fact]
    public async Task GetResponse_Words_AreAnswered()
    {
        using var client = new IngotChatClient(model);
        var response = await client.GetResponseAsync("hi", new() { Temperature = 0 });
        response.Text.ShouldBe(string.Concat(ScriptedModel.Standard));
        response.FinishReason.ShouldBe(ChatFinishReason.Stop);
        response.Usage!.OutputTokenCount.ShouldBe(4);
        (await client.GetResponseAsync("@long", new() { MaxOutputTokens = 2 })).FinishReason.ShouldBe(ChatFinishReason.Length);
        (await client.GetResponseAsync("hi", new() { StopSequences = ["how"] })).Text.ShouldBe("Hello, ");
        client.GetService<ChatClientMetadata>()!.DefaultModelId.ShouldBe("scripted");
    }

    [Fact]
    public async Task GetResponse_FunctionInvokingClient_CallsTheTool()
    {
        int calls = 0;
        var add = AIFunctionFactory.Create(([Description("first")] int a, [Description("second")] int b) =>
        {
            calls++;
            return $"@result{a + b}";
        }, "add", "Adds two numbers.");
        using IChatClient client = new IngotChatClient(model).AsBuilder().UseFunctionInvocation().Build();
        var response = await client.GetResponseAsync("@sum", new() { Tools = [add] });
        calls.ShouldBe(1);
        response.Text.ShouldBe("It is forty-two.");
    }

    [Fact]
    public async Task GetResponse_Cancelled_EndsTheText()
    {
        using var client = new IngotChatClient(model);
        using var enough = new CancellationTokenSource();
        await Should.ThrowAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in client.GetStreamingResponseAsync("@long", cancellationToken: enough.Token)) await enough.CancelAsync();
        });
        await Eventually.Holds(() => model.Loop.Running == 0);
    }

    [Fact]
    public async Task Generate_Texts_AreVectorsOfLengthOne()
    {
        using var generator = new IngotEmbeddingGenerator(model, Pooling.LastToken);
        var vectors = await generator.GenerateAsync(["abc", "xxc", "abd"]);
        vectors[0].Vector.ToArray().ShouldBe(vectors[1].Vector.ToArray()); // of this model, whose blocks add nothing
        vectors[0].Vector.ToArray().ShouldNotBe(vectors[2].Vector.ToArray());
        vectors[0].Vector.ToArray().Sum(v => (double)v * v).ShouldBe(1, 1e-5);
        vectors.Usage!.InputTokenCount.ShouldBe(9);
    }
}
