using System.Buffers.Binary;

namespace Ingot.Onnx.Images;

/// <summary>Sound as a model takes it, from RIFF WAVE files of 8, 16, 24 or 32 bits or of floats.</summary>
static class WavFile
{
    /// <summary>Samples from -1 to 1, channels averaged.</summary>
    /// <exception cref="FormatException">Not such a file.</exception>
    public static float[] Read(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        if (file.Length < 12 || !file.AsSpan(0, 4).SequenceEqual("RIFF"u8) || !file.AsSpan(8, 4).SequenceEqual("WAVE"u8)) throw new FormatException($"{path} is not a WAVE file");
        int kind = 0, channels = 0, bits = 0;
        for (int at = 12; at + 8 <= file.Length;)
        {
            long length = Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 4)), file.Length - at - 8);
            var chunk = file.AsSpan(at + 8, (int)length);
            if (file.AsSpan(at, 4).SequenceEqual("fmt "u8) && length >= 16)
            {
                kind = BinaryPrimitives.ReadUInt16LittleEndian(chunk);
                channels = BinaryPrimitives.ReadUInt16LittleEndian(chunk[2..]);
                bits = BinaryPrimitives.ReadUInt16LittleEndian(chunk[14..]);
                if (kind == 0xFFFE && length >= 26) kind = BinaryPrimitives.ReadUInt16LittleEndian(chunk[24..]); // the extensible form says it further on
            }
            else if (file.AsSpan(at, 4).SequenceEqual("data"u8)) return Samples(path, chunk, kind, channels, bits);
            at = (int)Math.Min(int.MaxValue - 8, at + 8 + length + (length & 1));
        }
        throw new FormatException($"{path} has no samples");
    }

    static float[] Samples(string path, ReadOnlySpan<byte> data, int kind, int channels, int bits)
    {
        if (channels == 0 || kind is not (1 or 3) || bits is not (8 or 16 or 24 or 32) || (kind == 3 && bits != 32))
            throw new FormatException($"{path} is of format {kind} with {bits} bits in {channels} channels; whole numbers of 8 to 32 bits or floats are read");
        int size = bits / 8, frames = data.Length / (size * channels);
        var samples = new float[frames];
        for (int i = 0; i < frames; i++)
        {
            double sum = 0;
            for (int c = 0; c < channels; c++)
            {
                var s = data[(((i * channels) + c) * size)..];
                sum += kind == 3 ? BinaryPrimitives.ReadSingleLittleEndian(s) : size switch
                {
                    1 => (s[0] - 128) / 128.0,
                    2 => BinaryPrimitives.ReadInt16LittleEndian(s) / 32768.0,
                    3 => ((s[0] << 8 | s[1] << 16 | s[2] << 24) >> 8) / 8388608.0,
                    _ => BinaryPrimitives.ReadInt32LittleEndian(s) / 2147483648.0,
                };
            }
            samples[i] = (float)(sum / channels);
        }
        return samples;
    }
}
