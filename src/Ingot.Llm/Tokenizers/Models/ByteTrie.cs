namespace Ingot.Llm.Tokenizers.Models;

/// <summary>Byte strings by their beginnings.</summary>
sealed class ByteTrie
{
    public const int Root = 0;

    // One dictionary for the edges of all nodes but the root's, which are asked for at every place of a text.
    readonly Dictionary<int, int> edges = [];
    readonly int[] first = new int[256];
    readonly List<int> values = [-1];

    public bool IsEmpty => values.Count == 1;

    /// <summary>Adds a string, or gives a string that is there another value.</summary>
    public void Add(ReadOnlySpan<byte> text, int value)
    {
        int node = Root;
        foreach (byte b in text)
        {
            int child = Child(node, b);
            if (child == 0)
            {
                child = values.Count;
                if (child >= 1 << 23) throw new FormatException("the vocabulary has more than 8 million different beginnings of tokens; this is no tokenizer");
                values.Add(-1);
                if (node == Root) first[b] = child;
                else edges.Add(node << 8 | b, child);
            }
            node = child;
        }
        values[node] = value;
    }

    /// <summary>The node that a byte leads to; 0 if there is none.</summary>
    public int Child(int node, byte b) => node == Root ? first[b] : edges.GetValueOrDefault(node << 8 | b);

    /// <summary>The value of the string that ends at a node; -1 if none does.</summary>
    public int Value(int node) => values[node];

    /// <summary>The value of the longest string that a text begins with, and its length; -1 and 0 if there is none.</summary>
    public int Longest(ReadOnlySpan<byte> text, out int length)
    {
        int node = Root, value = -1;
        length = 0;
        for (int at = 0; at < text.Length && (node = Child(node, text[at])) > 0; at++)
            if (values[node] >= 0) (value, length) = (values[node], at + 1);
        return value;
    }
}
