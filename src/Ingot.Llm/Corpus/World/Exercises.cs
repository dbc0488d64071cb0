using System.Globalization;
using Ingot.Llm.Chat;

namespace Ingot.Llm.Corpus.World;

/// <summary>Exercises with one right answer: arithmetic, spelling, counting, the calendar, strings, word problems for the calculator.</summary>
static class Exercises
{
    /// <summary>Kinds that appear in conversations for supervised training.</summary>
    public static readonly string[] Demonstrated = ["add", "subtract", "multiply", "spell", "count", "calendar", "first letter", "last letter"];

    /// <summary>Kinds that only reinforcement learning practises: no demonstration of them is ever generated.</summary>
    public static readonly string[] Undemonstrated = ["largest", "smallest", "reverse", "add three", "longest", "repeat"];

    static readonly string[] Numbers = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

    static readonly string[] Days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

    static readonly string[] Months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

    /// <summary>An exercise; its operands are on the given side of the split.</summary>
    /// <remarks>Digits are those of the numbers; 0: one to three, as it comes.</remarks>
    public static (string Question, string Answer) Make(string kind, WorldDefinition world, Split split, ref StoryRandom random, int digits = 0)
    {
        while (true)
        {
            var (question, answer, operands) = Try(kind, world, split, digits, ref random);
            if (HoldOut.Operands(kind + operands) == (split == Split.HeldOut)) return (question, answer);
        }
    }

    static (string Question, string Answer, string Operands) Try(string kind, WorldDefinition world, Split split, int digits, ref StoryRandom random)
    {
        string word = Lexical(world, ref random);
        int a = Number(digits, ref random), b = Number(digits, ref random), c = Number(digits, ref random);
        string pair = $"{Math.Min(a, b)} {Math.Max(a, b)}"; // 3 + 5 held out holds out 5 + 3
        switch (kind)
        {
            case "add": return (Ask(split, ref random, $"what is {a} + {b}?", $"{a} + {b} =", $"how much is {a} plus {b}?", $"add {a} and {b}.", $"please compute {a} + {b}."), $"{a + b}", pair);
            case "subtract":
                (a, b) = (Math.Max(a, b), Math.Min(a, b));
                return (Ask(split, ref random, $"what is {a} - {b}?", $"{a} - {b} =", $"how much is {a} minus {b}?", $"take {b} from {a}.", $"please compute {a} - {b}."), $"{a - b}", pair);
            case "multiply":
                if (digits == 0) (a, b) = (2 + random.Below(11), 2 + random.Below(19));
                pair = $"{Math.Min(a, b)} {Math.Max(a, b)}";
                return (Ask(split, ref random, $"what is {a} * {b}?", $"{a} * {b} =", $"how much is {a} times {b}?", $"multiply {a} by {b}.", $"please compute {a} * {b}."), $"{(long)a * b}", pair);
            case "add three": return ($"What is {a} + {b} + {c}?", $"{a + b + c}", $"{a} {b} {c}");
            case "largest": return ($"Which is the largest of {a}, {b} and {c}?", $"{Math.Max(a, Math.Max(b, c))}", $"{a} {b} {c}");
            case "smallest": return ($"Which is the smallest of {a}, {b} and {c}?", $"{Math.Min(a, Math.Min(b, c))}", $"{a} {b} {c}");
            case "spell": return (Ask(split, ref random, $"spell the word {word}.", $"how is {word} spelled?", $"how do you spell {word}?", $"which letters make {word}?", $"please give the letters of {word}."), string.Join(' ', word.ToArray()), word);
            case "first letter": return (Ask(split, ref random, $"what is the first letter of {word}?", $"with which letter does {word} begin?", $"which letter comes first in {word}?", $"name the letter at the start of {word}.", $"{word} starts with which letter?"), word[..1], word);
            case "last letter": return (Ask(split, ref random, $"what is the last letter of {word}?", $"with which letter does {word} end?", $"which letter comes last in {word}?", $"name the letter at the end of {word}.", $"{word} ends with which letter?"), word[^1..], word);
            case "reverse": return ($"Write {word} backwards.", new string([.. word.Reverse()]), word);
            case "repeat":
                int times = 2 + random.Below(4);
                return ($"Write {word} {Numbers[times]} times.", string.Join(' ', Enumerable.Repeat(word, times)), $"{word} {times}");
            case "longest":
                var three = new[] { word, Lexical(world, ref random), Lexical(world, ref random) };
                while (three.Select(w => w.Length).Distinct().Count() < 3) three = [Lexical(world, ref random), Lexical(world, ref random), Lexical(world, ref random)];
                return ($"Which word is the longest: {three[0]}, {three[1]} or {three[2]}?", three.MaxBy(w => w.Length)!, string.Join(' ', three));
            case "count": return Count(split, world, ref random);
            case "calendar": return Calendar(split, ref random);
            default: throw new ArgumentException($"no exercise is called '{kind}'; there are: {string.Join(", ", Demonstrated.Concat(Undemonstrated))}");
        }
    }

