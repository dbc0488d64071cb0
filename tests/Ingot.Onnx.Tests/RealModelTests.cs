using System.IO.Compression;
using System.Text.Json;

namespace Ingot.Onnx.Tests;

public sealed class RealModelTests
{
    static JsonElement Golden(string model) => JsonDocument.Parse(File.ReadAllText(SharedData.Path("models/model-golden.json"))).RootElement.GetProperty("models").EnumerateArray().First(m => m.GetProperty("model").GetString() == model);

    static float[] Floats(JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetSingle())];

    static void Close(float[] actual, float[] expected, float tolerance = 1e-3f)
    {
        actual.Length.ShouldBe(expected.Length);
        float scale = expected.Max(Math.Abs);
        for (int i = 0; i < actual.Length; i++) Math.Abs(actual[i] - expected[i]).ShouldBeLessThanOrEqualTo(tolerance * Math.Max(Math.Abs(expected[i]), 0.01f * scale) + 1e-7f, $"element {i}: {actual[i]} instead of {expected[i]}");
    }

    [Fact]
    public void Mnist8_TestImages_AreReadAsOnnxRuntimeReadsThem()
    {
        var model = OnnxModel.Load(SharedData.Path("models/mnist-8.onnx"));
        byte[] images = Unpacked("mnist/t10k-images-idx3-ubyte.gz"), labels = Unpacked("mnist/t10k-labels-idx1-ubyte.gz");
        var expected = Golden("mnist-8.onnx").GetProperty("logits_first_16_images").EnumerateArray().Select(Floats).ToArray();
        int right = 0;
        for (int i = 0; i < 1000; i++)
        {
            var pixels = Array.ConvertAll(images[(16 + (784 * i))..(16 + (784 * (i + 1)))], b => (float)b);
            var scores = Scores(model.Run(("Input3", Tensor.From(pixels, 1, 1, 28, 28))));
            if (i < expected.Length) Close(scores, expected[i]);
            if (Array.IndexOf(scores, scores.Max()) == labels[8 + i]) right++;
        }
        right.ShouldBeInRange(980, 1000); // 98.91 % of all
    }

    static float[] Scores(IReadOnlyDictionary<string, OnnxValue> outputs) => ((OnnxTensor)outputs.Values.First()).Tensor.ToArray<float>();

    static byte[] Unpacked(string name)
    {
        using var stream = new GZipStream(File.OpenRead(SharedData.Path(name)), CompressionMode.Decompress);
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        return memory.ToArray();
    }

    [Fact]
    public void SileroVad_Speech_GivesTheGoldenProbabilities()
    {
        var model = OnnxModel.Load(SharedData.Path("models/silero_vad_v5.onnx"));
        var expected = Floats(Golden("silero_vad_v5.onnx").GetProperty("speech_probability_per_chunk"));
        var samples = Images.WavFile.Read(SharedData.Path("models/speech-en-16k.wav"));
        OnnxValue state = Tensor.Zeros(2, 1, 128), rate = Tensor.Scalar(16000L);
        var probabilities = new List<float>();
        var before = new float[64];
        for (int at = 0; at + 512 <= samples.Length && probabilities.Count < expected.Length; at += 512)
        {
            var chunk = samples[at..(at + 512)];
            var outputs = model.Run(("input", Tensor.From([.. before, .. chunk], 1, 576)), ("state", state), ("sr", rate));
            probabilities.Add(((OnnxTensor)outputs["output"]).Tensor.Item<float>());
            state = outputs["stateN"];
            before = chunk[^64..];
        }
        Close([.. probabilities], expected);
    }

    [Theory]
    [InlineData("ch_ppocr_mobile_v2.0_cls_infer.onnx")]
    [InlineData("ch_PP-OCRv4_det_infer.onnx")]
    [InlineData("ch_PP-OCRv4_rec_infer.onnx")]
    [InlineData("melspectrogram.onnx")]
    [InlineData("embedding_model.onnx")]
    public void Model_GeneratedInput_GivesTheGoldenOutput(string name)
    {
        var golden = Golden(name);
        var model = OnnxModel.Load(Find(name));
        var inputs = golden.GetProperty("inputs").EnumerateArray().ToDictionary(i => i.GetProperty("name").GetString()!, Generated);
        var outputs = model.Run(inputs);
        foreach (var output in golden.GetProperty("outputs").EnumerateObject())
        {
            var tensor = ((OnnxTensor)outputs[output.Name]).Tensor;
            tensor.Shape.ToArray().ShouldBe([.. output.Value.GetProperty("shape").EnumerateArray().Select(d => d.GetInt32())]);
            var values = tensor.ToArray<float>();
            int[] at = [.. output.Value.GetProperty("sample_index").EnumerateArray().Select(i => i.GetInt32())];
            Close(Array.ConvertAll(at, i => values[i]), Floats(output.Value.GetProperty("sample")), 2e-3f);
            double sum = output.Value.GetProperty("sum").GetDouble();
            Math.Abs(values.Sum(v => (double)v) - sum).ShouldBeLessThanOrEqualTo(1e-3 * output.Value.GetProperty("abs_sum").GetDouble() + 1e-9 * values.Length); // ONNX Runtime's sigmoid is 0 where the true one is 1e-10
            Array.IndexOf(values, values.Max()).ShouldBe(output.Value.GetProperty("argmax").GetInt32());
        }
    }

    /// <summary>A model of the test data, or in the folder that INGOT_ONNX_MODELS names: some come from npm.</summary>
    static string Find(string name)
    {
        if (Environment.GetEnvironmentVariable("INGOT_ONNX_MODELS") is { Length: > 0 } folder && Path.Combine(folder, name) is var path && File.Exists(path)) return path;
        return SharedData.Path("models/" + name);
    }

    static OnnxValue Generated(JsonElement input)
    {
        int[] shape = [.. input.GetProperty("shape").EnumerateArray().Select(d => d.GetInt32())];
        double lo = input.GetProperty("lo").GetDouble(), hi = input.GetProperty("hi").GetDouble();
        ulong s = input.GetProperty("seed").GetUInt64();
        var values = new float[shape.Aggregate(1, (a, b) => a * b)];
        for (int i = 0; i < values.Length; i++)
        {
            s = unchecked((s * 6364136223846793005UL) + 1442695040888963407UL);
            values[i] = (float)(lo + ((hi - lo) * (s >> 40) / (1 << 24)));
        }
        return Tensor.From(values, shape);
    }
}
