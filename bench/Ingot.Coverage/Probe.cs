namespace Ingot.Coverage;

/// <summary>What instrumented code calls. Two threads may write the same cell: with the same value.</summary>
public static class Probe
{
    static bool[] hits = [];

    public static void Hit(int branch) => hits[branch] = true;

    /// <summary>Whether a branch was taken since the last <see cref="Reset"/>.</summary>
    public static bool WasTaken(int branch) => hits[branch];

    /// <summary>Forgets everything; there are so many branches.</summary>
    public static void Reset(int branches) => hits = new bool[branches];
}
