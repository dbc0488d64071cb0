"""Reductions, the softmax family, running sums."""
import torch

from table import INF, NAN, B, I, P, R, T, V, begin, case, op, ops

begin("reduce")


def reducer(f):
    return lambda x, dim=None, keepdim=False: f(x) if dim is None else f(x, dim, keepdim)


ops(sum=reducer(torch.sum), mean=reducer(torch.mean), amax=reducer(lambda x, dim=(), keepdim=False: torch.amax(x, dim, keepdim)),
    amin=reducer(lambda x, dim=(), keepdim=False: torch.amin(x, dim, keepdim)), prod=reducer(torch.prod),
    any=reducer(torch.any), all=reducer(torch.all), argmax=reducer(torch.argmax), argmin=reducer(torch.argmin),
    max_dim=lambda x, dim, keepdim=False: torch.max(x, dim, keepdim), min_dim=lambda x, dim, keepdim=False: torch.min(x, dim, keepdim),
    max=torch.max, min=torch.min,
    var=lambda x, dim=None, unbiased=True, keepdim=False: x.var(unbiased) if dim is None else x.var(dim, unbiased, keepdim),
    std=lambda x, dim=None, unbiased=True, keepdim=False: x.std(unbiased) if dim is None else x.std(dim, unbiased, keepdim),
    norm=lambda x, p=2, dim=None, keepdim=False: torch.linalg.vector_norm(x, p, dim, keepdim),
    logsumexp=lambda x, dim, keepdim=False: torch.logsumexp(x, dim, keepdim),
    softmax=lambda x, dim: torch.softmax(x, dim), log_softmax=lambda x, dim: torch.log_softmax(x, dim), cumsum=lambda x, dim: torch.cumsum(x, dim))

WAYS = [dict(), dict(dim=0), dict(dim=1), dict(dim=-1, keepdim=True), dict(dim=[0, 2]), dict(dim=[1, 2], keepdim=True), dict(dim=[0, 1, 2])]
ONE = [w for w in WAYS if not isinstance(w.get("dim"), list)]
ROWS = [[NAN, 1, 2], [INF, 1, -INF], [INF, 1, 2], [-INF, 1, 2], [0.0, -0.0, 0.0], [-1, -2, -3]]
for name in ("sum", "mean", "amax", "amin"):
    for way in WAYS:
        case(name, [R(2, 3, 4)], **way)
for name in ("prod", "any", "all", "argmax", "argmin"):
    for way in ONE:
        case(name, [B(2, 3, 4) if name in ("any", "all") else R(2, 3, 4)], **way)
for name in ("sum", "mean", "amax", "amin", "prod", "argmax", "argmin", "any", "all"):
    case(name, [V(ROWS)], "special", dim=1, _grad=False)
for name in ("sum", "prod", "amax", "amin", "argmax", "argmin", "any", "all"):
    case(name, [I(3, 4)], "i64", dim=0)
for name in ("sum", "prod"):
    case(name, [V([200, 100, 3], "u8")], "u8 sums in i64")
    case(name, [B(5)], "bool sums in i64")
    case(name, [V([2000000000, 2000000000, 5], "i32")], "i32 sums in i64")
    case(name, [R(0, 3)], "of nothing", dim=0)
    case(name, [R(0)], "of nothing at all")
case("sum", [P(3, 4, dtype="bf16")], "bf16", dim=1, _grad=False)
case("mean", [R(0)], "of nothing at all", _grad=False)
case("mean", [P(3, 5, dtype="bf16")], "bf16", dim=1, _grad=False)
case("sum", [P(3, 5, dtype="f16")], "f16", dim=1, _grad=False)
case("sum", [R(3, 5, dtype="f64")], "f64", dim=1)
case("sum", [R(60, lo=0, hi=1000)], "long")
case("prod", [V([2.0, 0.0, 3.0, -1.0])], "gradient with one zero")
case("prod", [V([2.0, 0.0, 3.0, 0.0])], "gradient with two zeros")
case("prod", [V([[2.0, 0.0, 3.0], [1.0, 2.0, -3.0], [0.0, 0.0, 4.0]])], "gradient with zeros in some rows", dim=1)
for name in ("amax", "amin", "max", "min"):
    case(name, [T(3, 5)], "gradient at ties")
case("amax", [T(3, 6)], "gradient at ties", dim=1)
case("amin", [T(3, 6)], "gradient at ties", dim=0, keepdim=True)
case("amax", [T(2, 3, 4)], "gradient at ties", dim=[0, 2])
for name in ("max", "min"):
    case(name, [R(3, 4)])
    case(name, [I(3, 4)], "i64")
    case(name, [V([1.0, NAN, 3.0])], "special", _grad=False)
