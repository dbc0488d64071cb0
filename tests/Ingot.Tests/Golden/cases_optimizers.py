"""Optimizers: the parameter after three steps with given gradients; and gradient clipping."""
import torch

from table import R, begin, case, ops

begin("optimizers")


def steps(kind):
    def run(parameter, *gradients, **attrs):
        p = torch.nn.Parameter(parameter.clone())
        optimizer = kind([p], **attrs)
        for g in gradients:
            p.grad = g.clone()
            optimizer.step()
        return p
    return run


def clip(a, b, max_norm):
    parameters = [torch.nn.Parameter(torch.zeros_like(t)) for t in (a, b)]
    for p, t in zip(parameters, (a, b)):
        p.grad = t.clone()
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    return [norm] + [p.grad for p in parameters]


ops(sgd=steps(torch.optim.SGD), adam=steps(torch.optim.Adam), adamw=steps(torch.optim.AdamW), clip_grad_norm=clip)
STEPS = [R(2, 3)] * 4
for attrs in (dict(lr=0.1), dict(lr=0.1, momentum=0.9), dict(lr=0.05, momentum=0.8, nesterov=True), dict(lr=0.1, weight_decay=0.1), dict(lr=0.1, momentum=0.9, weight_decay=0.01),
              dict(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.02), dict(lr=0.1, momentum=0.9, dampening=0.5)):
    case("sgd", STEPS, _grad=False, **attrs)
for attrs in (dict(lr=0.1), dict(lr=0.01, betas=[0.8, 0.99]), dict(lr=0.1, eps=0.01), dict(lr=0.1, weight_decay=0.1), dict(lr=0.02, betas=[0.5, 0.9], eps=1e-6, weight_decay=0.3)):
    case("adam", STEPS, _grad=False, **attrs)
for attrs in (dict(lr=0.1), dict(lr=0.01, betas=[0.9, 0.95]), dict(lr=0.1, weight_decay=0.0), dict(lr=0.1, weight_decay=0.1), dict(lr=0.02, betas=[0.5, 0.9], eps=1e-6, weight_decay=0.3)):
    case("adamw", STEPS, _grad=False, **attrs)
case("clip_grad_norm", [R(2, 3), R(4)], max_norm=1.0, _grad=False)
case("clip_grad_norm", [R(2, 3), R(4)], max_norm=100.0, _grad=False)
