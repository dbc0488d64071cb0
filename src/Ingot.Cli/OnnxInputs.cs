using Ingot.Formats;
using Ingot.Onnx;

namespace Ingot.Cli;

/// <summary>Inputs of a model from files, and random ones for those not given.</summary>
static class OnnxInputs
{
    public static Dictionary<string, OnnxValue> Make(OnnxModel model, IReadOnlyList<string> files, IReadOnlyList<string> shapes)
    {
        var inputs = new Dictionary<string, OnnxValue>(StringComparer.Ordinal);
        var given = Pairs(shapes, "--shape");
        foreach (var (name, file) in Pairs(files, "--input"))
        {
            var info = model.Inputs.FirstOrDefault(i => i.Name == name) ?? throw new IngotException($"the model has no input '{name}'; it has {string.Join(", ", model.Inputs.Select(i => i.Name))}");
            inputs[name] = Read(file, info);
        }
        var random = new Random(1);
        foreach (var info in model.Inputs)
            if (!inputs.ContainsKey(info.Name)) inputs[info.Name] = Any(info, given, random);
        return inputs;
    }

    static Dictionary<string, string> Pairs(IReadOnlyList<string> texts, string option)
    {
        var pairs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var text in texts)
        {
            int at = text.LastIndexOf('=');
            pairs[at > 0 ? text[..at] : throw new IngotException($"{option} takes NAME=VALUE, not '{text}'")] = text[(at + 1)..];
        }
        return pairs;
    }

    static OnnxTensor Read(string file, OnnxValueInfo info)
    {
        if (info.Type is not OnnxType.TensorOf type) throw new IngotException($"the input '{info.Name}' is {info.Type}, which no file holds");
        if (!File.Exists(file)) throw new IngotException($"there is no file {file}");
        var bytes = Path.GetExtension(file).ToLowerInvariant();
        var tensor = bytes switch
        {
            ".npy" => Npy.Load(file),
            ".png" or ".ppm" or ".pgm" => Picture(file, type),
            ".wav" => Sound(file, type),
            _ => throw new IngotException($"{file}: an input is read from .npy, .png, .ppm, .pgm or .wav"),
        };
        return new(tensor.To(type.DType.Storage), type.DType);
    }

    /// <summary>(1, C, H, W), or (1, H, W, C) where the model's last dimension is that of the channels; 0 to 1 for floats, 0 to 255 for integers.</summary>
    static Tensor Picture(string file, OnnxType.TensorOf type)
    {
        var pixels = Onnx.Images.ImageFile.Read(file); // (H, W, C)
        bool isLast = type.Shape is { Count: 4 } s && s[3].Value is 1 or 3 && s[1].Value is not (1 or 3);
        var channels = (isLast ? type.Shape![3] : type.Shape is { Count: >= 3 } t ? t[^3] : default).Value;
        if (channels == 1 && pixels.Size(2) == 3) pixels = pixels.To(DType.F32).Mean(2, keepDim: true).Round().To(DType.U8);
        if (channels == 3 && pixels.Size(2) == 1) pixels = pixels.Expand([pixels.Size(0), pixels.Size(1), 3]);
        var laid = isLast ? pixels : pixels.Permute([2, 0, 1]);
        if (type.Shape is null || type.Shape.Count == 4) laid = laid.Unsqueeze(0);
        return type.DType.Storage.IsFloat ? laid.To(DType.F32) / 255 : laid;
    }

    /// <summary>Samples from -1 to 1, channels averaged: (N,) or (1, N), as many dimensions as the input has.</summary>
    static Tensor Sound(string file, OnnxType.TensorOf type)
    {
        var samples = Onnx.Images.WavFile.Read(file);
        int rank = type.Shape?.Count ?? 1;
        var shape = Enumerable.Repeat(1, Math.Max(rank, 1)).ToArray();
        shape[^1] = samples.Length;
        if (type.Shape is [.., { Value: { } length }] && length < samples.Length) (samples, shape[^1]) = (samples[..(int)length], (int)length);
        return Tensor.From(samples, shape);
    }

    static OnnxTensor Any(OnnxValueInfo info, Dictionary<string, string> shapes, Random random)
    {
        if (info.Type is not OnnxType.TensorOf { DType: not OnnxDType.String } type) throw new IngotException($"the input '{info.Name}' is {info.Type} and has to be given with --input");
        int[] shape = shapes.TryGetValue(info.Name, out var text) ? Array.ConvertAll(text.Split(','), Extent)
            : type.Shape is null ? [] : [.. type.Shape.Select(d => d.Value is { } v ? (int)v : d.Name is { } n && shapes.TryGetValue(n, out var symbol) ? Extent(symbol) : 1)];
        int count = shape.Aggregate(1, (a, b) => checked(a * b));
        var values = new float[count];
        for (int i = 0; i < count; i++) values[i] = type.DType.Storage.IsFloat ? (float)random.NextDouble() : random.Next(2);
        return new(Tensor.From(values, [count]).Reshape(shape).To(type.DType.Storage), type.DType);
    }

    static int Extent(string text) => int.TryParse(text, out int n) && n >= 0 ? n : throw new IngotException($"--shape takes whole numbers, not '{text}'");
}