for name in ("max_dim", "min_dim"):
    for way in ONE[1:]:
        case(name, [R(2, 3, 4)], **way)
    case(name, [T(3, 6)], "gradient at ties goes to the index", dim=-1)
    case(name, [V(ROWS)], "special", dim=1, _grad=False)
    case(name, [I(3, 4)], "i64", dim=0)
case("argmax", [T(3, 6)], "first of ties", dim=1)
case("argmin", [T(3, 6)], "first of ties", dim=1)

for name in ("var", "std"):
    for unbiased in (True, False):
        case(name, [R(3, 4)], unbiased=unbiased)
        case(name, [R(2, 3, 4)], dim=1, unbiased=unbiased)
        case(name, [R(2, 3, 4)], dim=-1, unbiased=unbiased, keepdim=True)
        case(name, [R(2, 3, 4)], dim=[0, 2], unbiased=unbiased)
    case(name, [R(3, 1)], "of one element", dim=1, unbiased=True, _grad=False)
    case(name, [R(3, 4, lo=1000, hi=1001)], "far from zero", dim=1, unbiased=True, _tol=400)
for p in (2, 1, 3, 0.5, 0, INF, -INF):
    case("norm", [R(3, 4)], p=p, _grad=p != 0)
    case("norm", [R(3, 4)], p=p, dim=1, _grad=p != 0)
case("norm", [R(2, 3, 4)], p=2, dim=[0, 2], keepdim=True)
case("norm", [R(2, 3, 4)], p=1, dim=[1, 2])
case("norm", [V([[0.0, 0.0], [3.0, 4.0]])], "gradient at the zero vector", p=2, dim=1)
for way in (dict(dim=0), dict(dim=-1), dict(dim=1, keepdim=True), dict(dim=[0, 2]), dict(dim=[0, 1, 2], keepdim=True)):
    case("logsumexp", [R(2, 3, 4)], _second=way == dict(dim=-1), **way)
case("logsumexp", [V(ROWS + [[-INF, -INF, -INF], [1000, 1000, 999], [-1000, -1001, -1000]])], "special", dim=1, _grad=False)
for name in ("softmax", "log_softmax"):
    for dim in (0, 1, -1):
        case(name, [R(2, 3, 4)], dim=dim, _second=dim == -1)
    case(name, [V(ROWS + [[-INF, -INF, -INF], [1000, 1000, 999], [-1000, -1001, -1000]])], "special", dim=1, _grad=False)
    case(name, [V([[1000.0, 1000, 999], [-1000, -1001, -1000], [88, -88, 0]])], "large", dim=1)
    case(name, [R(3, 5, dtype="bf16")], "bf16", dim=1, _grad=False)
    case(name, [R(3, 5, dtype="f64")], "f64", dim=1)
for dim in (0, 1, -1):
    case("cumsum", [R(2, 3, 4)], dim=dim)
case("cumsum", [I(3, 4, dtype="i32")], "i32 sums in i64", dim=1)
case("cumsum", [V([1.0, INF, -INF, 2.0])], "special", dim=0, _grad=False)
case("cumsum", [R(50)], "long", dim=0)

ops(cumprod=lambda x, dim: torch.cumprod(x, dim), cummax=lambda x, dim: torch.cummax(x, dim), cummin=lambda x, dim: torch.cummin(x, dim))
for name in ("cumprod", "cummax", "cummin"):
    for dim in (0, 1, -1):
        case(name, [R(2, 3, 4)], dim=dim)
    case(name, [I(3, 6)], "i64", dim=1)
    case(name, [R()], "a scalar", dim=0)
    case(name, [R(0, 3)], "of nothing", dim=0)
    case(name, [R(20, dtype="f64")], "f64", dim=0)
case("cumprod", [I(3, 4, dtype="i32")], "i32 products in i64", dim=1)
case("cumprod", [V([[2.0, 0.0, 3.0, -1.0], [2.0, 0.0, 3.0, 0.0], [0.0, 1.0, 2.0, 3.0]])], "gradient with zeros", dim=1)
for name in ("cummax", "cummin"):
    case(name, [T(3, 9)], "the last of equals, and the gradient", dim=1)
    case(name, [I(3, 6, dtype="u8", lo=0, hi=9)], "u8", dim=0)
    case(name, [V([[1.0, NAN, 3.0, NAN, 2.0], [-INF, -INF, INF, 1.0, INF], [INF, INF, -INF, 2.0, -INF]])], "special", dim=1, _grad=False)
