using System.ClientModel;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Embeddings;
using OpenAI.Models;

namespace Ingot.Server.Tests.Extensions;

/// <summary>The official client, which reads answers strictly.</summary>
public class OpenAiClientTests
{
    const string Key = "some-good-key";

    static OpenAIClient Client(TestServer server, string key = Key) =>
        new(new ApiKeyCredential(key), new() { Endpoint = new(server.Client.BaseAddress!, "v1"), RetryPolicy = new System.ClientModel.Primitives.ClientRetryPolicy(0) });

    [Fact]
    public async Task OpenAiClient_AllItAsks_IsAnswered()
    {
        await using var server = await TestServer.StartAsync(new() { ApiKey = Key });
        var client = Client(server);
        var chat = client.GetChatClient("scripted");

        ChatCompletion whole = await chat.CompleteChatAsync([new UserChatMessage("hi")], new() { IncludeLogProbabilities = true, TopLogProbabilityCount = 2, Temperature = 0 });
        whole.Content[0].Text.ShouldBe(string.Concat(ScriptedModel.Standard));
        whole.FinishReason.ShouldBe(ChatFinishReason.Stop);
        whole.Usage.OutputTokenCount.ShouldBe(4);
        whole.ContentTokenLogProbabilities.Select(t => t.Token).ShouldBe(ScriptedModel.Standard);

        string streamed = "";
        int? tokens = null;
        await foreach (var update in chat.CompleteChatStreamingAsync([new SystemChatMessage("Be kind."), new UserChatMessage("hi")]))
        {
            streamed += string.Concat(update.ContentUpdate.Select(c => c.Text));
            tokens = update.Usage?.OutputTokenCount ?? tokens;
        }
        streamed.ShouldBe(string.Concat(ScriptedModel.Standard));
        tokens.ShouldBe(4);

        var tool = ChatTool.CreateFunctionTool("add", "Adds.", BinaryData.FromString("""{"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}"""));
        List<ChatMessage> talk = [new UserChatMessage("@sum")];
        ChatCompletion asking = await chat.CompleteChatAsync(talk, new() { Tools = { tool } });
        asking.FinishReason.ShouldBe(ChatFinishReason.ToolCalls);
        var call = asking.ToolCalls.ShouldHaveSingleItem();
        call.FunctionName.ShouldBe("add");
        talk.AddRange([new AssistantChatMessage(asking), new ToolChatMessage(call.Id, "@result42")]);
        ((ChatCompletion)await chat.CompleteChatAsync(talk, new() { Tools = { tool } })).Content[0].Text.ShouldBe("It is forty-two.");

        OpenAIEmbeddingCollection vectors = await client.GetEmbeddingClient("scripted").GenerateEmbeddingsAsync(["one", "two"]);
        vectors[1].ToFloats().Length.ShouldBe(server.Model.Model.Config.Width);
        OpenAIModelCollection models = await client.GetOpenAIModelClient().GetModelsAsync();
        models.ShouldHaveSingleItem().Id.ShouldBe("scripted");

        (await Should.ThrowAsync<ClientResultException>(() => client.GetChatClient("gpt-9").CompleteChatAsync("hi"))).Status.ShouldBe(404);
        (await Should.ThrowAsync<ClientResultException>(() => Client(server, "wrong-key").GetChatClient("scripted").CompleteChatAsync("hi"))).Status.ShouldBe(401);
    }
}
