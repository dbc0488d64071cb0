"""The golden table: how a case is declared, how its inputs are made and how it is written down.

A case is an operator, its attributes and its inputs. Its expected values are PyTorch's: the outputs, and, where an
input is floating and the operator differentiable, the gradient of sum(output * weight) over the floating outputs,
with weight[i] = (((5 i + 3) mod 17) - 7.75) / 4 in row-major order (exact in every floating dtype, never zero).

One JSON object a line, one file a group:
    op, attrs, variant   the identity; attrs are the operator's attributes (an infinity as "inf" or "-inf"), variant
                         tells inputs of one combination apart
    in, out, grad        tensors as "dtype[shape]base64 of the little-endian elements", or null for "none"
    grad2                gradients of sum(grad[0] * weight): gradient of gradient, where asked for
    zero                 true: the sign of a zero in the output is PyTorch's to fix, and compared
    tol                  a factor on the reader's tolerances, for ill-conditioned cases; 1 where absent
"""
import base64
import json
import zlib

import numpy as np
import torch

DTYPES = {
    "bool": torch.bool, "u8": torch.uint8, "i8": torch.int8, "i16": torch.int16, "i32": torch.int32, "i64": torch.int64,
    "f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32, "f64": torch.float64,
}
NAMES = {t: n for n, t in DTYPES.items()}

OPS = {}      # name -> function of (inputs..., **attrs)
CASES = {}    # group -> list of cases, in order of declaration
IDS = set()
group = None


def begin(name):
    global group
    group = name
    CASES[name] = []


def op(name):
    """Declares what an operator means in PyTorch."""
    def register(f):
        assert name not in OPS, name
        OPS[name] = f
        return f
    return register


def ops(**functions):
    for name, f in functions.items():
        op(name)(f)


# ---- inputs: functions of a random stream, so that a case's numbers depend on its own identity alone ----

def tensor(values, dtype):
    return torch.tensor(values, dtype=torch.float64 if dtype[0] in "fb" and dtype != "bool" else None).to(DTYPES[dtype])


def R(*shape, dtype="f32", lo=-2.0, hi=2.0):
    """Uniform in [lo, hi)."""
    return lambda rng: torch.from_numpy(np.asarray(rng.uniform(lo, hi, shape))).to(DTYPES[dtype])


def P(*shape, dtype="f32"):
    """Positive."""
    return R(*shape, dtype=dtype, lo=0.1, hi=3.0)


def U(*shape, dtype="f32"):
    """Inside (-1, 1)."""
    return R(*shape, dtype=dtype, lo=-0.95, hi=0.95)


def I(*shape, dtype="i64", lo=-5, hi=6):
    """Integers in [lo, hi)."""
    return lambda rng: torch.from_numpy(np.asarray(rng.randint(lo, hi, shape))).to(DTYPES[dtype])


def B(*shape):
    return lambda rng: torch.from_numpy(np.asarray(rng.randint(0, 2, shape))).to(torch.bool)


def T(*shape, dtype="f32"):
    """Small whole numbers: many ties."""
    return lambda rng: torch.from_numpy(np.asarray(rng.randint(-2, 3, shape))).to(DTYPES[dtype])


def V(values, dtype="f32"):
    """These values."""
    return lambda rng: tensor(values, dtype)


def H(*shape, dim=-1):
    """Probabilities: each row along dim sums to one."""
    return lambda rng: torch.softmax(torch.from_numpy(rng.uniform(-2, 2, shape)).float(), dim)


def fixed(make):
    """An input whose gradient is not asked for (targets, class weights, running statistics)."""
    def made(rng):
        return make(rng)
    made.fixed = True
    return made


NAN, INF = float("nan"), float("inf")
SPECIAL = [NAN, INF, -INF, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 3.75, -7.25, 20.0, -20.0, 100.0, -100.0, 1e-3, 1e-6, -1e-6]
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 6.0, -6.0, 1e-3, -1e-3, 20.0, -20.0, 100.0, -100.0]
PAIR = [NAN, INF, -INF, 0.0, -0.0, 1.0, -1.0, 2.5, -7.25]
S = V(SPECIAL)
E = V(EDGES)
LEFT, RIGHT = V([[x] for x in PAIR]), V(PAIR)   # every pair of special values, by broadcasting


# ---- cases ----

def case(name, inputs=(), _variant="", _grad=True, _second=False, _zero=False, _tol=1, **attrs):
    """Declares a case: operator, inputs, and its attributes as keywords."""
    words = json.dumps(attrs, separators=(",", ":"))[1:-1].replace('"', "")
    identity = f"{name}({words})" + (f" {_variant}" if _variant else "")
    assert identity not in IDS, f"declared twice: {identity}"
    IDS.add(identity)
    CASES[group].append(dict(name=name, inputs=list(inputs), variant=_variant, grad=_grad, second=_second, zero=_zero, tol=_tol, attrs=attrs, id=identity))


def weight(shape, dtype):
    n = int(np.prod(shape, dtype=np.int64))
    return torch.tensor([(((5 * i + 3) % 17) - 7.75) / 4 for i in range(n)], dtype=dtype).reshape(shape)


def encode(t):
    if t is None:
        return None
    t = t.detach().contiguous()
    raw = (t.view(torch.int16) if t.dtype == torch.bfloat16 else t).numpy().tobytes() if t.numel() else b""
    return f"{NAMES[t.dtype]}[{','.join(str(d) for d in t.shape)}]" + base64.b64encode(raw).decode()


def outputs_of(result):
    return [result] if isinstance(result, torch.Tensor) else [r for r in result]


def weighted(outputs):
    terms = [(o * weight(o.shape, o.dtype)).sum() for o in outputs if o is not None and o.is_floating_point() and o.requires_grad]
    return sum(terms) if terms else None


def evaluate(c):
    rng = np.random.RandomState(zlib.crc32(c["id"].encode()))
    inputs = [None if make is None else make(rng) for make in c["inputs"]]
    row = dict(op=c["name"], attrs={k: str(v) if v in (INF, -INF) else v for k, v in c["attrs"].items()}, variant=c["variant"])
    row["in"] = [encode(t) for t in inputs]
    leaves = [t is not None and t.is_floating_point() and c["grad"] and not hasattr(make, "fixed") for t, make in zip(inputs, c["inputs"])]
    arguments = [t.clone().requires_grad_() if leaf else t for t, leaf in zip(inputs, leaves)]
    try:
        outputs = outputs_of(OPS[c["name"]](*arguments, **c["attrs"]))
        row["out"] = [encode(o) for o in outputs]
        wanted = [a for a, leaf in zip(arguments, leaves) if leaf]
        loss = weighted(outputs) if wanted else None
        if loss is not None:
            grads = torch.autograd.grad(loss, wanted, create_graph=c["second"], allow_unused=True)
            by_leaf = iter(grads)
            row["grad"] = [encode(next(by_leaf)) if leaf else None for leaf in leaves]
            if c["second"]:
                second = torch.autograd.grad(weighted([grads[0]]), wanted, allow_unused=True)
                by_leaf = iter(second)
                row["grad2"] = [encode(next(by_leaf)) if leaf else None for leaf in leaves]
    except Exception as e:
        raise RuntimeError(f"{c['id']}: {e}") from e
    if c["zero"]:
        row["zero"] = True
    if c["tol"] != 1:
        row["tol"] = c["tol"]
    return row
