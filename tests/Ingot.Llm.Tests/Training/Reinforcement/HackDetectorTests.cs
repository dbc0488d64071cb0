using Ingot.Llm.Training;

namespace Ingot.Llm.Tests.Training.Reinforcement;

public class HackDetectorTests
{
    [Fact]
    public void Observe_RewardUpCheckDown_Warns()
    {
        var detector = new HackDetector();
        detector.Observe(0, 0.4, 0.03, 0.5, 400).ShouldBeNull();
        detector.Observe(10, 0.5, 0.03, 0.48, 400).ShouldBeNull(); // within chance
        detector.Observe(20, 0.8, 0.03, 0.3, 400)!.ShouldContain("from step 0 to 20 the reward rose from 0.400 to 0.800");
    }

    [Theory]
    [InlineData(0.8, 0.6)]  // both up
    [InlineData(0.2, 0.2)]  // both down
    [InlineData(0.8, 0.45)] // the check's fall is chance
    [InlineData(0.41, 0.1)] // the reward's rise is chance
    public void Observe_OtherChanges_AreNoHack(double reward, double check)
    {
        var detector = new HackDetector();
        detector.Observe(0, 0.4, 0.03, 0.5, 100);
        detector.Observe(10, reward, 0.03, check, 100).ShouldBeNull();
    }

    [Fact]
    public void Observe_NoiseAlone_SeldomWarns()
    {
        var random = new Random(3);
        double Noise(double mean, double error) => mean + error * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        int warned = 0;
        for (int run = 0; run < 300; run++)
        {
            var detector = new HackDetector();
            bool any = false;
            for (int i = 0; i < 20; i++) any |= detector.Observe(i, Noise(0.5, 0.05), 0.05, Enumerable.Range(0, 100).Count(_ => random.Next(2) == 0) / 100.0, 100) is not null;
            if (any) warned++;
        }
        warned.ShouldBeLessThan(6);
    }

    [Fact]
    public void Observe_OldChecks_AreForgotten()
    {
        var detector = new HackDetector(window: 2);
        detector.Observe(0, 0.1, 0.01, 0.9, 400);
        detector.Observe(1, 0.8, 0.01, 0.2, 400).ShouldNotBeNull();
        detector.Observe(2, 0.8, 0.01, 0.2, 400).ShouldNotBeNull();
        detector.Observe(3, 0.8, 0.01, 0.2, 400).ShouldBeNull();
    }
}
