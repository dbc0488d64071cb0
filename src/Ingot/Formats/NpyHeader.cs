using System.Globalization;
using System.Numerics;

namespace Ingot.Formats;

/// <summary>The dictionary at the head of a .npy file, which is a Python literal: {'descr': '&lt;f4', 'fortran_order': False, 'shape': (2, 3), }.</summary>
sealed record NpyHeader(DType DType, bool BigEndian, bool FortranOrder, Shape Shape)
{
    /// <summary>NumPy's own limit.</summary>
    const int MaxRank = 64;

    /// <summary>Parses exactly the literals that NumPy writes, and refuses everything else: no evaluation, no object arrays.</summary>
    /// <exception cref="FormatException">Not such a dictionary.</exception>
    public static NpyHeader Parse(string text, string path)
    {
        var p = new Parser(text, path);
        string? descr = null;
        bool? fortran = null;
        int[]? shape = null;
        p.Expect('{');
        while (!p.Take('}'))
        {
            var key = p.String();
            p.Expect(':');
            switch (key)
            {
                case "descr" when descr is null: descr = p.String(); break;
                case "fortran_order" when fortran is null: fortran = p.Bool(); break;
                case "shape" when shape is null: shape = p.Tuple(); break;
                default: throw Bad(path, $"unexpected or repeated key '{key}'");
            }
            if (!p.Take(',')) { p.Expect('}'); break; }
        }
        p.End();
        if (descr is null || fortran is null || shape is null) throw Bad(path, $"the header has no '{(descr is null ? "descr" : fortran is null ? "fortran_order" : "shape")}'");
        var count = shape.Aggregate(BigInteger.One, (n, d) => n * d);
        if (count > long.MaxValue / 8) throw Bad(path, $"shape ({string.Join(", ", shape)}) has {count} elements");
        var (type, big) = Type(descr, path);
        return new(type, big, fortran.Value, new Shape(shape));
    }

    /// <summary>What NumPy writes for a C-order little-endian array.</summary>
    public static string Write(DType type, Shape shape) => $"{{'descr': '{Descr(type)}', 'fortran_order': False, 'shape': {(shape.Rank == 0 ? "()" : shape.ToString())}, }}";

    static string Descr(DType t) => t switch
    {
        DType.Bool => "|b1",
        DType.U8 => "|u1",
        DType.I8 => "|i1",
        DType.BF16 => throw new DTypeException("npy has no bfloat16; convert with To(DType.F32) first"),
        _ => $"<{(t.IsFloat ? 'f' : t.IsUnsigned ? 'u' : 'i')}{t.Size}",
    };

    static (DType, bool Big) Type(string descr, string path)
    {
        var type = descr.Length < 2 ? (DType?)null : descr[1..] switch
        {
            "b1" => DType.Bool,
            "u1" => DType.U8,
            "i1" => DType.I8,
            "i2" => DType.I16,
            "i4" => DType.I32,
            "i8" => DType.I64,
            "u2" => DType.U16,
            "u4" => DType.U32,
            "u8" => DType.U64,
            "f2" => DType.F16,
            "f4" => DType.F32,
            "f8" => DType.F64,
            _ => null,
        };
        if (type is not { } t || !"<>|=".Contains(descr[0], StringComparison.Ordinal))
            throw Bad(path, descr.EndsWith('O') || descr.StartsWith("|O", StringComparison.Ordinal) ? "it holds Python objects, which would have to be executed to be read" : $"the element type '{descr}' is not supported");
        return (t, descr[0] == '>');
    }

    public static FormatException Bad(string path, string why) => new($"{path} is not a valid npy file: {why}");

    /// <summary>A cursor over the header's text.</summary>
    sealed class Parser(string text, string path)
    {
        int at;

        void Space() { while (at < text.Length && char.IsWhiteSpace(text[at])) at++; }

        public bool Take(char c)
        {
            Space();
            if (at >= text.Length || text[at] != c) return false;
            at++;
            return true;
        }

        public void Expect(char c)
        {
            if (!Take(c)) throw Wrong($"'{c}'");
        }

        public string String()
        {
            Space();
            if (at >= text.Length || text[at] is not ('\'' or '"')) throw Wrong("a string");
            int end = text.IndexOf(text[at], at + 1);
            if (end < 0) throw Wrong("the end of a string");
            var s = text[(at + 1)..end];
            at = end + 1;
            return s;
        }

        public bool Bool()
        {
            Space();
            foreach (var (word, value) in new[] { ("True", true), ("False", false) })
            {
                if (string.CompareOrdinal(text, at, word, 0, word.Length) != 0) continue;
                at += word.Length;
                return value;
            }
            throw Wrong("True or False");
        }

        public int[] Tuple()
        {
            Expect('(');
            var dims = new List<int>();
            while (!Take(')'))
            {
                Space();
                int start = at;
                while (at < text.Length && char.IsAsciiDigit(text[at])) at++;
                if (!int.TryParse(text.AsSpan(start, at - start), NumberStyles.None, CultureInfo.InvariantCulture, out int d)) throw Wrong($"a dimension from 0 to {int.MaxValue}");
                Take('L'); // Python 2 wrote long integers so
                if (dims.Count == MaxRank) throw Bad(path, $"the shape has more than {MaxRank} dimensions, at character {start} of the header");
                dims.Add(d);
                if (!Take(',')) { Expect(')'); break; }
            }
            return [.. dims];
        }

        public void End()
        {
            Space();
            if (at != text.Length) throw Wrong("the end of the header");
        }

        FormatException Wrong(string expected) => Bad(path, $"expected {expected} at character {at} of the header");
    }
}
