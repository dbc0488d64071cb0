using Ingot.Llm.Models;

namespace Ingot.Llm.Generation;

/// <summary>Continues a sequence token by token with any model, without a cache: <see cref="Engine"/> is for those that have one.</summary>
public sealed class Generator(ILanguageModel model)
{
    /// <summary>Lengths are rounded up to a multiple of this, so that a growing text does not compile a kernel for every length.</summary>
    const int LengthStep = 32;

    /// <summary>The tokens that follow the prompt, one by one as they are chosen. Without an end; take as many as wanted.</summary>
    /// <param name="prompt">At least one token; of a prompt longer than the context the end counts.</param>
    /// <param name="options">How to choose.</param>
    /// <exception cref="IngotException">The prompt is empty.</exception>
    public IEnumerable<int> Continue(IReadOnlyList<int> prompt, SamplingOptions options)
    {
        if (prompt.Count == 0) throw new IngotException("the prompt is empty; generation needs at least one token to continue");
        options.Checked();
        return Tokens([.. prompt], options);
    }

    IEnumerable<int> Tokens(List<int> tokens, SamplingOptions options)
    {
        var sampler = new Sampler(options);
        foreach (int t in tokens) sampler.Note(t);
        while (true)
        {
            int next = sampler.Next(NextLogits(tokens));
            tokens.Add(next);
            yield return next;
        }
    }

    /// <summary>The scores of the token after these.</summary>
    float[] NextLogits(List<int> tokens)
    {
        using var noGrad = new NoGrad();
        int used = Math.Min(tokens.Count, model.ContextLength);
        // Padding comes after the text, where a causal model does not look.
        int padded = Math.Min(model.ContextLength, (used + LengthStep - 1) / LengthStep * LengthStep);
        var window = new int[padded];
        tokens.CopyTo(tokens.Count - used, window, 0, used);
        return model.Forward(Tensor.From(window, 1, padded)).Narrow(1, used - 1, 1).ToArray<float>();
    }
}
