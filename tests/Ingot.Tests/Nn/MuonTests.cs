using Ingot.Nn;

namespace Ingot.Tests.Nn;

/// <summary>Muon against the same steps written as loops over matrices of doubles.</summary>
public class MuonTests
{
    static double[,] Random(int rows, int columns, int seed)
    {
        var random = new Random(seed);
        var m = new double[rows, columns];
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++) m[i, j] = random.NextDouble() * 2 - 1;
        return m;
    }

    static double[,] Map(double[,] a, Func<int, int, double> value)
    {
        var m = new double[a.GetLength(0), a.GetLength(1)];
        for (int i = 0; i < m.GetLength(0); i++)
            for (int j = 0; j < m.GetLength(1); j++) m[i, j] = value(i, j);
        return m;
    }

    static double[,] Product(double[,] a, double[,] b)
    {
        var m = new double[a.GetLength(0), b.GetLength(1)];
        for (int i = 0; i < m.GetLength(0); i++)
            for (int j = 0; j < m.GetLength(1); j++)
                for (int k = 0; k < a.GetLength(1); k++) m[i, j] += a[i, k] * b[k, j];
        return m;
    }

    static double[,] Transposed(double[,] a)
    {
        var m = new double[a.GetLength(1), a.GetLength(0)];
        for (int i = 0; i < m.GetLength(0); i++)
            for (int j = 0; j < m.GetLength(1); j++) m[i, j] = a[j, i];
        return m;
    }

    static double Norm(double[,] a) => Math.Sqrt(a.Cast<double>().Sum(x => x * x));

    /// <summary>Always by the Gram matrix of the rows: the same in exact arithmetic as by that of the columns.</summary>
    static double[,] Orthogonal(double[,] g, MuonForm form)
    {
        int rows = g.GetLength(0), columns = g.GetLength(1);
        var x = g;
        if (form.EquilibratesRows)
        {
            double target = Norm(g) / Math.Sqrt(rows);
            x = Map(g, (i, j) => g[i, j] * target / Math.Max(1e-6, Math.Sqrt(Enumerable.Range(0, columns).Sum(k => g[i, k] * g[i, k]))));
        }
        double norm = Norm(x) * form.Safety + 1e-7;
        var scaled = x;
        x = Map(x, (i, j) => scaled[i, j] / norm);
        foreach (var (a, b, c) in form.Iterations)
        {
            double[,] gram = Product(x, Transposed(x)), square = Product(gram, gram);
            var turned = Product(Map(gram, (i, j) => b * gram[i, j] + c * square[i, j]), x);
            var before = x;
            x = Map(x, (i, j) => a * before[i, j] + turned[i, j]);
        }
        if (!form.RestoresNorm) return x;
        double restored = Math.Sqrt(Math.Min(rows, columns)) / Norm(x);
        var unscaled = x;
        return Map(x, (i, j) => unscaled[i, j] * restored);
    }

    [Theory]
    [InlineData(5, 9, false, true, 0.1), InlineData(9, 5, false, false, 0.1), InlineData(6, 6, false, true, 0)]
    [InlineData(5, 9, true, true, 0.1), InlineData(9, 5, true, true, 0.1), InlineData(6, 6, true, false, 0)]
    public void Muon_ThreeSteps_MatchesTheLoops(int rows, int columns, bool isNanochat, bool nesterov, double decay)
    {
        var form = isNanochat ? MuonForm.Nanochat : MuonForm.Jordan;
        var x = Random(rows, columns, 1);
        var p = Tensor.From(x).WithGrad();
        var rate = Schedules.Linear(0.5, 0.1);
        var optimizer = new Muon([p], rate, 0.9, nesterov, decay, form, beta2: 0.8);
        var mean = new double[rows, columns];
        var squares = new double[rows >= columns ? rows : columns];
        for (int t = 0; t < 3; t++)
        {
            var slope = Random(rows, columns, 10 + t);
            optimizer.ZeroGrad();
            (p * Tensor.From(slope)).Sum().Backward();
            optimizer.Step(t / 2.0);

            double lr = 0.5 - 0.4 * t / 2;
            mean = Map(mean, (i, j) => 0.9 * mean[i, j] + 0.1 * slope[i, j]);
            var step = Orthogonal(nesterov ? Map(mean, (i, j) => 0.1 * slope[i, j] + 0.9 * mean[i, j]) : mean, form);
            if (form.EvensOutNeurons)
            {
                bool byRow = rows >= columns;
                int length = byRow ? columns : rows;
                double[] now = [.. Enumerable.Range(0, squares.Length).Select(n => Enumerable.Range(0, length).Average(k => Math.Pow(byRow ? step[n, k] : step[k, n], 2)))];
                squares = [.. squares.Zip(now, (s, n) => 0.8 * s + 0.2 * n)];
                double ratio = Math.Sqrt(now.Sum()) / Math.Sqrt(now.Zip(squares, (n, s) => n / s).Sum());
                var plain = step;
                step = Map(step, (i, j) => plain[i, j] / Math.Sqrt(squares[byRow ? i : j]) * ratio);
            }
            double longer = Math.Sqrt(Math.Max(1, (double)rows / columns));
            var before = x;
            x = Map(x, (i, j) => before[i, j] - lr * longer * step[i, j]
                - (form.IsDecayCautious ? step[i, j] * before[i, j] >= 0 ? lr * longer * decay * before[i, j] : 0 : lr * decay * before[i, j]));
        }
        double[] expected = [.. x.Cast<double>()], actual = p.ToArray<double>();
        for (int i = 0; i < expected.Length; i++) actual[i].ShouldBe(expected[i], 1e-9);
    }

    [Fact]
    public void Muon_OneStep_MovesEveryDirectionAboutEquallyFar()
    {
        // A gradient whose directions differ by a thousand; the step's are all near 1, within what Jordan's quintic leaves.
        var p = Tensor.Zeros([4, 4], DType.F64).WithGrad();
        var optimizer = new Muon([p], 1.0, momentum: 0.0, nesterov: false);
        (p * Tensor.From(new double[,] { { 1, 0, 0, 0 }, { 0, 0.1, 0, 0 }, { 0, 0, 0.03, 0 }, { 0, 0, 0, 0.01 } })).Sum().Backward();
        optimizer.Step();
        var moved = p.ToArray<double>();
        for (int i = 0; i < 4; i++) (-moved[5 * i]).ShouldBeInRange(0.65, 1.3);
    }

    [Fact]
    public void Muon_ZeroGradient_ChangesNothing()
    {
        foreach (var form in new[] { MuonForm.Jordan, MuonForm.Nanochat })
        {
            var p = Tensor.From(new float[,] { { 1, 2 }, { 3, 4 }, { 5, 6 } }).WithGrad();
            var optimizer = new Muon([p], form: form);
            (p * 0).Sum().Backward();
            optimizer.Step();
            p.ToArray<float>().ShouldBe([1, 2, 3, 4, 5, 6]);
        }
    }

    [Fact]
    public void Muon_KernelOfAConvolution_IsAMatrixOfItsOutputs()
    {
        var values = Random(4, 18, 2);
        var flat = Tensor.From(values).WithGrad();
        var kernel = Tensor.From(values).Reshape(4, 2, 3, 3).Realize().WithGrad();
        foreach (var p in new[] { flat, kernel })
        {
            (p.Square() * 0.5).Sum().Backward();
            new Muon([p]).Step();
        }
        kernel.ToArray<double>().ShouldBe(flat.ToArray<double>(), 1e-12);
    }

    [Fact]
    public void Muon_Vector_IsRefused() =>
        Should.Throw<ShapeException>(() => new Muon([Tensor.Zeros(3).WithGrad()])).Message.ShouldContain("AdamW");

    static (Tensor Matrix, Tensor Vector, CombinedOptimizer Optimizer) Model()
    {
        var matrix = Tensor.From(Random(4, 6, 3)).WithGrad();
        var vector = Tensor.From([1.0, -1, 2]).WithGrad();
        return (matrix, vector, new(new Muon([matrix], form: MuonForm.Nanochat), new AdamW([vector], 0.1)));
    }

    static void Train(Tensor matrix, Tensor vector, CombinedOptimizer optimizer, int from, int to)
    {
        for (int t = from; t < to; t++)
        {
            optimizer.ZeroGrad();
            (matrix * Tensor.From(Random(4, 6, t))).Sum().Backward();
            (vector.Square() * (t + 1)).Sum().Backward();
            optimizer.Step();
        }
    }

    [Fact]
    public void Combined_ManySteps_EachPartMovesAsItWouldAlone()
    {
        var (matrix, vector, optimizer) = Model();
        Train(matrix, vector, optimizer, 0, 3);

        var (aloneMatrix, aloneVector, _) = Model();
        var muon = new Muon([aloneMatrix], form: MuonForm.Nanochat);
        var adam = new AdamW([aloneVector], 0.1);
        for (int t = 0; t < 3; t++)
        {
            aloneMatrix.ZeroGrad();
            aloneVector.ZeroGrad();
            (aloneMatrix * Tensor.From(Random(4, 6, t))).Sum().Backward();
            (aloneVector.Square() * (t + 1)).Sum().Backward();
            muon.Step();
            adam.Step();
        }
        matrix.ToArray<double>().ShouldBe(aloneMatrix.ToArray<double>());
        vector.ToArray<double>().ShouldBe(aloneVector.ToArray<double>());
    }

    [Fact]
    public void Combined_StateSavedAndRestored_ContinuesBitForBit()
    {
        var (matrix, vector, optimizer) = Model();
        Train(matrix, vector, optimizer, 0, 4);

        var (first, firstVector, firstOptimizer) = Model();
        Train(first, firstVector, firstOptimizer, 0, 2);
        var (second, secondVector, secondOptimizer) = Model();
        second.Load(first);
        secondVector.Load(firstVector);
        secondOptimizer.LoadStateDict(firstOptimizer.StateDict());
        Train(second, secondVector, secondOptimizer, 2, 4);
        second.ToArray<double>().ShouldBe(matrix.ToArray<double>());
        secondVector.ToArray<double>().ShouldBe(vector.ToArray<double>());
    }

    [Fact]
    public void Combined_StepCancelled_ChangesNothingInAnyPart()
    {
        var (matrix, vector, optimizer) = Model();
        Train(matrix, vector, optimizer, 0, 1);
        double[] before = [.. matrix.ToArray<double>(), .. vector.ToArray<double>()];
        optimizer.ZeroGrad();
        (matrix.Sum() + vector.Sum()).Backward();
        Should.Throw<OperationCanceledException>(() => optimizer.Step(0, cancellation: new CancellationToken(true)));
        ((double[])[.. matrix.ToArray<double>(), .. vector.ToArray<double>()]).ShouldBe(before);
        foreach (var name in new[] { "0.step", "1.step" }) optimizer.StateDict()[name].ToArray<long>().ShouldBe([1]);
    }

    [Fact]
    public void Combined_StepCaptured_HasTheBitsOfTheStepBuiltAnew()
    {
        var rate = Schedules.Linear(0.02, 0.01);
        float[] Trained(bool isCaptured)
        {
            var matrix = Tensor.From(Random(4, 6, 3)).To(DType.F32).Realize().WithGrad();
            var vector = Tensor.From([1f, -1, 2]).WithGrad();
            var optimizer = new CombinedOptimizer(new Muon([matrix], rate, form: MuonForm.Nanochat), new AdamW([vector], 0.1));
            var progress = new Number(0);
            Tensor Step(Tensor slope)
            {
                optimizer.ZeroGrad();
                var loss = (matrix * slope).Sum() + vector.Square().Sum();
                loss.Backward();
                optimizer.Step(progress);
                return loss;
            }
            var captured = Compiled.Of(Step);
            for (int t = 0; t < 4; t++)
            {
                progress.Value = t / 4.0;
                var slope = Tensor.From(Random(4, 6, t)).To(DType.F32).Realize();
                _ = isCaptured ? captured.Call(slope) : Step(slope);
            }
            if (isCaptured) captured.Replays.ShouldBeGreaterThan(0);
            return [.. matrix.ToArray<float>(), .. vector.ToArray<float>()];
        }
        Trained(isCaptured: true).ShouldBe(Trained(isCaptured: false));
    }

    [Fact]
    public void Combined_SharedParameter_IsRefused()
    {
        var p = Tensor.Zeros(2, 2).WithGrad();
        Should.Throw<IngotException>(() => new CombinedOptimizer(new Muon([p]), new AdamW([p]))).Message.ShouldContain("part 1");
    }
}
