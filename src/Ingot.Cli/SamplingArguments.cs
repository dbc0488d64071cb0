using System.CommandLine;
using System.Globalization;
using Ingot.Llm.Generation;

namespace Ingot.Cli;

/// <summary>The options of commands that let a model write. What is not given is as the model's files say, or as everywhere in Ingot.</summary>
sealed class SamplingArguments
{
    readonly Option<double?> temperature = Options.Number<double>("--temperature", string.Create(CultureInfo.InvariantCulture, $"0 takes the likeliest token each time; 1 follows the model's probabilities. As the model's generation_config.json says if not given, or {SamplingOptions.StandardTemperature}; so the next four: as it says, or no limit."), "-t");
    readonly Option<int?> topK = Options.Number<int>("--top-k", "Choose among this many of the likeliest tokens; 0: all.", "-k");
    readonly Option<double?> topP = Options.Number<double>("--top-p", "Choose among the fewest tokens whose probabilities sum to this; 1: all.");
    readonly Option<double?> minP = Options.Number<double>("--min-p", "Choose among tokens at least this likely relative to the likeliest; 0: all.");
    readonly Option<double?> repetition = Options.Number<double>("--repetition-penalty", "Above 1: tokens that are in the text become less likely.");
    readonly Option<ulong> seed = Options.Number("--seed", null, "The same seed gives the same text.", 1UL);
    readonly Option<string[]> stop = new("--stop") { Description = "The text ends before this; may be given several times.", DefaultValueFactory = _ => [] };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { temperature, topK, topP, minP, repetition, seed, stop }) command.Options.Add(option);
    }

    /// <param name="args">Of the command line.</param>
    /// <param name="defaults">What the model's files say.</param>
    public SamplingOptions Read(ParseResult args, SamplingDefaults defaults)
    {
        var standard = defaults.Options(args.GetValue(seed));
        return standard with
        {
            Temperature = args.GetValue(temperature) ?? standard.Temperature,
            TopK = args.GetValue(topK) ?? standard.TopK,
            TopP = args.GetValue(topP) ?? standard.TopP,
            MinP = args.GetValue(minP) ?? standard.MinP,
            RepetitionPenalty = args.GetValue(repetition) ?? standard.RepetitionPenalty,
            Stop = args.GetValue(stop)!,
        };
    }
}
