namespace Ingot.Llm.Fuzzing;

/// <summary>Regular expressions put together from all that their parser knows, and some that it refuses.</summary>
static class PatternSeed
{
    /// <summary>What stands for itself.</summary>
    static readonly string[] Atoms =
    [
        "a", "b", ".", "[a-z]", "[^0-9,]", @"\d", @"\w", @"\s", @"\S", @"[\d\-x]", "é", "[à-ž]", "東", @"\u0041", @"\x41", @"\p{L}", @"\.", @"\/", @"\D", @"\W", @"\n", @"\r\t", @"\f", @"\v", @"\0", @"\u{1F600}", @"\x{41}",
        @"\p{Lu}", @"\P{N}", @"\p{^L}", @"\pL", @"\p{Han}", @"\p{Script=Han}", "[[:alpha:]]", "[[:^digit:]]", "[[:alnum:][:space:]]", "[[:upper:][:lower:]]", "[[:punct:]]", "[[:cntrl:][:word:]]", "[a-z&&[^aeiou]]", @"[\b]", @"[\]\\]",
        @"[\u0041-\u0043]", "[]a]", "[^]a]", "[a-]", "[-a]", @"[\p{L}\P{Lu}]", "[😀-😃]", "😀", @"[\w&&\d]", "[a&b]", "[a&&b&&c]", "[[a][b]]", "{", "}", "{,", "{a}",
    ];

    static readonly string[] Forms =
    [
        "(P|P)", "(?:P)", "(?:P)?", "P*", "P+", "P?", "P{3}", "P{2,}", "P{0,9}", "P{1,30}", "(P)*", "(?:P)+?", "(?:P){0,12}", "P|P", "PP", "PP", "PPP", "P{,4}", "P*?", "P??", "(P|P|P)", "(?i:P)", "(?<n>P)", "^P$", "P|", "|P",
    ];

    /// <summary>What not everything can do, or nothing.</summary>
    static readonly string[] Odd =
    [
        "^P$", "a{1000}", "a{1001}", "a{3,2}", "P{99999999999}", "P{1,2,3}", "P{,}", "P{x,1}", "P{1,x}", "P{3", "[^]", "[]", "[a", "[a-", "[z-a]", @"[\", @"[a-\n]", "[[:nothing:]]", "[[:alpha]", "[[:alpha:", "[[:alpha:x", @"\b", @"\B", @"\A", @"\z", @"\Z", "(?=P)", "(?!P)", "(?>P)", "(?<=a)", "(?<!P)", "(?<=PP)",
        "(?<=a", "(?P<n>P)", "(?<n", "(?i)P", "(?-i:P)", "(?i-i:P)", "(?ms:P)", "(?x:P)", "(?-x:P)", "(?u:P)", "(?z:P)", "(?i", "(?", "(?:P", "(P", ")", "P++", "P*+", "P?+", "P{2}+", "*", "+P", @"\1", @"\cA", @"\y", @"\x4", @"\xZZ", @"\u12", @"\u{110000}", @"\u{41", @"\x{41", @"\p{L", @"\p{Nothing}", @"\p", @"\", "$", "^", "]",
        "((((((((((((((((((((((((((((((((((((((((((((((((((((P))))))))))))))))))))))))))))))))))))))))))))))))))))", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", "((P{1000}){30})", "(?i:ſKß[a-z])", "(?i)(?:[kſ]|[^a])",
        "(P){500}", @"[\D]", @"[\W]", @"\h", @"\e\a", @"\G", "a\\",
    ];

    /// <summary>One of them.</summary>
    public static string New(Random random) => Part(random, 0);

    static string Part(Random random, int depth)
    {
        if (depth > 4 || depth > 1 && random.Next(3) == 0) return Atoms[random.Next(Atoms.Length)];
        string form = random.Next(7) switch { 0 => Odd[random.Next(Odd.Length)], 1 or 2 => Atoms[random.Next(Atoms.Length)], _ => Forms[random.Next(Forms.Length)] };
        // (?P<n> has a P of its own.
        return string.Concat(form.Select((c, i) => c == 'P' && (i == 0 || form[i - 1] is not ('?' or '\\')) ? Part(random, depth + 1) : c.ToString()));
    }
}
