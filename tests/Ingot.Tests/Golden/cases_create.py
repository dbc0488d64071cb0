"""Creation that is deterministic, casts, and dtype promotion."""
import torch

from table import DTYPES, INF, NAN, I, R, V, begin, case, op, ops

begin("create")


@op("arange")
def _(start=0, end=None, step=1, dtype=None):
    return torch.arange(start, end, step, dtype=dtype and DTYPES[dtype])


case("arange", end=7)
case("arange", start=2, end=9)
case("arange", start=2, end=11, step=3)
case("arange", start=5, end=-4, step=-2)
case("arange", start=0.5, end=3.0, step=0.5)
case("arange", start=1.0, end=0.0, step=-0.3)
case("arange", end=5, dtype="f32")
case("arange", end=5, dtype="i32")
case("arange", start=3, end=3)


@op("linspace")
def _(start, end, steps):
    return torch.linspace(start, end, steps)


case("linspace", start=0, end=1, steps=5)
case("linspace", start=-2, end=3, steps=8)
case("linspace", start=3, end=-1, steps=4)
case("linspace", start=2, end=5, steps=1)

ops(eye=lambda n, m=None: torch.eye(n, n if m is None else m),
    full=lambda shape, value: torch.full(shape, value),
    zeros=lambda shape: torch.zeros(shape),
    ones=lambda shape: torch.ones(shape),
    tril=lambda x, diagonal=0: torch.tril(x, diagonal),
    triu=lambda x, diagonal=0: torch.triu(x, diagonal),
    one_hot=lambda x, num_classes=-1: torch.nn.functional.one_hot(x, num_classes))
case("eye", n=3)
case("eye", n=2, m=4)
case("eye", n=4, m=3)
case("zeros", shape=[2, 3])
case("ones", shape=[4])
case("full", shape=[2, 2], value=2.5)
case("full", shape=[3], value=-INF)
for k in (0, 1, -1, 2, -3):
    case("tril", [R(3, 4)], diagonal=k)
    case("triu", [R(4, 3)], diagonal=k)
case("tril", [R(2, 3, 3)], "batch")
case("triu", [I(2, 3, 3)], "batch of integers")
case("tril", [V([[NAN, INF], [1, -INF]])], "a zero replaces what is not finite", diagonal=-1)
case("one_hot", [I(5, lo=0, hi=4)], num_classes=4)
case("one_hot", [I(2, 3, lo=0, hi=3)], num_classes=6)
case("one_hot", [V([[1, 4], [0, 2]], "i64")], "counted")

# ---- casts ----

ops(to=lambda x, dtype: x.to(DTYPES[dtype]))
WHOLE = [0, 1, 2, 5, 100, 120]
for source in DTYPES:
    for target in DTYPES:
        if source == target:
            continue
        signed = source not in ("bool", "u8")
        values = [False, True] if source == "bool" else WHOLE + ([-1, -3, -100] if signed and target not in ("u8",) else [])
        case("to", [V(values, source)], source, dtype=target)
case("to", [V([-2.75, -0.5, 0.5, 1.5, 2.5, 99.9])], "truncation", dtype="i32", _grad=False)
case("to", [V([-2.75, -0.5, 0.5, 1.5, 2.5, 99.9])], "truncation", dtype="i8", _grad=False)
case("to", [V([NAN, 0.0, -0.0, 1e-30, INF])], "anything but zero", dtype="bool", _grad=False)
case("to", [V([300, -1, 256, 128, -129, 70000], "i64")], "wraps", dtype="u8")
case("to", [V([300, -1, 256, 128, -129, 70000], "i64")], "wraps", dtype="i8")
case("to", [V([300, -1, 256, 128, -129, 70000], "i64")], "wraps", dtype="i16")
case("to", [V([2**31, -2**31 - 1, 2**33 + 5], "i64")], "wraps", dtype="i32")
ROUNDING = [1.0, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-9, 65504.0, 65519.0, 65520.0, 1e-7, 3e-8, 1e38, 3.4e38, NAN, INF, -INF, -0.0, 2049.0, 2051.0]
case("to", [V(ROUNDING)], "ties to even", dtype="f16", _grad=False, _zero=True)
case("to", [V(ROUNDING)], "ties to even", dtype="bf16", _grad=False, _zero=True)
case("to", [V([2**24 + 1, 2**24 + 3, -(2**24) - 1], "i64")], "rounds", dtype="f32")
case("to", [V([2**53 + 1, 2**53 + 3], "i64")], "rounds", dtype="f64")

# ---- promotion: two tensors, a tensor and a 0-dimensional tensor, a tensor and a C# number ----

ops(promote_add=lambda a, b: a + b, promote_div=lambda a, b: a / b, promote_lt=lambda a, b: a < b)
order = list(DTYPES)


def small(dtype):
    return V([False, True, True], dtype) if dtype == "bool" else V([1, 2, 3], dtype)


for i, a in enumerate(order):
    for b in order[i:]:
        case("promote_add", [small(a), small(b)], f"{a} {b}", _grad=False)
    case("promote_div", [V([1, 1, 1], a), V([2, 4, 8], "i32")], f"{a} i32", _grad=False)
    case("promote_lt", [small(a), small("i16")], f"{a} i16", _grad=False)
for a in order:
    for b in ("bool", "i64", "f64", "f16"):
        case("promote_add", [small(a), V(1, b)], f"{a} 0-dimensional {b}", _grad=False)

ops(add_number=lambda x, value: x + value, mul_number=lambda x, value: x * value, div_number=lambda x, value: x / value,
    rsub_number=lambda x, value: value - x, rdiv_number=lambda x, value: value / x, pow_number=lambda x, value: x ** value,
    rpow_number=lambda x, value: value ** x)
for a in order:
    case("add_number", [small(a)], a, value=2, _grad=False)
    case("add_number", [small(a)], a, value=2.5, _grad=False)
    if a != "bool":
        case("mul_number", [small(a)], a, value=3, _grad=False)
        case("div_number", [small(a)], a, value=4, _grad=False)
