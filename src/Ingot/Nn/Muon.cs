using Ingot.Graph;

namespace Ingot.Nn;

/// <summary>How <see cref="Muon"/> makes a step orthogonal, and what it does to it before and after.</summary>
public sealed record MuonForm
{
    /// <summary>
    /// The coefficients of each iteration X = a X + (b A + c A A) X with A = X X^T. The quintic drives every singular value of X towards 1.
    /// </summary>
    public IReadOnlyList<(double A, double B, double C)> Iterations { get; init; } = [.. Enumerable.Repeat((3.4445, -4.7750, 2.0315), 5)];

    /// <summary>The norm is divided by this too before the iterations, which need singular values of at most 1.</summary>
    public double Safety { get; init; } = 1;

    /// <summary>Scales rows to one norm before the iterations, which then start from a better spectrum.</summary>
    public bool EquilibratesRows { get; init; }

    /// <summary>Scales the result to the norm of an orthogonal matrix, the root of its smaller side, for what the iterations fall short.</summary>
    public bool RestoresNorm { get; init; }

    /// <summary>Divides each row (or column, of a wide matrix) of the result by the root of a running mean of its squares, keeping the whole norm.</summary>
    /// <remarks>Li et al. 2025, "NorMuon".</remarks>
    public bool EvensOutNeurons { get; init; }

    /// <summary>Weight decay only where it pulls the way of the step, and longer by the same factor on tall matrices.</summary>
    public bool IsDecayCautious { get; init; }

    /// <summary>Keller Jordan's: five iterations of one quintic.</summary>
    public static MuonForm Jordan { get; } = new();

    /// <summary>nanochat's: the Polar Express coefficients, each iteration's best for what the one before leaves, and everything above.</summary>
    /// <remarks>Amsel et al. 2025, "The Polar Express", for five iterations with a safety of 2 %.</remarks>
    public static MuonForm Nanochat { get; } = new()
    {
        Iterations =
        [
            (8.156554524902461, -22.48329292557795, 15.878769915207462),
            (4.042929935166739, -2.808917465908714, 0.5000178451051316),
            (3.8916678022926607, -2.772484153217685, 0.5060648178503393),
            (3.285753657755655, -2.3681294933425376, 0.46449024233003106),
            (2.3465413258596377, -1.7097828382687081, 0.42323551169305323),
        ],
        Safety = 1.01,
        EquilibratesRows = true,
        RestoresNorm = true,
        EvensOutNeurons = true,
        IsDecayCautious = true,
    };
}

/// <summary>
/// Momentum whose step is made orthogonal: every direction of a matrix moves equally far. For the matrices inside a model; embeddings, heads and vectors
/// belong to <see cref="AdamW"/> (see <see cref="CombinedOptimizer"/>). A kernel of a convolution counts as a matrix of its outputs.
/// </summary>
/// <remarks>Jordan 2024, "Muon: an optimizer for hidden layers in neural networks". Tall matrices take steps longer by the root of rows / columns.</remarks>
public sealed class Muon : Optimizer
{
    readonly MuonForm form;
    readonly Schedule momentum, beta2;
    readonly bool nesterov;
    readonly HostValue kept, taken, kept2, taken2;
    readonly Dictionary<ParameterGroup, (HostValue Rate, HostValue Decay)> rates = [];

    /// <param name="parameters">Matrices that are trained.</param>
    /// <param name="learningRate">Step size; 0.02 by default.</param>
    /// <param name="momentum">Decay of the running mean of gradients; 0.95 by default.</param>
    /// <param name="nesterov">Looks ahead along the momentum.</param>
    /// <param name="weightDecay">Pull towards 0 a unit of learning rate; none by default.</param>
    /// <param name="form">Jordan's by default.</param>
    /// <param name="beta2">Decay of the neurons' running squares, where the form has them; 0.9 by default.</param>
    /// <exception cref="ShapeException">A parameter is no matrix.</exception>
    public Muon(
        IEnumerable<Tensor> parameters, Schedule? learningRate = null, Schedule? momentum = null, bool nesterov = true, Schedule? weightDecay = null, MuonForm? form = null, Schedule? beta2 = null)
        : this([new ParameterGroup(parameters)], learningRate, momentum, nesterov, weightDecay, form, beta2) { }

