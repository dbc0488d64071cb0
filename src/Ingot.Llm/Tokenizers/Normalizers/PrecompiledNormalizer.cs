using System.Buffers.Binary;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers.Normalizers;

/// <summary>SentencePiece's table of replacements: a double-array trie of what is replaced, and the replacements, each ended by a zero.</summary>
/// <remarks>
/// Layout: uint32 bytes of the trie, the trie (uint32 units as in Darts-clone), the replacements. A unit has its label in bits 0 to 7 and 31, in bit 8 whether a
/// string ends here, in bits 10 to 30 where its children are (times 256 if bit 9 is set); the unit of an end holds the place of the replacement.
/// </remarks>
sealed class PrecompiledNormalizer : Normalizer
{
    readonly uint[] units;
    readonly byte[] replacements;
    readonly bool byCluster;

    /// <param name="table">As in a SentencePiece model or, decoded, in tokenizer.json.</param>
    /// <param name="byCluster">As Hugging Face does it: grapheme clusters of up to five bytes are looked up whole first, then single characters. Otherwise as SentencePiece: the longest match at every place.</param>
    public PrecompiledNormalizer(ReadOnlySpan<byte> table, bool byCluster)
    {
        (this.byCluster, Table) = (byCluster, table.ToArray());
        int size = table.Length >= 4 ? BinaryPrimitives.ReadInt32LittleEndian(table) : -1;
        if (size < 4 || size % 4 != 0 || size > table.Length - 4) throw new FormatException($"the table of precompiled replacements is broken: its trie claims {size} bytes, the table has {table.Length}");
        units = new uint[size / 4];
        for (int i = 0; i < units.Length; i++) units[i] = BinaryPrimitives.ReadUInt32LittleEndian(table[(4 + 4 * i)..]);
        replacements = table[(4 + size)..].ToArray();
    }

    /// <summary>As it was given.</summary>
    public ReadOnlyMemory<byte> Table { get; }

    public override string Normalize(string text) => Utf8.Text(byCluster ? ByCluster(text) : ByPlace(Utf8.Bytes(text)));

    byte[] ByCluster(string text)
    {
        var result = new List<byte>(text.Length);
        var clusters = System.Globalization.StringInfo.GetTextElementEnumerator(text);
        while (clusters.MoveNext())
        {
            byte[] cluster = Utf8.Bytes(clusters.GetTextElement());
            if (cluster.Length < 6 && Shortest(cluster) is { } whole)
            {
                result.AddRange(whole);
                continue;
            }
            for (int at = 0, length; at < cluster.Length; at += length)
            {
                Utf8.Decode(cluster, at, out length);
                var character = cluster.AsSpan(at, length);
                result.AddRange(Shortest(character) is { } replacement ? replacement : character);
            }
        }
        return [.. result];
    }

    byte[] ByPlace(byte[] text)
    {
        var result = new List<byte>(text.Length);
        for (int at = 0; at < text.Length;)
        {
            int place = Find(text.AsSpan(at), longest: true, out int length);
            if (place < 0)
            {
                Utf8.Decode(text, at, out length);
                result.AddRange(text.AsSpan(at, length));
            }
            else result.AddRange(Replacement(place));
            at += length;
        }
        return [.. result];
    }

    byte[]? Shortest(ReadOnlySpan<byte> text) => Find(text, longest: false, out _) is var place && place >= 0 ? Replacement(place) : null;

    byte[] Replacement(int place)
    {
        if (place > replacements.Length) throw new FormatException($"the table of precompiled replacements is broken: it points to byte {place} of {replacements.Length}");
        var rest = replacements.AsSpan(place);
        int end = rest.IndexOf((byte)0);
        return (end < 0 ? rest : rest[..end]).ToArray();
    }

    /// <summary>The place of the replacement of a string that the text begins with; -1 if there is none.</summary>
    int Find(ReadOnlySpan<byte> text, bool longest, out int length)
    {
        (int found, length) = (-1, 0);
        uint at = Offset(units[0]);
        for (int i = 0; i < text.Length; i++)
        {
            byte b = text[i];
            if (b == 0) break;
            at ^= b;
            if (at >= units.Length) break;
            uint unit = units[at];
            if ((unit & (1u << 31 | 0xFF)) != b) break;
            at ^= Offset(unit);
            if ((unit >> 8 & 1) == 0) continue;
            if (at >= units.Length) break;
            (found, length) = ((int)(units[at] & int.MaxValue), i + 1);
            if (!longest) break;
        }
        return found;
    }

    static uint Offset(uint unit) => unit >> 10 << (int)((unit & 1 << 9) >> 6);
}
