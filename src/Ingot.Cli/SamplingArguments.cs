using System.CommandLine;
using Ingot.Llm.Generation;

namespace Ingot.Cli;

/// <summary>The options of commands that let a model write.</summary>
sealed class SamplingArguments(double temperature)
{
    readonly Option<double> temperature = Options.Number("--temperature", "-t", "0 takes the likeliest token each time; 1 follows the model's probabilities.", temperature);
    readonly Option<int> topK = Options.Number("--top-k", "-k", "Choose among this many of the likeliest tokens; 0: all.", 0);
    readonly Option<double> topP = Options.Number("--top-p", null, "Choose among the fewest tokens whose probabilities sum to this; 1: all.", 1.0);
    readonly Option<double> minP = Options.Number("--min-p", null, "Choose among tokens at least this likely relative to the likeliest; 0: all.", 0.0);
    readonly Option<double> repetition = Options.Number("--repetition-penalty", null, "Above 1: tokens that are in the text become less likely.", 1.0);
    readonly Option<ulong> seed = Options.Number("--seed", null, "The same seed gives the same text.", 1UL);
    readonly Option<string[]> stop = new("--stop") { Description = "The text ends before this; may be given several times.", DefaultValueFactory = _ => [] };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { temperature, topK, topP, minP, repetition, seed, stop }) command.Options.Add(option);
    }

    public SamplingOptions Read(ParseResult args) => new(args.GetValue(temperature), args.GetValue(topK), args.GetValue(seed))
    {
        TopP = args.GetValue(topP),
        MinP = args.GetValue(minP),
        RepetitionPenalty = args.GetValue(repetition),
        Stop = args.GetValue(stop)!,
    };
}
