using System.Globalization;
using System.Text;

namespace Ingot.Llm.Constraints;

/// <summary>How characters are written.</summary>
enum Writing
{
    /// <summary>As UTF-8.</summary>
    Plain,
    /// <summary>Within a JSON string: UTF-8, and escapes for what must have one.</summary>
    Json,
}

/// <summary>Edges of a grammar for sets of code points.</summary>
static class CodePointBytes
{
    public static readonly (int First, int Last)[] All = [(0, 0xD7FF), (0xE000, 0x10FFFF)];

    /// <summary>Any one of some code points.</summary>
    /// <param name="grammar">Where the edges go.</param>
    /// <param name="from">The state before it.</param>
    /// <param name="ranges">In order, without surrogates.</param>
    /// <param name="to">The state behind it.</param>
    /// <param name="writing">How it is written.</param>
    public static void Add(Grammar grammar, int from, IEnumerable<(int First, int Last)> ranges, int to, Writing writing)
    {
        var shared = new Dictionary<(int, byte, byte), int>();
        foreach (var (first, last) in ranges)
        {
            if (writing == Writing.Plain)
            {
                Utf8(grammar, from, first, last, to, shared);
                continue;
            }
            int start = first;
            for (int c = first; c <= Math.Min(last, 0x7F); c++)
            {
                if (c >= 0x20 && c is not ('"' or '\\')) continue;
                if (start < c) Utf8(grammar, from, start, c - 1, to, shared);
                start = c + 1;
                byte[] escape = Encoding.ASCII.GetBytes(Escape(c));
                int before = grammar.Literal(from, escape.AsSpan(0, escape.Length - 1));
                grammar.Byte(before, escape[^1], escape[^1], to);
            }
            if (start <= last) Utf8(grammar, from, start, last, to, shared);
        }
    }

    static string Escape(int c) => c switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\b' => "\\b",
        '\f' => "\\f",
        _ => string.Create(CultureInfo.InvariantCulture, $"\\u{c:x4}"),
    };

    /// <summary>A range of code points as sequences of byte ranges: cut where the number of bytes changes, then where the bytes behind do not run from 80 to BF.</summary>
    static void Utf8(Grammar grammar, int from, int first, int last, int to, Dictionary<(int, byte, byte), int> shared)
    {
        foreach (int border in (ReadOnlySpan<int>)[0x7F, 0x7FF, 0xFFFF])
        {
            if (first > border || last <= border) continue;
            Utf8(grammar, from, first, border, to, shared);
            Utf8(grammar, from, border + 1, last, to, shared);
            return;
        }
        if (first <= 0x7F)
        {
            grammar.Byte(from, (byte)first, (byte)last, to);
            return;
        }
        for (int bits = 6; bits <= 18; bits += 6)
        {
            int low = (1 << bits) - 1;
            if ((first & ~low) == (last & ~low)) continue;
            if ((first & low) != 0)
            {
                Utf8(grammar, from, first, first | low, to, shared);
                Utf8(grammar, from, (first | low) + 1, last, to, shared);
                return;
            }
            if ((last & low) != low)
            {
                Utf8(grammar, from, first, (last & ~low) - 1, to, shared);
                Utf8(grammar, from, last & ~low, last, to, shared);
                return;
            }
        }
        Span<byte> a = stackalloc byte[4], b = stackalloc byte[4];
        int length = new Rune(first).EncodeToUtf8(a);
        new Rune(last).EncodeToUtf8(b);
        int state = from;
        for (int i = 0; i < length; i++)
        {
            if (i == length - 1)
            {
                grammar.Byte(state, a[i], b[i], to);
                break;
            }
            if (!shared.TryGetValue((state, a[i], b[i]), out int next))
            {
                shared[(state, a[i], b[i])] = next = grammar.NewState();
                grammar.Byte(state, a[i], b[i], next);
            }
            state = next;
        }
    }
}
