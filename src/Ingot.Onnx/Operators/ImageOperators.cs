using Ingot.Onnx.Images;

namespace Ingot.Onnx.Operators;

/// <summary>Pictures from the bytes of their files.</summary>
static class ImageOperators
{
    /// <summary>(height, width, channels) of uint8 in the order asked for. PNG, BMP, JPEG, TIFF and PNM are decoded; WebP and JPEG 2000 are not.</summary>
    [OnnxOperator("ImageDecoder", Since = 20)]
    static Tensor ImageDecoder(OperatorCall c)
    {
        var decoded = Picture.Decode(c.Constant<byte>(0));
        var picture = c.Text("pixel_format", "RGB") switch
        {
            "RGB" => decoded.Colour(),
            "BGR" => decoded.Reversed(),
            "Grayscale" => decoded.Grey(),
            var other => throw c.Bad($"pixel_format '{other}' is not RGB, BGR or Grayscale"),
        };
        return Tensor.From(picture.Pixels, picture.Height, picture.Width, picture.Channels);
    }
}
