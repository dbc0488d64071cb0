using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Ingot.Llm.Corpus;

/// <summary>How rich a text is, and how much of another text it gives away.</summary>
/// <param name="Bytes">Length of the text.</param>
/// <param name="Words">Words: letters and apostrophes.</param>
/// <param name="WordTypes">Different words, upper and lower case alike.</param>
/// <param name="WordTypesSeenFiveTimes">Of these, how many occur five times or more.</param>
/// <param name="CompressedBitsPerByte">Of <c>xz -9e</c>; null where xz is not installed.</param>
/// <param name="FourGramsSeen">Share of the other text's runs of four words that occur in this text.</param>
/// <param name="EightGramsSeen">The same for eight words.</param>
public sealed partial record CorpusStatistics(long Bytes, int Words, int WordTypes, int WordTypesSeenFiveTimes, double? CompressedBitsPerByte, double FourGramsSeen, double EightGramsSeen)
{
    /// <param name="text">The text described.</param>
    /// <param name="other">Held-out text whose runs of words are looked up.</param>
    public static CorpusStatistics Of(string text, string other)
    {
        var ids = new Dictionary<string, int>();
        int[] words = Number(text, ids);
        var counts = new int[ids.Count];
        foreach (int w in words) counts[w]++;
        int[] others = Number(other, ids);
        var bytes = System.Text.Encoding.UTF8.GetBytes(text);
        return new(bytes.Length, words.Length, counts.Length, counts.Count(c => c >= 5), Compressed(bytes) is { } size ? 8.0 * size / bytes.Length : null, Seen(words, others, 4), Seen(words, others, 8));
    }

    static int[] Number(string text, Dictionary<string, int> ids)
    {
        var result = new List<int>(text.Length / 5);
        foreach (var match in Word().EnumerateMatches(text))
        {
            var word = text.Substring(match.Index, match.Length).ToLowerInvariant();
            if (!ids.TryGetValue(word, out int id)) ids[word] = id = ids.Count;
            result.Add(id);
        }
        return [.. result];
    }

    /// <summary>Runs are compared by a 64-bit hash: at a million runs a wrong match has a chance of one in ten million.</summary>
    static double Seen(int[] words, int[] others, int n)
    {
        if (others.Length < n) return 0;
        var known = new HashSet<ulong>();
        for (int i = 0; i + n <= words.Length; i++) known.Add(Hash(words.AsSpan(i, n)));
        int seen = 0;
        for (int i = 0; i + n <= others.Length; i++) if (known.Contains(Hash(others.AsSpan(i, n)))) seen++;
        return seen / (double)(others.Length - n + 1);
    }

    static ulong Hash(ReadOnlySpan<int> run)
    {
        ulong hash = 1;
        foreach (int w in run)
        {
            hash = (hash ^ (uint)w) * 0x9E3779B97F4A7C15;
            hash ^= hash >> 29;
        }
        return hash;
    }

    static long? Compressed(byte[] bytes)
    {
        try
        {
            using var xz = Process.Start(new ProcessStartInfo("xz", "-9e -c") { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false })!;
            var writing = Task.Run(() =>
            {
                using var input = xz.StandardInput.BaseStream;
                input.Write(bytes);
            });
            long size = 0;
            var buffer = new byte[1 << 16];
            for (int n; (n = xz.StandardOutput.BaseStream.Read(buffer)) > 0; size += n) { }
            writing.Wait();
            xz.WaitForExit();
            return xz.ExitCode == 0 ? size : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null; // no xz on this machine
        }
    }

    [GeneratedRegex("[A-Za-z']+")]
    private static partial Regex Word();
}