    static (string, string, string) Count(Split split, WorldDefinition world, ref StoryRandom random)
    {
        if (random.Chance(50))
        {
            string word = Lexical(world, ref random);
            return (Ask(split, ref random, $"how many letters does {word} have?", $"how long is the word {word}?", $"count the letters of {word}.", $"of how many letters is {word} made?", $"please count the letters in {word}."), $"{word.Length}", word);
        }
        int count = 2 + random.Below(8);
        var words = new string[count];
        for (int i = 0; i < count; i++) words[i] = Lexical(world, ref random);
        string list = string.Join(", ", words);
        return (Ask(split, ref random, $"how many words are there: {list}?", $"count the words: {list}.", $"how many things are listed here: {list}?", $"how long is this list: {list}?", $"please count these words: {list}."), $"{count}", list);
    }

    static (string, string, string) Calendar(Split split, ref StoryRandom random)
    {
        bool isDay = random.Chance(50);
        var cycle = isDay ? Days : Months;
        int from = random.Below(cycle.Length), steps = 1 + random.Below(isDay ? 10 : 14);
        string now = cycle[from], unit = isDay ? "day" : "month", units = steps == 1 ? unit : unit + "s";
        bool isBack = random.Chance(40);
        string after = isBack ? "before" : "after", answer = cycle[((from + (isBack ? -steps : steps)) % cycle.Length + cycle.Length) % cycle.Length];
        return (Ask(split, ref random, $"which {unit} is {steps} {units} {after} {now}?", $"what comes {steps} {units} {after} {now}?", $"what {unit} is it {steps} {units} {after} {now}?", $"name the {unit} {steps} {units} {after} {now}.",
            $"{steps} {units} {after} {now} is which {unit}?"), answer, $"{now} {steps} {after}");
    }

    /// <summary>A word problem that the calculator solves: the call stands in the assistant's turn, then what the tool says, then the answer.</summary>
    public static (Conversation Conversation, string Answer) ToolDialogue(WorldDefinition world, Split split, ref StoryRandom random)
    {
        while (true)
        {
            int a = 100 + random.Below(9900), b = 11 + random.Below(989), kind = random.Below(3);
            var names = world.StoryNames(split);
            string name = names[random.Below(names.Length)].Name, things = world.Words["goods"][random.Below(world.Words["goods"].Length)].ToString(1);
            if (HoldOut.Operands($"tool {a} {b} {kind}") != (split == Split.HeldOut)) continue;
            char op = "+-*"[kind];
            long result = kind switch { 0 => a + b, 1 => a - b, _ => (long)a * b };
            string story = kind switch
            {
                0 => Ask(split, ref random, $"{name} has {a} {things} and gets {b} more. How many {things} has {name}?", $"there are {a} {things} here and {b} {things} there. How many {things} are there?",
                    $"{name} counted {a} {things} and then {b} {things}. How many is that?", $"what is {a} + {b}?", $"{name} owned {a} {things} and bought another {b}. What is the number of {things} now?"),
                1 => Ask(split, ref random, $"{name} has {a} {things} and gives away {b}. How many {things} are left?", $"of {a} {things}, {b} are lost. How many {things} remain?", $"{name} had {a} {things} and sold {b}. How many has {name} now?",
                    $"what is {a} - {b}?", $"from {a} {things} someone took {b}. What is the number of {things} now?"),
                _ => Ask(split, ref random, $"{name} has {a} boxes with {b} {things} each. How many {things} are there?", $"there are {a} rows of {b} {things}. How many {things} are there?", $"one day brings {b} {things}. How many {things} do {a} days bring?",
                    $"what is {a} * {b}?", $"{a} bags hold {b} {things} each. What is the number of {things} in all?"),
            };
            string answer = result.ToString(CultureInfo.InvariantCulture);
            return (new([new(Role.User, story), new(Role.Assistant, [new(PartKind.ToolCall, $"{a} {op} {b}"), new(PartKind.ToolResult, answer), new(PartKind.Text, answer + ".")])]), answer);
        }
    }

    /// <summary>The last template is held out.</summary>
    static string Ask(Split split, ref StoryRandom random, params ReadOnlySpan<string> templates)
    {
        var text = split == Split.HeldOut ? templates[^1] : templates[random.Below(templates.Length - 1)];
        return char.ToUpperInvariant(text[0]) + text[1..];
    }

    static int Number(int digits, ref StoryRandom random)
    {
        if (digits == 0) digits = 1 + random.Below(3);
        int low = digits == 1 ? 0 : (int)Math.Pow(10, digits - 1);
        return low + random.Below((int)Math.Pow(10, digits) - low);
    }

    /// <summary>A word of letters alone.</summary>
    static string Lexical(WorldDefinition world, ref StoryRandom random)
    {
        while (true)
            if (world.Words["goods"][random.Below(world.Words["goods"].Length)].ToString() is var word && word.All(char.IsAsciiLetterLower)) return word;
    }
}
