using System.CommandLine;
using Ingot.Formats;
using Ingot.Llm.Models;

namespace Ingot.Cli;

/// <summary>The options of commands that load a language model of any kind.</summary>
sealed class ModelArguments
{
    readonly Option<string?> dtype = new("--dtype") { Description = "Bring the weights to this precision: f32, f16, bf16, q8_0, q4_0, q4_k, q6_k, ...; as they are in the file if not given." };
    readonly Option<string?> tokenizer = new("--tokenizer") { Description = "A tokenizer's file, in the place of the model's own." };
    readonly Option<int?> context = Options.Number<int>("--context", "Use at most this many positions.");

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { dtype, tokenizer, context }) command.Options.Add(option);
    }

    public LoadOptions Read(ParseResult args) => new() { Dtype = args.GetValue(dtype) is { } name ? TypeOf(name) : null, Tokenizer = args.GetValue(tokenizer), ContextLength = args.GetValue(context) };

    /// <summary>The precision that a name means, as llama.cpp's tools write it too (q4_k_m).</summary>
    /// <exception cref="IngotException">There is none of this name.</exception>
    public static GgmlType TypeOf(string name)
    {
        string plain = name.EndsWith("_k_m", StringComparison.OrdinalIgnoreCase) || name.EndsWith("_k_s", StringComparison.OrdinalIgnoreCase) ? name[..^2] : name;
        return Enum.TryParse<GgmlType>(plain, ignoreCase: true, out var type) && !char.IsDigit(plain[0]) && QuantizedMatrix.IsSupported(type) ? type
            : throw new IngotException($"there is no precision '{name}'; there are {string.Join(", ", Enum.GetValues<GgmlType>().Where(QuantizedMatrix.IsSupported)).ToLowerInvariant()}");
    }
}
