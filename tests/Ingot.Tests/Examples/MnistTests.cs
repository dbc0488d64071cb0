using System.Diagnostics;
using System.IO.Compression;
using Ingot.Nn;

namespace Ingot.Tests.Examples;

/// <summary>A whole program, as a user would write it: a convolutional network that learns to read digits.</summary>
public class MnistTests(ITestOutputHelper output)
{
    /// <summary>Trains on 10,000 digits and returns the fraction of the test digits that are read correctly.</summary>
    static double TrainAndTest(byte[] images, byte[] labels, byte[] testImages, byte[] testLabels, int epochs)
    {
        const int batch = 100, pixels = 28 * 28;
        Tensor.ManualSeed(1);
        var model = new Sequential
        {
            new Conv2d(1, 16, 5, stride: 2), x => x.Relu(), // (N, 16, 12, 12)
            new Conv2d(16, 32, 3), x => x.Relu(),           // (N, 32, 10, 10)
            x => x.AvgPool2d(2).Flatten(1), new Linear(800, 10),
        };
        var optimizer = new AdamW(Module.Parameters(model), Schedules.WarmupCosine(4e-3, warmup: 0.15), weightDecay: 0.05);
        var loader = new DataLoader<(Tensor X, Tensor Y)>(labels.Length, batch, numbers => Batch(images, labels, numbers), shuffleSeed: 1);
        int step = 0;
        for (int epoch = 0; epoch < epochs; epoch++)
            foreach (var (x, y) in loader)
            {
                optimizer.ZeroGrad();
                model.Forward(x).CrossEntropy(y).Backward();
                optimizer.Step((double)step++ / (epochs * loader.Batches));
            }

        using var noGrad = new NoGrad();
        int correct = 0;
        foreach (var (x, y) in new DataLoader<(Tensor X, Tensor Y)>(testLabels.Length, 1000, numbers => Batch(testImages, testLabels, numbers)))
            correct += model.Forward(x).ArgMax(1).Eq(y).Sum().Item<int>();
        return (double)correct / testLabels.Length;

        static (Tensor X, Tensor Y) Batch(byte[] images, byte[] labels, int[] numbers) =>
            (Tensor.From<float>([.. numbers.SelectMany(i => new ArraySegment<byte>(images, i * pixels, pixels)).Select(b => b / 255f)], numbers.Length, 1, 28, 28), Tensor.From<int>([.. numbers.Select(i => (int)labels[i])]));
    }

    /// <summary>Eight epochs: some 10 seconds on two quiet cores.</summary>
    [Fact]
    public void Network_TenThousandDigits_LearnsToRead()
    {
        byte[] images = Read("train10k-images-idx3-ubyte.gz", 16), labels = Read("train10k-labels-idx1-ubyte.gz", 8);
        byte[] testImages = Read("t10k-images-idx3-ubyte.gz", 16), testLabels = Read("t10k-labels-idx1-ubyte.gz", 8);
        (images.Length, labels.Length, testImages.Length, testLabels.Length).ShouldBe((7_840_000, 10_000, 7_840_000, 10_000));
        var clock = Stopwatch.StartNew();
        double accuracy = TrainAndTest(images, labels, testImages, testLabels, epochs: 8);
        output.WriteLine($"{100 * accuracy:F2}% in {clock.Elapsed.TotalSeconds:F1} s");
        accuracy.ShouldBeGreaterThanOrEqualTo(0.975);
    }

    /// <summary>The payload of a gzipped IDX file.</summary>
    static byte[] Read(string name, int header)
    {
        for (var d = new DirectoryInfo(AppContext.BaseDirectory); d is not null; d = d.Parent)
        {
            var path = Path.Combine(d.FullName, "shared", "data", "mnist", name);
            if (!File.Exists(path)) continue;
            using var file = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
            var bytes = new MemoryStream();
            file.CopyTo(bytes);
            return bytes.ToArray()[header..];
        }
        Assert.Skip("no data");
        return []; // Skip throws
    }
}
