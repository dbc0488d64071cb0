using System.Buffers.Binary;

namespace Ingot.Onnx.Images;

/// <summary>
/// JPEG files with Huffman codes, sequential or progressive, of 8 bits, grey or YCbCr (ITU-T T.81). The inverse transform, the widening of colour planes and the
/// conversion to RGB follow the arithmetic of the Independent JPEG Group's library bit for bit, as decoded pictures are compared byte by byte.
/// </summary>
sealed class Jpeg(byte[] file)
{
    /// <summary>One colour plane: its sampling, its tables, and the coefficients of its blocks (64 each, in rows of blocks).</summary>
    internal sealed class Plane
    {
        public required int Id, Horizontal, Vertical, Table;

        /// <summary>Extent in samples, in blocks, and in blocks filled up to whole units of all planes.</summary>
        public int Width, Height, Columns, Rows, StoredColumns, StoredRows;

        public short[] Coefficients = [];

        /// <summary>Huffman tables of the scan, and the DC value before.</summary>
        public int DcTable, AcTable, Predictor;
    }

    readonly int[][] quantization = new int[4][];
    readonly HuffmanTable?[] dc = new HuffmanTable?[4], ac = new HuffmanTable?[4];
    Plane[] planes = [];
    int width, height, mostHorizontal = 1, mostVertical = 1, restartInterval;
    bool isProgressive;
    int? adobeTransform;

    /// <summary>Zigzag order: the place in a block, row by row, of each coefficient in the file.</summary>
    internal static readonly byte[] Zigzag =
    [
        0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
        35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
    ];

    public Picture Decode()
    {
        for (int at = 2; at + 4 <= file.Length;)
        {
            if (file[at] != 0xFF) throw new FormatException($"JPEG: no marker at byte {at}");
            int marker = file[at + 1];
            if (marker == 0xFF) { at++; continue; }
            if (marker == 0xD9) break;
            if (marker is 0x01 or (>= 0xD0 and <= 0xD7)) { at += 2; continue; }
            int length = BinaryPrimitives.ReadUInt16BigEndian(file.AsSpan(at + 2));
            var segment = file.AsSpan(at + 4, length - 2);
            at += 2 + length;
            switch (marker)
            {
                case 0xDB: ReadQuantization(segment); break;
                case 0xC4: ReadHuffman(segment); break;
                case 0xC0 or 0xC1 or 0xC2: ReadFrame(segment, marker == 0xC2); break;
                case (>= 0xC3 and <= 0xCF) and not 0xC8: throw new FormatException($"JPEG process {marker:X2} is neither sequential nor progressive with Huffman codes");
                case 0xDD: restartInterval = BinaryPrimitives.ReadUInt16BigEndian(segment); break;
                case 0xEE when segment.Length >= 12 && segment.StartsWith("Adobe"u8): adobeTransform = segment[11]; break;
                case 0xDA: at = ReadScan(segment, at); break;
            }
        }
        return planes.Length > 0 ? Assemble() : throw new FormatException("a JPEG file without a picture");
    }

    void ReadQuantization(ReadOnlySpan<byte> s)
    {
        while (s.Length > 0)
        {
            int size = s[0] >> 4 == 0 ? 1 : 2, which = s[0] & 3;
            var table = quantization[which] = new int[64];
            for (int i = 0; i < 64; i++) table[Zigzag[i]] = size == 1 ? s[1 + i] : BinaryPrimitives.ReadUInt16BigEndian(s[(1 + 2 * i)..]);
            s = s[(1 + 64 * size)..];
        }
    }

    void ReadHuffman(ReadOnlySpan<byte> s)
    {
        while (s.Length > 0)
        {
            int count = 0;
            foreach (byte n in s[1..17]) count += n;
            (s[0] >> 4 == 0 ? dc : ac)[s[0] & 3] = new(s[1..17], s.Slice(17, count));
            s = s[(17 + count)..];
        }
    }

    void ReadFrame(ReadOnlySpan<byte> s, bool progressive)
    {
        if (planes.Length > 0) throw new FormatException("JPEG with two frames");
        (height, width, isProgressive) = (BinaryPrimitives.ReadUInt16BigEndian(s[1..]), BinaryPrimitives.ReadUInt16BigEndian(s[3..]), progressive);
        if (s[0] != 8 || s[5] is not (1 or 3)) throw new FormatException($"JPEG of {s[0]} bits and {s[5]} planes; 8 bits and 1 or 3 planes are decoded");
        _ = Picture.Of(height, width, 1);
        var found = new Plane[s[5]];
        for (int i = 0; i < found.Length; i++)
        {
            var p = s.Slice(6 + 3 * i, 3);
            found[i] = new() { Id = p[0], Horizontal = p[1] >> 4, Vertical = p[1] & 15, Table = p[2] & 3 };
            if (found[i].Horizontal is < 1 or > 4 || found[i].Vertical is < 1 or > 4) throw new FormatException("JPEG with planes sampled by 0 or more than 4");
            (mostHorizontal, mostVertical) = (Math.Max(mostHorizontal, found[i].Horizontal), Math.Max(mostVertical, found[i].Vertical));
        }
        foreach (var p in found)
        {
            if (mostHorizontal % p.Horizontal != 0 || mostVertical % p.Vertical != 0) throw new FormatException("JPEG with planes sampled at fractions of each other");
            (p.Width, p.Height) = (Up(width * p.Horizontal, mostHorizontal), Up(height * p.Vertical, mostVertical));
            (p.Columns, p.Rows) = (Up(p.Width, 8), Up(p.Height, 8));
            (p.StoredColumns, p.StoredRows) = (Up(width, 8 * mostHorizontal) * p.Horizontal, Up(height, 8 * mostVertical) * p.Vertical);
            p.Coefficients = new short[checked(p.StoredColumns * p.StoredRows * 64)];
        }
        planes = found;
    }

