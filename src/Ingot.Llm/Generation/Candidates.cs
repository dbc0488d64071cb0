namespace Ingot.Llm.Generation;

/// <summary>Tokens in an order, in memory that is used again. A token and what it is ordered by are one number: its bits are ordered as the scores are, and of equal scores the lower token is first.</summary>
sealed class Candidates
{
    ulong[] order = [];
    double[] weights = [];
    float[] scores = [];

    public static int Token(ulong candidate) => (int)(uint)candidate;

    /// <summary>Ascending numbers are descending scores.</summary>
    static ulong Of(float score, int token)
    {
        uint bits = BitConverter.SingleToUInt32Bits(score + 0f); // -0 is 0
        bits = (bits & 0x8000_0000) != 0 ? ~bits : bits | 0x8000_0000; // ascending as the scores
        return (ulong)~bits << 32 | (uint)token;
    }

    public Span<double> Weights(int count) => (weights.Length < count ? weights = new double[count] : weights).AsSpan(0, count);

    public Span<float> Scores(int count) => (scores.Length < count ? scores = new float[Math.Max(count, 64)] : scores).AsSpan(0, count);

    /// <summary>The tokens with the highest scores, likeliest first.</summary>
    public ReadOnlySpan<ulong> Likeliest(ReadOnlySpan<float> logits, int count)
    {
        // Twice as many are gathered and cut back when they are full: what is below the last of a cut is passed over from then on.
        int room = (int)Math.Min(2L * Math.Max(count, 64), logits.Length + (long)count), used = 0;
        if (order.Length < room) order = new ulong[room];
        ulong worst = ulong.MaxValue;
        for (int i = 0; i < logits.Length; i++)
        {
            ulong candidate = Of(logits[i], i);
            if (candidate >= worst) continue;
            order[used++] = candidate;
            if (used < room) continue;
            order.AsSpan(0, used).Sort();
            (used, worst) = (count, order[count - 1]);
        }
        order.AsSpan(0, used).Sort();
        return order.AsSpan(0, Math.Min(used, count));
    }

    /// <summary>The tokens with a score of at least some value, likeliest first.</summary>
    public ReadOnlySpan<ulong> AtLeast(ReadOnlySpan<float> logits, double least)
    {
        if (order.Length < logits.Length) order = new ulong[logits.Length];
        int used = 0;
        for (int i = 0; i < logits.Length; i++)
            if (logits[i] >= least) order[used++] = Of(logits[i], i);
        order.AsSpan(0, used).Sort();
        return order.AsSpan(0, used);
    }

    /// <summary>All tokens that are not excluded by minus infinity, those with the least distance first.</summary>
    public ReadOnlySpan<ulong> Nearest(ReadOnlySpan<float> logits, Func<float, double> distance)
    {
        if (order.Length < logits.Length) order = new ulong[logits.Length];
        int used = 0;
        for (int i = 0; i < logits.Length; i++)
            if (!float.IsNegativeInfinity(logits[i])) order[used++] = Of((float)-distance(logits[i]), i);
        order.AsSpan(0, used).Sort();
        return order.AsSpan(0, used);
    }
}
