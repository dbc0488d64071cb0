using Ingot.Onnx.Conformance;

namespace Ingot.Onnx.Tests.Operators;

/// <summary>The cases of the elementwise, shape, reduction, normalization, signal, picture and optimizer operators that fail, each with its reason: no more and no fewer.</summary>
public sealed class OperatorMissesTests
{
    static readonly Dictionary<string, string> Misses = new()
    {
        ["test_image_decoder_decode_jpeg2k_rgb"] = "JPEG 2000 is not decoded",
        ["test_image_decoder_decode_webp_rgb"] = "WebP is not decoded",
        ["test_gradient_of_add_and_mul"] = "Gradient needs the graph before its node again, which a run does not keep",
    };

    /// <summary>Cases of operators that are tested elsewhere.</summary>
    static readonly string[] Elsewhere =
    [
        "attention", "conv", "pool", "cast", "lstm", "gru", "rnn", "resize", "sequence", "optional", "string", "strn", "quant", "roialign", "gridsample", "affine_grid", "ai_onnx_ml", "loop", "scan", "if_",
        "regex", "tfidf", "rotary", "matmulinteger", "maxunpool", "upsample", "softmax_cross", "sce_", "identity_opt",
    ];

    [Fact]
    public void Cases_AllButTheListed_Pass()
    {
        var run = new ConformanceRun(ConformanceRun.ReadSpecial(SharedData.Path("onnx-conformance-special.txt")), null, TimeSpan.FromSeconds(60));
        var cases = ConformanceSuite.Read(SharedData.Path("onnx-conformance.tar.gz"))
            .Where(c => c.Group is "node" or "simple" && !Elsewhere.Any(c.Name.Contains) && !c.Name.Contains("_expanded", StringComparison.Ordinal)).ToList();
        cases.Count.ShouldBeGreaterThan(400);
        var failed = cases.Select(run.Run).Where(r => !r.Passed).ToList();
        failed.Select(r => r.Name).Order().ShouldBe(Misses.Keys.Order(), string.Join("\n", failed.Select(r => $"{r.Name}: {r.Failure}")));
    }
}
