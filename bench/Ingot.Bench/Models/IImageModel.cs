using Ingot.Nn;

namespace Ingot.Bench.Models;

/// <summary>A classifier of 224 x 224 images that counts its work.</summary>
interface IImageModel : ILayer
{
    /// <summary>Of the latest call, in convolutions and the last layer.</summary>
    double MultiplyAdds { get; }
}
