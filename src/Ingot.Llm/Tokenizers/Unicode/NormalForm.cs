using System.Globalization;
using System.Text;

namespace Ingot.Llm.Tokenizers.Unicode;

/// <summary>Unicode's normal forms, with the tables of Unicode 9 that Hugging Face's normalizers have.</summary>
/// <remarks>.NET's own Normalize does nothing where globalization is invariant, as it is here, and carries newer tables elsewhere. UAX 15 is the algorithm.</remarks>
static class NormalForm
{
    const int HangulSyllables = 0xAC00, HangulCount = 11172, LeadBase = 0x1100, VowelBase = 0x1161, TrailBase = 0x11A7, LeadCount = 19, VowelCount = 21, TrailCount = 28;

    static readonly Tables Data = Tables.Read();

    /// <summary>Nothing below this code point changes in NFC; NFD, NFKC and NFKD leave ASCII alone.</summary>
    const int FirstOfInterest = 0x300;

    public static string Nfc(string text) => IsBelow(text, FirstOfInterest) ? text : Compose(Decompose(text, isCompatible: false));

    public static string Nfd(string text) => IsBelow(text, 0x80) ? text : Text(Decompose(text, isCompatible: false));

    public static string Nfkc(string text) => IsBelow(text, 0x80) ? text : Compose(Decompose(text, isCompatible: true));

    public static string Nfkd(string text) => IsBelow(text, 0x80) ? text : Text(Decompose(text, isCompatible: true));

    static bool IsBelow(string text, int limit)
    {
        foreach (char c in text) if (c >= limit) return false;
        return true;
    }

    /// <summary>The characters taken apart, marks in canonical order.</summary>
    static List<int> Decompose(string text, bool isCompatible)
    {
        var result = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes()) Decompose(rune.Value, isCompatible, result);
        for (int start = 0; start < result.Count; start++)
        {
            if (Class(result[start]) == 0) continue;
            int end = start + 1;
            while (end < result.Count && Class(result[end]) != 0) end++;
            if (end - start > 1)
            {
                var sorted = result.GetRange(start, end - start).OrderBy(Class).ToList(); // stable
                for (int i = start; i < end; i++) result[i] = sorted[i - start];
            }
            start = end;
        }
        return result;
    }

    static void Decompose(int c, bool isCompatible, List<int> result)
    {
        if ((uint)(c - HangulSyllables) < HangulCount)
        {
            int index = c - HangulSyllables;
            result.Add(LeadBase + index / (VowelCount * TrailCount));
            result.Add(VowelBase + index % (VowelCount * TrailCount) / TrailCount);
            if (index % TrailCount != 0) result.Add(TrailBase + index % TrailCount);
        }
        else if (c >= 0xA0 && (Data.Canonical.TryGetValue(c, out var parts) || isCompatible && Data.Compatible.TryGetValue(c, out parts)))
            foreach (int part in parts) Decompose(part, isCompatible, result);
        else result.Add(c);
    }

    /// <summary>Puts each mark together with the last starter before it where there is a character for the two and no mark of the same class between them.</summary>
    static string Compose(List<int> parts)
    {
        int starter = -1, lastClass = -1, count = 0;
        for (int i = 0; i < parts.Count; i++)
        {
            int c = parts[i], itsClass = Class(c);
            if (starter >= 0 && (count == starter + 1 || lastClass < itsClass) && Composite(parts[starter], c) is var whole && whole > 0)
            {
                parts[starter] = whole;
                continue;
            }
            if (itsClass == 0) (starter, lastClass) = (count, 0);
            else lastClass = itsClass;
            parts[count++] = c;
        }
        parts.RemoveRange(count, parts.Count - count);
        return Text(parts);
    }

    static int Composite(int first, int second)
    {
        if ((uint)(first - LeadBase) < LeadCount && (uint)(second - VowelBase) < VowelCount) return HangulSyllables + ((first - LeadBase) * VowelCount + second - VowelBase) * TrailCount;
        if ((uint)(first - HangulSyllables) < HangulCount && (first - HangulSyllables) % TrailCount == 0 && second > TrailBase && second < TrailBase + TrailCount) return first + second - TrailBase;
        return Data.Composites.GetValueOrDefault((first, second));
    }

    static int Class(int c) => c < FirstOfInterest ? 0 : Data.Classes.GetValueOrDefault(c);

    static string Text(List<int> codePoints)
    {
        var text = new StringBuilder(codePoints.Count);
        foreach (int c in codePoints)
        {
            if (c < 0x10000) text.Append((char)c);
            else text.Append(char.ConvertFromUtf32(c));
        }
        return text.ToString();
    }

    /// <summary>Normalization.txt; make_normalization.py says what its lines are.</summary>
    sealed class Tables
    {
        public Dictionary<int, int[]> Canonical { get; } = [];
        public Dictionary<int, int[]> Compatible { get; } = [];
        public Dictionary<int, byte> Classes { get; } = [];
        public Dictionary<(int, int), int> Composites { get; } = [];

        public static Tables Read()
        {
            var tables = new Tables();
            using var reader = new StreamReader(typeof(Tables).Assembly.GetManifestResourceStream("Ingot.Llm.Normalization.txt")!);
            while (reader.ReadLine() is { } line)
            {
                string[] words = line.Split(' ');
                int c = Hexadecimal(words[0]);
                if (words[1] == "@")
                {
                    tables.Classes.Add(c, byte.Parse(words[2], CultureInfo.InvariantCulture));
                    continue;
                }
                int[] parts = [.. words.Skip(2).Select(Hexadecimal)];
                (words[1] == "~" ? tables.Compatible : tables.Canonical).Add(c, parts);
                if (words[1] == "=") tables.Composites.Add((parts[0], parts[1]), c);
            }
            return tables;
        }

        static int Hexadecimal(string word) => int.Parse(word, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }
}