    /// <summary>With groups of parameters that have rates of their own.</summary>
    public Muon(
        IEnumerable<ParameterGroup> groups, Schedule? learningRate = null, Schedule? momentum = null, bool nesterov = true, Schedule? weightDecay = null, MuonForm? form = null, Schedule? beta2 = null)
        : base(Matrices(groups), learningRate ?? 0.02, weightDecay ?? 0.0, (form ?? MuonForm.Jordan).EvensOutNeurons ? ["momentum_buffer", new("second_momentum_buffer", NeuronShape)] : ["momentum_buffer"])
    {
        (this.form, this.momentum, this.nesterov, this.beta2) = (form ?? MuonForm.Jordan, momentum ?? 0.95, nesterov, beta2 ?? 0.9);
        (kept, taken) = (new(() => Now(this.momentum)), new(() => 1 - Now(this.momentum)));
        (kept2, taken2) = (new(() => Now(this.beta2)), new(() => 1 - Now(this.beta2)));
    }

    static IEnumerable<ParameterGroup> Matrices(IEnumerable<ParameterGroup> groups)
    {
        foreach (var group in groups)
        {
            if (group.Parameters.FirstOrDefault(p => p.Rank < 2) is { } p) throw new ShapeException($"Muon is for matrices, not for a parameter of shape {p.Shape}; give that one to AdamW, in a CombinedOptimizer");
            yield return group;
        }
    }

    /// <summary>A value a row; a column where there are more columns than rows.</summary>
    static Shape NeuronShape(Shape p)
    {
        int rows = p[0], columns = (int)(p.Count / rows);
        return rows >= columns ? new(rows, 1) : new(1, columns);
    }

    private protected override bool HasOtherSchedules => !momentum.IsConstant || !beta2.IsConstant;

    private protected override (Tensor Value, Tensor[] State) Update(Tensor p, Tensor g, Tensor[] state, ParameterGroup group)
    {
        var mean = state[0] * Tensor.Host(kept) + g * Tensor.Host(taken);
        var direction = nesterov ? g * Tensor.Host(taken) + mean * Tensor.Host(kept) : mean;
        int rows = p.Size(0), columns = (int)(p.Count / rows);
        var step = Orthogonal(direction.Reshape(rows, columns));
        Tensor[] next = [mean];
        if (form.EvensOutNeurons)
        {
            (step, var squares) = EvenedOut(step, state[1]);
            next = [mean, squares];
        }
        step = step.Reshape(p.Shape.Span);
        double longer = Math.Sqrt(Math.Max(1, (double)rows / columns));
        var (rate, decay) = RatesOf(group);
        var value = p - step * longer * Tensor.Host(rate);
        if (!Decays(group)) return (value, next);
        var pull = p * Tensor.Host(decay);
        return (value - (form.IsDecayCautious ? (step * p >= 0).Where(pull * longer, 0) : pull), next);
    }

    (HostValue Rate, HostValue Decay) RatesOf(ParameterGroup group)
    {
        if (rates.TryGetValue(group, out var known)) return known;
        var (learningRate, weightDecay) = (LearningRateOf(group), WeightDecayOf(group));
        return rates[group] = (new(() => Now(learningRate)), new(() => Now(learningRate) * Now(weightDecay)));
    }

    /// <summary>About U V^T of the singular value decomposition U S V^T.</summary>
    Tensor Orthogonal(Tensor x)
    {
        int rows = x.Size(0), columns = x.Size(1);
        if (form.EquilibratesRows) x *= Norm(x) / Math.Sqrt(rows) / x.Square().Sum(1, keepDim: true).Sqrt().Maximum(1e-6);
        x /= Norm(x) * form.Safety + 1e-7;
        foreach (var (a, b, c) in form.Iterations)
        {
            // The smaller of the two Gram matrices: fewer multiply-adds, and the same X.
            bool isTall = rows > columns;
            var gram = isTall ? x.Transpose(0, 1).Matmul(x) : x.Matmul(x.Transpose(0, 1));
            var polynomial = gram * b + gram.Matmul(gram) * c;
            x = x * a + (isTall ? x.Matmul(polynomial) : polynomial.Matmul(x));
        }
        return form.RestoresNorm ? x * (Math.Sqrt(Math.Min(rows, columns)) / Norm(x).Maximum(1e-6)) : x;
    }

    (Tensor Step, Tensor Squares) EvenedOut(Tensor x, Tensor before)
    {
        int along = before.Size(1) == 1 ? 1 : 0, length = x.Size(along);
        var squares = x.Square().Mean(along, keepDim: true);
        var mean = before * Tensor.Host(kept2) + squares * Tensor.Host(taken2);
        var scale = 1 / mean.Maximum(1e-10).Sqrt();
        Tensor norm = (squares.Sum() * length).Sqrt(), scaledNorm = ((squares * scale.Square()).Sum() * length).Sqrt();
        return (x * (scale * (norm / scaledNorm.Maximum(1e-10))), mean);
    }

    static Tensor Norm(Tensor x) => x.Square().Sum().Sqrt();
}
