namespace Ingot.Llm.Corpus;

/// <summary>SplitMix64: a short generator whose sequence is the same on every platform and .NET version, which System.Random does not promise.</summary>
/// <remarks>Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators".</remarks>
struct StoryRandom(ulong seed)
{
    ulong state = seed;

    public ulong Next()
    {
        state += 0x9E3779B97F4A7C15;
        ulong z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>0 to n - 1. The bias of the multiplication is below n / 2^32.</summary>
    public int Below(int n) => (int)(((Next() >> 32) * (ulong)n) >> 32);

    public bool Chance(int percent) => Below(100) < percent;
}
