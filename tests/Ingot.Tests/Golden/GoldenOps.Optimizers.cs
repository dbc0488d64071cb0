using Ingot.Nn;

namespace Ingot.Tests.Golden;

static partial class GoldenOps
{
    static Dictionary<string, GoldenOperator> Optimizers() => new()
    {
        ["sgd"] = c => Steps(c, p => new Sgd(p, c.Number("lr"), momentum: c.Number("momentum", 0), dampening: c.Number("dampening", 0), nesterov: c.Flag("nesterov"), weightDecay: c.Number("weight_decay", 0))),
        ["adam"] = c => Steps(c, p => new Adam(p, c.Number("lr"), Betas(c).Item1, Betas(c).Item2, c.Number("eps", 1e-8), c.Number("weight_decay", 0))),
        ["adamw"] = c => Steps(c, p => new AdamW(p, c.Number("lr"), Betas(c).Item1, Betas(c).Item2, c.Number("eps", 1e-8), c.Has("weight_decay") ? c.Number("weight_decay") : null)),
        ["clip_grad_norm"] = ClipGradNorm,
    };

    static (double, double) Betas(GoldenCall c) => c.Numbers("betas", 0.9, 0.999);

    /// <summary>The parameter after a step with each of the gradients.</summary>
    static Tensor[] Steps(GoldenCall c, Func<IEnumerable<Tensor>, Optimizer> make)
    {
        var parameter = c[0].WithGrad();
        var optimizer = make([parameter]);
        foreach (var gradient in c.From(1))
        {
            parameter.Grad = gradient;
            optimizer.Step();
        }
        return [parameter];
    }

    /// <summary>The norm, and the gradients after clipping.</summary>
    static Tensor[] ClipGradNorm(GoldenCall c)
    {
        Tensor[] parameters = [.. c.From(0).Select(g => Tensor.ZerosLike(g).Realize().WithGrad())];
        for (int i = 0; i < parameters.Length; i++) parameters[i].Grad = c[i];
        var norm = Clip.GradNorm(parameters, c.Number("max_norm"));
        return [norm, .. parameters.Select(p => p.Grad!)];
    }
}
