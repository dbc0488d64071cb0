namespace Ingot.Onnx.Images;

/// <summary>The coded blocks of one scan: all coefficients at once, or of a progressive file a band of them, or another bit of those known.</summary>
/// <param name="file">The file.</param>
/// <param name="at">Where the codes begin.</param>
/// <param name="dc">Huffman tables of the first coefficients.</param>
/// <param name="ac">Huffman tables of the others.</param>
/// <param name="isProgressive">Coefficients come in bands and bits.</param>
sealed class JpegScan(byte[] file, int at, HuffmanTable?[] dc, HuffmanTable?[] ac, bool isProgressive)
{
    int buffer, held, blocksWithoutMore;

    /// <summary>The band of coefficients, and the bits: from High (0 in a first pass) down to Low.</summary>
    public required int First, Last, High, Low;

    /// <summary>The next marker after the codes.</summary>
    public int End
    {
        get
        {
            while (at + 1 < file.Length && (file[at] != 0xFF || file[at + 1] is 0 or (>= 0xD0 and <= 0xD7))) at++;
            return at;
        }
    }

    /// <summary>Starts a stretch of codes, after a restart marker unless it is the first.</summary>
    public void Restart(bool isFirst)
    {
        (buffer, held, blocksWithoutMore) = (0, 0, 0);
        if (isFirst) return;
        while (at + 1 < file.Length && !(file[at] == 0xFF && file[at + 1] is >= 0xD0 and <= 0xD7))
        {
            if (file[at] == 0xFF && file[at + 1] is not (0 or 0xFF)) return; // another marker: the data ended early
            at++;
        }
        at = Math.Min(at + 2, file.Length);
    }

    /// <summary>The next n bits; zeros after the end of the codes.</summary>
    public int Bits(int n)
    {
        while (held < n)
        {
            int next = at < file.Length ? file[at] : 0;
            if (at < file.Length)
            {
                if (next != 0xFF) at++;
                else if (at + 1 < file.Length && file[at + 1] == 0) at += 2;
                else next = 0;
            }
            buffer = (buffer << 8 | next) & 0xFFFFFF;
            held += 8;
        }
        held -= n;
        return buffer >> held & ((1 << n) - 1);
    }

    /// <summary>n bits as a number of that size: the lower half of the values are the negative ones.</summary>
    int Signed(int n)
    {
        if (n is < 0 or > 15) throw new FormatException($"JPEG: a coefficient of {n} bits");
        int value = n == 0 ? 0 : Bits(n);
        return n > 0 && value < 1 << (n - 1) ? value - (1 << n) + 1 : value;
    }

    static HuffmanTable Table(HuffmanTable?[] tables, int which) => tables[which] ?? throw new FormatException($"JPEG: Huffman table {which} is missing");

    public void Block(Jpeg.Plane plane, int start)
    {
        var block = plane.Coefficients.AsSpan(start, 64);
        if (!isProgressive)
        {
            Lowest(plane, block, 0);
            Band(plane, block, 1, 63, 0);
        }
        else if (First == 0)
        {
            if (High == 0) Lowest(plane, block, Low);
            else if (Bits(1) == 1) block[0] |= (short)(1 << Low);
        }
        else if (High == 0) Band(plane, block, First, Last, Low);
        else Refine(plane, block);
    }

    void Lowest(Jpeg.Plane plane, Span<short> block, int low)
    {
        plane.Predictor += Signed(Table(dc, plane.DcTable).Next(this));
        block[0] = (short)(plane.Predictor << low);
    }

    /// <summary>Each code holds a number of zeros and the size of the coefficient after them; size 0 ends the block, or 2^n blocks.</summary>
    void Band(Jpeg.Plane plane, Span<short> block, int first, int last, int low)
    {
        if (blocksWithoutMore > 0)
        {
            blocksWithoutMore--;
            return;
        }
        var table = Table(ac, plane.AcTable);
        for (int k = first; k <= last; k++)
        {
            int code = table.Next(this), zeros = code >> 4, size = code & 15;
            if (size == 0)
            {
                if (zeros < 15)
                {
                    blocksWithoutMore = (1 << zeros) + (zeros > 0 ? Bits(zeros) : 0) - 1;
                    return;
                }
                k += 15;
                continue;
            }
            k += zeros;
            if (k > 63) throw new FormatException("JPEG: more coefficients than a block has");
            block[Jpeg.Zigzag[k]] = (short)(Signed(size) << low);
        }
    }

    /// <summary>Another bit of the coefficients that are not 0, and new ones of size 1 among the others.</summary>
    void Refine(Jpeg.Plane plane, Span<short> block)
    {
        int bit = 1 << Low, k = First;
        if (blocksWithoutMore == 0)
        {
            var table = Table(ac, plane.AcTable);
            for (; k <= Last; k++)
            {
                int code = table.Next(this), zeros = code >> 4, added = 0;
                if ((code & 15) != 0) added = Bits(1) == 1 ? bit : -bit;
                else if (zeros < 15)
                {
                    blocksWithoutMore = (1 << zeros) + (zeros > 0 ? Bits(zeros) : 0);
                    break;
                }
                for (; k <= Last; k++)
                {
                    ref short coefficient = ref block[Jpeg.Zigzag[k]];
                    if (coefficient != 0) Sharpen(ref coefficient, bit);
                    else if (zeros-- == 0)
                    {
                        coefficient = (short)added;
                        break;
                    }
                }
            }
        }
        if (blocksWithoutMore == 0) return;
        for (; k <= Last; k++)
            if (block[Jpeg.Zigzag[k]] != 0) Sharpen(ref block[Jpeg.Zigzag[k]], bit);
        blocksWithoutMore--;
    }

    void Sharpen(ref short coefficient, int bit)
    {
        if (Bits(1) == 1 && (coefficient & bit) == 0) coefficient += (short)(coefficient > 0 ? bit : -bit);
    }
}
