namespace Ingot.Tests.Golden;

/// <summary>Ingot against PyTorch's numbers, forward and backward, in every way of execution.</summary>
public class GoldenTests
{
    public static TheoryData<string, Way> Cases
    {
        get
        {
            var data = new TheoryData<string, Way>();
            foreach (string name in GoldenFile.Cases.Keys)
                foreach (var way in Enum.GetValues<Way>()) data.Add(name, way);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Operator_GoldenCase_GivesPyTorchsNumbers(string name, Way way) => Differences(name, way).ShouldBe("");

    /// <summary>What a case gives that PyTorch does not; empty if nothing.</summary>
    internal static string Differences(string name, Way way)
    {
        var golden = GoldenFile.Cases[name];
        var inputs = golden.Inputs.Select(i => i?.ToTensor()).ToArray();
        var wanted = new List<(int Input, Tensor Tensor)>();
        for (int i = 0; i < golden.Gradients.Count; i++)
        {
            if (golden.Gradients[i] is null) continue;
            inputs[i]!.RequiresGrad = true;
            wanted.Add((i, inputs[i]!));
        }

        var outputs = GoldenOps.Table[golden.Op](new(inputs, golden.Attributes));
        outputs.Length.ShouldBe(golden.Outputs.Count, "number of outputs");
        var computed = new List<(string What, Tensor Tensor, GoldenTensor Expected)>();
        for (int i = 0; i < outputs.Length; i++) computed.Add(($"output {i}", outputs[i], golden.Outputs[i]!));

        if (wanted.Count > 0)
        {
            bool second = golden.SecondGradients.Count > 0;
            var leaves = wanted.ConvertAll(w => w.Tensor);
            var gradients = Weighted(outputs) is { } sum ? Tensor.GradOf(sum, leaves, createGraph: second) : leaves.Select(Tensor.ZerosLike).ToArray();
            for (int i = 0; i < wanted.Count; i++) computed.Add(($"gradient of input {wanted[i].Input}", gradients[i], golden.Gradients[wanted[i].Input]!));
            if (second)
            {
                var again = Tensor.GradOf(Weighted([gradients[0]]).ShouldNotBeNull(), leaves);
                for (int i = 0; i < wanted.Count; i++)
                    if (golden.SecondGradients[wanted[i].Input] is { } expected) computed.Add(($"second gradient of input {wanted[i].Input}", again[i], expected));
            }
        }

        var values = way.Run([.. computed.Select(c => c.Tensor)]);
        var wrong = computed.Zip(values)
            .Select(c => (c.First.What, Difference: Closeness.Difference(c.Second, c.First.Expected.Values, golden.ToleranceFactor, golden.ComparesSignOfZero && c.First.What[0] == 'o')))
            .Where(c => c.Difference is not null)
            .Select(c => $"{c.What}: {c.Difference}");
        return string.Join("; ", wrong);
    }

    [Fact]
    public void Operators_EveryGoldenCase_HasAMapping() =>
        GoldenFile.Cases.Values.Select(c => c.Op).Distinct().Where(op => !GoldenOps.Table.ContainsKey(op)).ShouldBeEmpty();

    [Fact]
    public void Combinations_OfOperatorAndAttributes_AreMoreThanThreeHundred() =>
        GoldenFile.Cases.Values.Select(c => c.Combination).Distinct().Count().ShouldBeGreaterThanOrEqualTo(300);

    [Fact]
    public void Combinations_WithGradients_AreMoreThanThreeHundred() =>
        GoldenFile.Cases.Values.Where(c => c.Gradients.Count > 0).Select(c => c.Combination).Distinct().Count().ShouldBeGreaterThanOrEqualTo(300);

    /// <summary>sum(output * weight) over the outputs a gradient flows through; the weights are those of table.py. Null if there is none: all gradients are zero then.</summary>
    static Tensor? Weighted(IEnumerable<Tensor> outputs)
    {
        Tensor? sum = null;
        foreach (var o in outputs.Where(o => o.DType.IsFloat && o.RequiresGrad))
        {
            double[] weights = [.. Enumerable.Range(0, (int)o.Count).Select(i => ((5 * i + 3) % 17 - 7.75) / 4)];
            var term = (o * Tensor.From(weights, o.Shape.Span).To(o.DType)).Sum();
            sum = sum is null ? term : sum + term;
        }
        return sum;
    }
}
