using Ingot.Llm.Generation;
using Ingot.Llm.Serving;
using Microsoft.Extensions.AI;

namespace Ingot.Llm.Extensions;

/// <summary>A model in this process as an embedding generator of Microsoft.Extensions.AI: vectors of length 1.</summary>
/// <param name="model">The model.</param>
/// <param name="pooling">How the tokens' vectors become one.</param>
/// <param name="ownsModel">Disposing the generator disposes the model.</param>
public sealed class IngotEmbeddingGenerator(ServedModel model, Pooling pooling = Pooling.Mean, bool ownsModel = false) : IEmbeddingGenerator<string, Embedding<float>>
{
    readonly EmbeddingGeneratorMetadata metadata = new("ingot", defaultModelId: model.Name, defaultModelDimensions: model.Model.Config.Width);

    /// <summary>The model in a folder of Hugging Face's format, of a stage or of a run.</summary>
    /// <exception cref="IngotException">There is no model, or it is damaged.</exception>
    public static IngotEmbeddingGenerator Load(string path, Pooling pooling = Pooling.Mean) => new(ServedModel.Load(path), pooling, ownsModel: true);

    /// <inheritdoc/>
    /// <exception cref="IngotException">A text is empty or does not fit into the context, or other dimensions are asked for than the model has.</exception>
    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (options?.Dimensions is { } dimensions && dimensions != model.Model.Config.Width) throw new IngotException($"the model's vectors have {model.Model.Config.Width} dimensions, not {dimensions}");
        List<int[]> texts = [.. values.Select(v => model.Encode(v) is { Length: > 0 } tokens ? tokens : throw new IngotException("a text to be embedded is empty"))];
        var vectors = await model.EmbedAsync(texts, pooling, cancellationToken).ConfigureAwait(false);
        long tokens = texts.Sum(t => (long)t.Length);
        return new(vectors.Select(v => new Embedding<float>(v) { ModelId = model.Name, CreatedAt = DateTimeOffset.UtcNow })) { Usage = new() { InputTokenCount = tokens, TotalTokenCount = tokens } };
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null) => serviceKey is not null ? null
        : serviceType == typeof(EmbeddingGeneratorMetadata) ? metadata
        : serviceType.IsInstanceOfType(this) ? this
        : null;

    public void Dispose()
    {
        if (ownsModel) model.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}
