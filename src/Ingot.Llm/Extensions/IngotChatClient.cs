using System.Runtime.CompilerServices;
using Ingot.Llm.Chat;
using Ingot.Llm.Serving;
using Microsoft.Extensions.AI;

namespace Ingot.Llm.Extensions;

/// <summary>
/// A model in this process as a chat client of Microsoft.Extensions.AI. Tools that it asks for are left to the caller, or to a FunctionInvokingChatClient around it.
/// Safe for use from several threads at once: requests are written side by side.
/// </summary>
/// <param name="model">The model.</param>
/// <param name="ownsModel">Disposing the client disposes the model.</param>
public sealed class IngotChatClient(ServedModel model, bool ownsModel = false) : IChatClient
{
    readonly ChatClientMetadata metadata = new("ingot", defaultModelId: model.Name);

    /// <summary>The model in a folder of Hugging Face's format, of a stage or of a run.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="options">How much it takes on.</param>
    /// <exception cref="IngotException">There is no model, or it is damaged.</exception>
    public static IngotChatClient Load(string path, ServingOptions? options = null) => new(ServedModel.Load(path, options), ownsModel: true);

    /// <inheritdoc/>
    public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    /// <inheritdoc/>
    /// <exception cref="IngotException">The model has no chat format, the conversation does not fit, a tool or the response format cannot be honoured.</exception>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var call = ChatOptionsReader.Read(messages, options, model.SamplingDefaults);
        using var answer = model.Ask(call)[0];
        string id = Guid.NewGuid().ToString("N");
        await foreach (var piece in answer.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            AIContent? content = piece.Event switch
            {
                ContentDelta text => new TextContent(text.Text),
                ReasoningDelta thought => new TextReasoningContent(thought.Text),
                ToolCallEnded { Call: var c } => new FunctionCallContent(c.Id, c.Name, ChatOptionsReader.Arguments(c.Arguments)),
                _ => null,
            };
            if (content is not null) yield return Update(content);
        }
        var end = Update(new UsageContent(new() { InputTokenCount = answer.PromptTokens, CachedInputTokenCount = answer.CachedTokens, OutputTokenCount = answer.GeneratedTokens, TotalTokenCount = answer.PromptTokens + answer.GeneratedTokens }));
        end.FinishReason = new(answer.FinishReason);
        yield return end;

        ChatResponseUpdate Update(AIContent content) => new(ChatRole.Assistant, [content]) { MessageId = id, ResponseId = id, ModelId = model.Name, CreatedAt = DateTimeOffset.UtcNow };
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null) => serviceKey is not null ? null
        : serviceType == typeof(ChatClientMetadata) ? metadata
        : serviceType.IsInstanceOfType(this) ? this
        : serviceType.IsInstanceOfType(model) ? model
        : null;

    public void Dispose()
    {
        if (ownsModel) model.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}
