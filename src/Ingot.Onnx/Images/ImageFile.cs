namespace Ingot.Onnx.Images;

/// <summary>Pictures from files: PNG, BMP, JPEG, TIFF, PNM.</summary>
static class ImageFile
{
    /// <summary>(height, width, channels) as uint8; 1 channel for grey, 3 for colour, transparency dropped.</summary>
    /// <exception cref="FormatException">Not such a file.</exception>
    public static Tensor Read(string path)
    {
        Picture picture;
        try { picture = Picture.Decode(File.ReadAllBytes(path)); }
        catch (FormatException e) { throw new FormatException($"{path}: {e.Message}", e); }
        return Tensor.From(picture.Pixels, picture.Height, picture.Width, picture.Channels);
    }
}
