namespace Ingot.Llm.Tokenizers.Patterns;

/// <summary>Split patterns by their text: the well-known ones as hand-written scanners, any other compiled by <see cref="RegexSplitter"/>.</summary>
public static class SplitPatterns
{
    const string Words = @"|[^\r\n\p{L}\p{N}]?\p{L}+|";
    const string Rest = @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    const string AnyCaseContractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    const string WordStart = @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]";
    const string WordEnd = @"[\p{Ll}\p{Lm}\p{Lo}\p{M}]";

    /// <summary>GPT-2, r50k_base, p50k_base; Hugging Face's ByteLevel.</summary>
    public const string Gpt2 = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <summary>cl100k_base (GPT-4), Llama 3.</summary>
    public const string Cl100k = AnyCaseContractions + Words + @"\p{N}{1,3}" + Rest;

    /// <summary>cl100k with two digits in a piece at most.</summary>
    public const string TwoDigits = AnyCaseContractions + Words + @"\p{N}{1,2}" + Rest;

    /// <summary>Qwen 2 and 3: cl100k with each digit alone.</summary>
    public const string Qwen2 = AnyCaseContractions + Words + @"\p{N}" + Rest;

    /// <summary>o200k_base (GPT-4o).</summary>
    public const string O200k = WordStart + "*" + WordEnd + "+" + AnyCaseContractions + "?|" + WordStart + "+" + WordEnd + "*" + AnyCaseContractions + @"?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>Scanners by the pattern that they were written from.</summary>
    static readonly Dictionary<string, Func<Splitter>> Scanners = new()
    {
        [Gpt2] = () => new Gpt2Splitter(),
        [@"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"] = () => new Gpt2Splitter(),
        [Cl100k] = () => new Cl100kSplitter(3),
        ["(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])" + Words + @"\p{N}{1,3}" + Rest] = () => new Cl100kSplitter(3), // but for the long s, as llama.cpp
        [TwoDigits] = () => new Cl100kSplitter(2),
        [Qwen2] = () => new Cl100kSplitter(1),
        ["(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])" + Words + @"\p{N}" + Rest] = () => new Cl100kSplitter(1),
        [O200k] = () => new O200kSplitter(),
    };

    /// <summary>The splitter of a pattern in the dialect that tokenizer files use (Oniguruma's, of Ruby).</summary>
    /// <exception cref="FormatException">The pattern is broken, or uses what is not supported; the message says what and where.</exception>
    public static Splitter Of(string pattern) => Scanners.TryGetValue(pattern, out var scanner) ? scanner() : new RegexSplitter(pattern);
}
