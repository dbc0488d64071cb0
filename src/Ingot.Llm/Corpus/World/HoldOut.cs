namespace Ingot.Llm.Corpus.World;

/// <summary>What training text never has, decided by a hash of the thing itself: whoever generates, with whatever seed, agrees.</summary>
public static class HoldOut
{
    /// <summary>A subject's kind with a verb and an object, such as fox, polish, lantern; an eighth of all.</summary>
    public static bool Deed(string kind, string verb, string thing) => Deed(Hash(Utf8(kind)), Hash(Utf8(verb)), Hash(Utf8(thing)));

    internal static bool Deed(ulong kind, ulong verb, ulong thing) => (Mix(kind + 3 * verb + 5 * thing) & 7) == 0;

    /// <summary>A plot's skeleton: the family and the alternatives it takes; an eighth of all.</summary>
    internal static bool Skeleton(int family, ReadOnlySpan<int> alternatives)
    {
        ulong hash = (ulong)family + 1;
        foreach (int a in alternatives) hash = Mix(hash * 31 + (ulong)a);
        return (Mix(hash) & 7) == 0;
    }

    /// <summary>A name; an eighth of all that can be made.</summary>
    public static bool Name(string name) => (Mix(Hash(Utf8(name)) ^ 0x5EED) & 7) == 0;

    /// <summary>A question's template, by its number among ten: the last three.</summary>
    public static bool Phrasing(int index) => index % 10 >= 7;

    /// <summary>A pair of operands of an arithmetic task, or a word of a string task; an eighth of all.</summary>
    public static bool Operands(string text) => (Mix(Hash(Utf8(text)) ^ 0x0BE4) & 7) == 0;

    static byte[] Utf8(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    /// <summary>FNV-1a, mixed: string.GetHashCode differs from run to run.</summary>
    internal static ulong Hash(ReadOnlySpan<byte> bytes)
    {
        ulong hash = 0xCBF29CE484222325;
        foreach (byte b in bytes) hash = (hash ^ b) * 0x100000001B3;
        return Mix(hash);
    }

    static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
