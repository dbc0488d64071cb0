namespace Ingot.Llm.Generation;

/// <summary>How the next token is chosen, and when a text ends.</summary>
/// <param name="Temperature">The logits are divided by it; 0 takes the most likely token.</param>
/// <param name="TopK">Only this many of the most likely tokens are considered; 0: all.</param>
/// <param name="Seed">Of the random choices: the same seed gives the same text.</param>
public sealed record SamplingOptions(double Temperature = SamplingOptions.StandardTemperature, int TopK = 0, ulong Seed = 1)
{
    /// <summary>Where neither a caller nor the model's files say another temperature: in programs, commands and the API alike.</summary>
    public const double StandardTemperature = 0.8;

    /// <summary>Only the fewest most likely tokens whose probabilities sum to this are considered; 1: all.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Only tokens at least this likely, relative to the most likely one, are considered; 0: all.</summary>
    public double MinP { get; init; }

    /// <summary>Only the tokens whose surprise is nearest to the expected one are considered, as many as this probability takes; 1: all. Meister et al. 2022, "Locally typical sampling".</summary>
    public double TypicalP { get; init; } = 1;

    /// <summary>The logits of tokens that are in the text, prompt included, are divided by this if positive, multiplied if negative; 1: no penalty.</summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>Taken from the logits of tokens that were generated before.</summary>
    public double PresencePenalty { get; init; }

    /// <summary>Taken from the logits of tokens that were generated before, once for each time.</summary>
    public double FrequencyPenalty { get; init; }

    /// <summary>Added to the logits of tokens.</summary>
    public IReadOnlyDictionary<int, double> LogitBias { get; init; } = new Dictionary<int, double>();

    /// <summary>The text ends before the first of these that it contains.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>Tokens that end the text, besides those that end any text of the model.</summary>
    public IReadOnlyList<int> EndTokens { get; init; } = [];

    /// <summary>Only tokens below this are considered: models often have a few more rows than their tokenizer has tokens.</summary>
    public int VocabularySize { get; init; } = int.MaxValue;

    /// <summary>Notes how likely each chosen token was, and this many of the likeliest; null: nothing is noted.</summary>
    public int? LogProbabilities { get; init; }

    /// <summary>What the text must look like; null: anything. Each text takes a copy.</summary>
    public ITokenConstraint? Constraint { get; init; }

    /// <summary>The most tokens to generate.</summary>
    public int MaxTokens { get; init; } = int.MaxValue;

    /// <exception cref="IngotException">A number is out of range.</exception>
    public SamplingOptions Checked()
    {
        static void Require(bool holds, string what) { if (!holds) throw new IngotException(what); }
        Require(Temperature >= 0 && double.IsFinite(Temperature), $"the temperature must be 0 or more, not {Temperature}");
        Require(TopK >= 0, $"top-k must be 0 (all tokens) or more, not {TopK}");
        Require(TopP is > 0 and <= 1, $"top-p must be above 0 and at most 1, not {TopP}");
        Require(MinP is >= 0 and <= 1, $"min-p must be from 0 to 1, not {MinP}");
        Require(TypicalP is > 0 and <= 1, $"typical-p must be above 0 and at most 1, not {TypicalP}");
        Require(LogProbabilities is null or >= 0, $"the number of likeliest tokens must be 0 or more, not {LogProbabilities}");
        Require(RepetitionPenalty > 0 && double.IsFinite(RepetitionPenalty), $"the repetition penalty must be above 0, not {RepetitionPenalty}");
        Require(double.IsFinite(PresencePenalty) && double.IsFinite(FrequencyPenalty), $"the penalties must be finite numbers, not {PresencePenalty} (presence) and {FrequencyPenalty} (frequency)");
        Require(LogitBias.All(b => b.Key >= 0 && !double.IsNaN(b.Value)), "a logit bias is a number for a token from 0");
        Require(VocabularySize > 0, $"a vocabulary of {VocabularySize} tokens has nothing to choose from");
        Require(MaxTokens >= 0, $"the most tokens must be 0 or more, not {MaxTokens}");
        Require(Stop.All(s => s.Length > 0), "a stop string is empty, and would end every text at once");
        return this;
    }

    /// <summary>The logits are as the model gave them when a token is chosen.</summary>
    internal bool LeavesLogits => RepetitionPenalty == 1 && PresencePenalty == 0 && FrequencyPenalty == 0 && LogitBias.Count == 0 && Constraint is null;
}
