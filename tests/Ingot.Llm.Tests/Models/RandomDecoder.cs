using Ingot.Llm.Models;
using Ingot.Nn;

namespace Ingot.Llm.Tests.Models;

/// <summary>Small models with weights that make every part matter: norms are not 1, biases not 0, logits spread.</summary>
static class RandomDecoder
{
    public static DecoderConfig Config { get; } = new() { Width = 48, Hidden = 80, Layers = 3, Heads = 6, KeyHeads = 2, HeadWidth = 12, VocabularySize = 97, ContextLength = 160 };

    public static Decoder Of(DecoderConfig config, int seed = 1)
    {
        var model = new Decoder(config, 1);
        var random = new Random(seed);
        var state = Module.StateDict(model).ToDictionary(p => p.Key, p =>
        {
            double spread = p.Value.Rank == 2 ? p.Key.Contains("embed") ? 0.3 : 1.2 / Math.Sqrt(p.Value.Size(1)) : 0.3, middle = p.Value.Rank == 1 && p.Key.EndsWith("norm.weight") && !config.NormsFromOne ? 1 : 0;
            return Tensor.From(Enumerable.Range(0, (int)p.Value.Count).Select(_ => (float)(middle + spread * (2 * random.NextDouble() - 1))).ToArray(), p.Value.Shape.Span);
        });
        Module.LoadStateDict(model, state);
        return model;
    }

    public static int[] Tokens(int count, int seed = 7, int vocabulary = 97)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(vocabulary))];
    }
}