    static int Up(int a, int b) => (a + b - 1) / b;

    /// <summary>Decodes a scan's coefficients; returns where the file goes on.</summary>
    int ReadScan(ReadOnlySpan<byte> s, int at)
    {
        var scanned = new Plane[s[0]];
        for (int i = 0; i < scanned.Length; i++)
        {
            int id = s[1 + 2 * i], tables = s[2 + 2 * i];
            scanned[i] = Array.Find(planes, p => p.Id == id) ?? throw new FormatException($"JPEG: a scan of plane {id}, which there is not");
            (scanned[i].DcTable, scanned[i].AcTable) = (tables >> 4 & 3, tables & 3);
        }
        var rest = s[(1 + 2 * scanned.Length)..];
        var scan = new JpegScan(file, at, dc, ac, isProgressive) { First = rest[0], Last = Math.Min((int)rest[1], 63), High = rest[2] >> 4, Low = rest[2] & 15 };
        bool isSingle = scanned.Length == 1;
        int columns = isSingle ? scanned[0].Columns : Up(width, 8 * mostHorizontal), rows = isSingle ? scanned[0].Rows : Up(height, 8 * mostVertical);
        for (int unit = 0; unit < columns * rows; unit++)
        {
            if (unit == 0 || (restartInterval > 0 && unit % restartInterval == 0))
            {
                scan.Restart(isFirst: unit == 0);
                foreach (var p in scanned) p.Predictor = 0;
            }
            foreach (var p in scanned)
                if (isSingle) scan.Block(p, (unit / columns * p.StoredColumns + unit % columns) * 64);
                else
                    for (int v = 0; v < p.Vertical; v++)
                        for (int h = 0; h < p.Horizontal; h++)
                            scan.Block(p, ((unit / columns * p.Vertical + v) * p.StoredColumns + unit % columns * p.Horizontal + h) * 64);
        }
        return scan.End;
    }

    // ---- from coefficients to points ----

    Picture Assemble()
    {
        var full = Array.ConvertAll(planes, p => JpegPlanes.Widened(Samples(p), p.Width, p.Height, mostHorizontal / p.Horizontal, mostVertical / p.Vertical, width, height));
        if (planes.Length == 1) return new(full[0], height, width, 1);
        bool isRgb = adobeTransform == 0 || (adobeTransform is null && planes[0].Id == 'R' && planes[1].Id == 'G' && planes[2].Id == 'B');
        var picture = Picture.Of(height, width, 3);
        for (int i = 0; i < width * height; i++)
        {
            var to = picture.Pixels.AsSpan(3 * i, 3);
            if (isRgb) (to[0], to[1], to[2]) = (full[0][i], full[1][i], full[2][i]);
            else JpegPlanes.ToColour(full[0][i], full[1][i] - 128, full[2][i] - 128, to);
        }
        return picture;
    }

    /// <summary>A plane's samples, rows of its own width.</summary>
    byte[] Samples(Plane p)
    {
        var table = quantization[p.Table] ?? throw new FormatException($"JPEG: quantization table {p.Table} is missing");
        var samples = new byte[p.Width * p.Height];
        Span<byte> block = stackalloc byte[64];
        for (int row = 0; row < p.Rows; row++)
            for (int column = 0; column < p.Columns; column++)
            {
                JpegPlanes.Inverse(p.Coefficients.AsSpan((row * p.StoredColumns + column) * 64, 64), table, block);
                int high = Math.Min(8, p.Height - 8 * row), wide = Math.Min(8, p.Width - 8 * column);
                for (int y = 0; y < high; y++) block.Slice(8 * y, wide).CopyTo(samples.AsSpan((8 * row + y) * p.Width + 8 * column));
            }
        return samples;
    }
}

/// <summary>A Huffman code: for each length the first code, and where its values begin.</summary>
sealed class HuffmanTable
{
    readonly int[] first = new int[18], count = new int[18], start = new int[18];
    readonly byte[] values;

    public HuffmanTable(ReadOnlySpan<byte> lengths, ReadOnlySpan<byte> values)
    {
        this.values = values.ToArray();
        for (int length = 1, code = 0, at = 0; length <= 16; length++)
        {
            (first[length], count[length], start[length]) = (code, lengths[length - 1], at);
            at += count[length];
            code = (code + count[length]) << 1;
        }
    }

    public int Next(JpegScan bits)
    {
        for (int length = 1, code = 0; length <= 16; length++)
        {
            code = code << 1 | bits.Bits(1);
            if (code - first[length] is >= 0 and var at && at < count[length]) return values[start[length] + at];
        }
        throw new FormatException("JPEG: a code that its table does not have");
    }
}
