namespace Ingot.Onnx.Operators;

/// <summary>TfIdfVectorizer: counts of n-grams, with gaps if asked for, weighted.</summary>
static class TfIdfOperator
{
    [OnnxOperator("TfIdfVectorizer", Since = 9)]
    static Tensor TfIdfVectorizer(OperatorCall c)
    {
        string mode = c.OptionalText("mode") ?? throw c.Bad("has no mode");
        int shortest = (int)c.Int("min_gram_length", 1), longest = (int)c.Int("max_gram_length", 1), mostSkips = (int)c.Int("max_skip_count", 0);
        int[] starts = c.Ints("ngram_counts") ?? throw c.Bad("has no ngram_counts"), columns = c.Ints("ngram_indexes") ?? throw c.Bad("has no ngram_indexes");
        float[]? weights = c.Floats("weights");
        string[] pool = c.Texts("pool_strings") ?? c.Longs("pool_int64s")?.Select(v => v.ToString()).ToArray() ?? throw c.Bad("has no pool of n-grams");
        var grams = Pool(c, pool, starts, columns.Length);
        var (tokens, shape) = c.Input(0) is StringTensor s ? (s.Values.ToArray(), s.Shape) : (Array.ConvertAll(c.Constant<long>(0), v => v.ToString()), c.Shape(0));
        int rows = shape.Rank == 2 ? shape[0] : 1, length = shape.Rank == 0 ? 1 : shape[^1], width = columns.Length == 0 ? 0 : checked(columns.Max() + 1);
        if (shape.Rank > 2) throw c.Bad($"its input must have one or two dimensions, it is {shape}");
        c.Afford((Int128)rows * width, sizeof(float));
        var output = new float[checked(rows * width)];
        // Longer ones are not in the pool, and wider gaps do not fit a row.
        (longest, mostSkips) = (Math.Min(longest, starts.Length), Math.Min(mostSkips, length));
        for (int row = 0; row < rows; row++)
        {
            c.Cancellation.ThrowIfCancellationRequested();
            var counts = new int[columns.Length];
            var line = tokens.AsSpan(row * length, length);
            // Without gaps single tokens are counted once, whatever gaps longer ones may have.
            for (int n = shortest; n <= longest; n++)
                for (int skip = 0; skip <= (n == 1 ? 0 : mostSkips); skip++)
                    for (int at = 0; at + ((n - 1L) * (skip + 1)) < length; at++)
                        if (grams.TryGetValue(Key(line, at, n, skip + 1), out int gram)) counts[gram]++;
            for (int g = 0; g < counts.Length; g++)
            {
                float weight = weights?[g] ?? 1;
                output[(row * width) + columns[g]] += mode switch { "TF" => counts[g], "IDF" => counts[g] > 0 ? weight : 0, "TFIDF" => counts[g] * weight, _ => throw c.Bad($"there is no mode '{mode}'") };
            }
        }
        return Tensor.From(output, shape.Rank == 2 ? [rows, width] : [width]);
    }

    /// <summary>Each n-gram of the pool with its number; <paramref name="starts"/> says where in the pool the n-grams of each length begin.</summary>
    static Dictionary<string, int> Pool(OperatorCall c, string[] pool, int[] starts, int count)
    {
        var grams = new Dictionary<string, int>(StringComparer.Ordinal);
        int number = 0;
        for (int n = 1; n <= starts.Length; n++)
        {
            int end = n < starts.Length ? starts[n] : pool.Length;
            if (starts[n - 1] < 0 || end > pool.Length) throw c.Bad("its ngram_counts do not fit its pool");
            for (int at = starts[n - 1]; at + n <= end; at += n) grams[Key(pool, at, n, 1)] = number++;
        }
        return number <= count ? grams : throw c.Bad($"{number} n-grams have {count} indexes");
    }

    static string Key(ReadOnlySpan<string> tokens, int at, int n, int step)
    {
        var parts = new string[n];
        for (int i = 0; i < n; i++) parts[i] = tokens[at + (i * step)];
        return string.Join('\u0001', parts);
    }
}
