namespace Ingot.Onnx.Images;

/// <summary>Pictures from PNM files.</summary>
static class ImageFile
{
    /// <summary>(height, width, channels) as uint8; 1 channel for grey, 3 for colour, transparency dropped.</summary>
    /// <exception cref="FormatException">Not such a file.</exception>
    public static Tensor Read(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        var (pixels, height, width, channels) = Pnm.Decode(file, path);
        return Tensor.From(pixels, height, width, channels);
    }
}
