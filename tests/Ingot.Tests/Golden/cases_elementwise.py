"""Elementwise: arithmetic, comparison, logic, rounding, transcendental functions, activations."""
import math

import torch
import torch.nn.functional as F

from table import EDGES, INF, LEFT, NAN, RIGHT, SPECIAL, begin, case, op, ops, B, E, I, P, R, S, T, U, V

begin("elementwise")

# ---- one operand: a smooth stretch with gradients, then every special value ----

SMOOTH = dict(
    exp=R, exp2=R, expm1=R, sin=R, cos=R, tan=U, sinh=R, cosh=R, tanh=R, asinh=R, atan=R, sigmoid=R, erf=R, square=R,
    log=P, log2=P, log10=P, log1p=P, sqrt=P, rsqrt=P, asin=U, acos=U, atanh=U)
ops(**{name: getattr(torch, name) for name in SMOOTH})
ops(acosh=torch.acosh, neg=torch.neg, abs=torch.abs, reciprocal=torch.reciprocal, sign=torch.sign)
ODD = {"sin", "tan", "sinh", "tanh", "asinh", "atan", "erf", "asin", "atanh", "expm1", "log1p", "sqrt"}  # f(-0) = -0
for name, inputs in SMOOTH.items():
    case(name, [inputs(3, 5)], _second=True, _tol=4 if name in ("tan", "tanh", "acos", "asin", "atanh") else 1)
    case(name, [S], "special", _grad=False, _zero=name in ODD, _tol=4 if name in ("tan", "sinh", "cosh", "exp", "exp2", "expm1") else 1)
    case(name, [inputs(7, dtype="f64")], "f64")
case("acosh", [R(8, lo=1.1, hi=4)], _tol=4)
case("acosh", [S], "special", _grad=False)
for name in ("neg", "abs", "reciprocal", "sign"):
    case(name, [R(9, lo=0.2)] if name == "reciprocal" else [R(9)])
    case(name, [S], "special", _grad=False, _zero=name != "sign")
case("abs", [E], "gradient at zero")
case("sign", [E], "gradient at zero")
for name in ("neg", "abs", "sign", "square"):
    case(name, [I(6)], "i64")
case("abs", [V([-128, -127, 5], "i8")], "i8 wraps")
case("neg", [V([0, 1, 200], "u8")], "u8 wraps")
for name in ("exp", "sqrt", "sin", "sigmoid", "log"):
    case(name, [I(5, dtype="i32", lo=1, hi=5)], "i32 gives f32")
for name in ("exp", "tanh", "sigmoid", "sqrt", "reciprocal", "abs"):
    # tanh' = 1 - y^2 amplifies what y was rounded by
    case(name, [P(8, dtype="bf16")], "bf16", _tol=4 if name == "tanh" else 1)
for name in ("abs", "neg"):
    case(name, [R(8, dtype="f16")], "f16")
case("sqrt", [V([0.0, 4.0])], "gradient at zero")
case("log", [V([0.0, 1.0])], "gradient at zero")
for name in ("exp", "log"):
    wide = [-104.0, -103.0, -87.5, -87.0, 88.0, 88.7, 89.0, -1e-8, 1e-8, 43.3, -65.2] if name == "exp" else [1e-38, 1e38, 3e38, 0.99999994, 1.0000001, 7e-20, 1e10]
    case(name, [V(wide)], "wide range", _tol=2)
for name in ("sin", "cos"):
    case(name, [V([1e3, -1e4, 31415.926, 3.1415927, 1.5707964])], "larger arguments")

ops(floor=torch.floor, ceil=torch.ceil, trunc=torch.trunc, round=lambda x: torch.round(x), frac=torch.frac)
HALVES = [0.5, 1.5, 2.5, 3.5, -0.5, -1.5, -2.5, 0.49999997, 1e7, 8388609.0, -0.2, 0.2, 1e20, -1e20]
for name in ("floor", "ceil", "trunc", "round"):
    case(name, [V(SPECIAL + HALVES)], "special", _zero=True)
    case(name, [V(HALVES, "f64")], "f64")
    case(name, [I(5)], "i64") if name != "frac" else None
case("frac", [V(HALVES)])

ops(isnan=torch.isnan, isinf=torch.isinf, isfinite=torch.isfinite, logical_not=torch.logical_not, bitwise_not=torch.bitwise_not)
for name in ("isnan", "isinf", "isfinite", "logical_not"):
    case(name, [S])
    case(name, [I(5, lo=-1, hi=2)], "i64")
case("bitwise_not", [B(5)], "bool")
case("bitwise_not", [I(5)], "i64")
case("bitwise_not", [V([0, 1, 200, 255], "u8")], "u8")

# ---- two operands ----

ops(add=lambda a, b, alpha=1: torch.add(a, b, alpha=alpha), sub=lambda a, b, alpha=1: torch.sub(a, b, alpha=alpha), mul=torch.mul,
    div=lambda a, b, rounding_mode=None: torch.div(a, b, rounding_mode=rounding_mode),
    remainder=torch.remainder, fmod=torch.fmod, pow=torch.pow, maximum=torch.maximum, minimum=torch.minimum, atan2=torch.atan2)
for name in ("add", "sub", "mul", "div", "maximum", "minimum", "atan2"):
    second = (P if name in ("div", "atan2") else R)
    case(name, [R(3, 4), second(3, 4)], _second=name in ("mul", "div"))
    case(name, [R(3, 1), second(2, 1, 4)], "broadcast both ways")
    case(name, [R(2, 3), second()], "broadcast a scalar")
    case(name, [LEFT, RIGHT], "special", _grad=False, _zero=name in ("add", "sub", "mul", "div"))
case("pow", [P(3, 4), R(3, 4)], _second=True, _tol=4)
case("pow", [LEFT, RIGHT], "special", _grad=False, _tol=4)
case("pow", [V([0.0, 0.0, 0.0, 2.0]), V([0.0, 1.0, 2.0, 3.0])], "gradient at zero base")
case("pow", [V([1.0, 1.0, 3.0, 1.0]), V([2.5, 0.0, 0.0, -1.0])], "gradient at the base 1 and the exponent 0")
case("pow", [V([-2.0, -2.0, -1.5, -0.5]), V([2.0, 3.0, -2.0, 0.0])], "negative base, whole exponents", _grad=False)
case("pow", [I(6), V([0, 1, 2, 3, 4, 5], "i64")], "i64")
for name in ("maximum", "minimum"):
    case(name, [T(3, 5), T(3, 5)], "gradient at ties")
    case(name, [I(6), I(6)], "i64")
case("remainder", [LEFT, RIGHT], "special", _grad=False)
case("remainder", [R(3, 4, hi=9, lo=-9), P(3, 4)])
case("remainder", [R(3, 4, hi=9, lo=-9), R(3, 4, lo=-3, hi=-0.5)], "negative divisor")
case("fmod", [R(3, 4, hi=9, lo=-9), P(3, 4)])
case("fmod", [LEFT, RIGHT], "special", _grad=False)
SIGNED = V([[-7], [7], [0], [5], [-6]], "i64"), V([2, -2, 3, -3, 1, -1, 7], "i64")
for mode in ("floor", "trunc"):
    case("div", [R(3, 4, hi=9, lo=-9), P(3, 4)], rounding_mode=mode)
    if mode == "floor":
        case("div", list(SIGNED), "i64", rounding_mode=mode)
    case("div", [LEFT, RIGHT], "special", rounding_mode=mode, _grad=False)
for name in ("add", "sub", "mul", "remainder", "fmod", "div"):
    case(name, list(SIGNED), "i64")
for name in ("add", "sub", "mul"):
    case(name, [V([250, 5, 128], "u8"), V([10, 7, 2], "u8")], "u8 wraps")
    case(name, [V([120, -128, 64], "i8"), V([10, 1, 2], "i8")], "i8 wraps")
    case(name, [R(8, dtype="bf16"), R(8, dtype="bf16")], "bf16")
    case(name, [R(8, dtype="f16"), R(8, dtype="f16")], "f16", _grad=False)
    case(name, [R(5, dtype="f64"), R(5, dtype="f64")], "f64")
case("add", [R(2, 3), R(2, 3)], alpha=2.5)
case("sub", [R(2, 3), R(2, 3)], alpha=-0.5)
case("mul", [B(6), B(6)], "bool")
case("add", [B(6), B(6)], "bool")
for value in (2, 3, 0.5, -1, -2, 0, 1, 2.5, -0.5):
    case("pow_number", [P(7)], value=value, _second=value in (2, 3, 0.5), _tol=2)
for value in (2, 3, 0):
    case("pow_number", [E], "signed base", value=value)
    case("pow_number", [I(6)], "i64", value=value)
for value in (2, 0.5, 10):
    case("rpow_number", [R(7)], value=value, _tol=2)
case("rsub_number", [R(5)], value=1)
case("rdiv_number", [P(5)], value=1)
case("mul_number", [R(5)], "with its gradient", value=-0.25)
case("div_number", [R(5)], "with its gradient", value=0.5)

ops(eq=torch.eq, ne=torch.ne, lt=torch.lt, le=torch.le, gt=torch.gt, ge=torch.ge)
for name in ("eq", "ne", "lt", "le", "gt", "ge"):
    case(name, [LEFT, RIGHT], _grad=False)
    case(name, [I(3, 1, lo=0, hi=3), I(1, 4, lo=0, hi=3)], "i64")
    case(name, [V([0, 100, 255], "u8"), V([[0], [100], [255]], "u8")], "u8")
    case(name, [B(5), B(5)], "bool")
ops(logical_and=torch.logical_and, logical_or=torch.logical_or, logical_xor=torch.logical_xor,
    bitwise_and=torch.bitwise_and, bitwise_or=torch.bitwise_or, bitwise_xor=torch.bitwise_xor,
    bitwise_left_shift=torch.bitwise_left_shift, bitwise_right_shift=torch.bitwise_right_shift)
for name in ("logical_and", "logical_or", "logical_xor"):
    case(name, [B(8), B(8)])
    case(name, [V([0.0, NAN, 2.0, -0.0]), V([[1.0], [0.0]])], "floats", _grad=False)
for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    case(name, [I(6, lo=-90, hi=90), I(6, lo=-90, hi=90)])
    case(name, [B(8), B(8)], "bool")
    case(name, [V([1, 77, 200, 255], "u8"), V([3, 128, 99, 255], "u8")], "u8")
case("bitwise_left_shift", [I(4, dtype="i32"), V([0, 1, 4, 9], "i32")])
case("bitwise_right_shift", [I(4, dtype="i32", lo=-900, hi=900), V([0, 1, 4, 9], "i32")])

# ---- three operands ----

ops(where=torch.where, lerp=lambda a, b, w=None, weight=None: torch.lerp(a, b, weight if w is None else w),
    clamp=lambda x, min=None, max=None: torch.clamp(x, min, max),
    clamp_tensor=lambda x, min=None, max=None: torch.clamp(x, min, max),
    masked_fill=lambda x, mask, value: torch.masked_fill(x, mask, value))
case("where", [B(3, 4), R(3, 4), R(3, 4)])
case("where", [B(3, 1), R(4), R(2, 3, 4)], "broadcast three ways")
case("where", [B(4), V([NAN, INF, -0.0, 1]), V([-0.0, NAN, 0.0, -INF])], "special", _zero=True)
case("where", [B(5), I(5), R(5)], "promotes", _grad=False)
case("lerp", [R(6), R(6), U(6)])
case("lerp", [R(6), R(6)], weight=0.25)
case("lerp", [R(6), R(6)], weight=0.75)
case("clamp", [E], min=-1, max=1)
case("clamp", [E], min=0.5)
case("clamp", [E], max=2)
case("clamp", [S], "special", min=-1, max=1, _grad=False)
case("clamp", [R(5)], "min above max", min=1, max=-1)
case("clamp", [I(7)], "i64", min=-2, max=3)
case("clamp_tensor", [R(3, 4), R(4, lo=-2, hi=-0.5), R(3, 1, lo=0.5, hi=2)])
case("masked_fill", [R(3, 4), B(3, 4)], value=-INF)
case("masked_fill", [R(3, 4), B(4)], "broadcast", value=0.5)
case("masked_fill", [I(3, 4), B(3, 4)], "i64", value=9)

# ---- activations ----

ops(relu=F.relu, leaky_relu=lambda x, negative_slope=0.01: F.leaky_relu(x, negative_slope), elu=lambda x, alpha=1.0: F.elu(x, alpha),
    gelu=lambda x, approximate="none": F.gelu(x, approximate=approximate), silu=F.silu,
    softplus=lambda x, beta=1, threshold=20: F.softplus(x, beta, threshold), log_sigmoid=F.logsigmoid, glu=lambda x, dim=-1: F.glu(x, dim))
PLAIN = ("relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "log_sigmoid")
for name in PLAIN:
    case(name, [R(3, 5)], _second=name in ("gelu", "silu", "elu", "relu"))
    case(name, [E], "edges")
    case(name, [S], "special", _grad=False)
    case(name, [R(6, dtype="f64")], "f64")
    case(name, [R(6, dtype="bf16")], "bf16", _grad=False)
for slope in (0.2, 0.0, 1.5):
    case("leaky_relu", [E], negative_slope=slope)
for alpha in (0.5, 2.0):
    case("elu", [E], alpha=alpha)
case("gelu", [E], approximate="tanh")
case("gelu", [S], "special", approximate="tanh", _grad=False)
case("softplus", [E], beta=2)
case("softplus", [E], beta=0.5)
case("softplus", [E], beta=1, threshold=5)
case("softplus", [E], beta=3, threshold=2)
case("glu", [R(3, 6)])
case("glu", [R(4, 3)], dim=0)
case("glu", [R(2, 4, 3)], dim=1)

ops(hardtanh=lambda x, min_val=-1.0, max_val=1.0: F.hardtanh(x, min_val, max_val), relu6=F.relu6, hardsigmoid=F.hardsigmoid, hardswish=F.hardswish, mish=F.mish,
    softsign=F.softsign, selu=F.selu, celu=lambda x, alpha=1.0: F.celu(x, alpha), softshrink=lambda x, lambd=0.5: F.softshrink(x, lambd), hardshrink=lambda x, lambd=0.5: F.hardshrink(x, lambd),
    tanhshrink=F.tanhshrink, threshold=lambda x, threshold, value: F.threshold(x, threshold, value), softmin=lambda x, dim: F.softmin(x, dim), prelu=F.prelu,
    rrelu_eval=lambda x, lower=1 / 8, upper=1 / 3: F.rrelu(x, lower, upper, training=False))
CORNERS = V([x for x in EDGES if abs(x) != 3])  # 1.13 has hardswish's slope of the side at its corners; later versions, and Ingot, 0 and 1
FINITE = V([x for x in SPECIAL if x == x])  # 1.13's softshrink takes NaN for 0; later versions, and Ingot, do not
for name in ("hardtanh", "relu6", "hardsigmoid", "hardswish", "mish", "softsign", "selu", "celu", "softshrink", "hardshrink", "tanhshrink", "rrelu_eval"):
    case(name, [R(3, 5, lo=-5, hi=5)], _second=name in ("mish", "selu", "celu"), _tol=4 if name in ("tanhshrink", "mish") else 1)  # both are differences that cancel
    case(name, [CORNERS if name == "hardswish" else E], "edges", _tol=4 if name == "tanhshrink" else 1)
    case(name, [FINITE if name == "softshrink" else S], "special", _grad=False)
    if name != "hardsigmoid":  # whose gradient PyTorch multiplies by 1/6 rounded to float32
        case(name, [R(6, dtype="f64")], "f64", _tol=4 if name == "tanhshrink" else 1)
case("hardtanh", [E], min_val=-2, max_val=0.5)
for alpha in (0.5, 2.0):
    case("celu", [E], alpha=alpha)
case("celu", [R(6)], alpha=-1.5)
for lambd in (0, 2.0):
    case("softshrink", [E], lambd=lambd)
    case("hardshrink", [E], lambd=lambd)
case("threshold", [E], threshold=0.5, value=-7.5)
case("threshold", [S], "special", threshold=-1, value=20, _grad=False)
for dim in (0, 1):
    case("softmin", [R(3, 4)], dim=dim)
case("prelu", [R(2, 3, 4), V([0.25])], "one slope")
case("prelu", [R(2, 3, 4), V([0.25, -0.5, 2.0])], "a slope a channel")
case("prelu", [R(5), V([0.1])], "vector")
case("rrelu_eval", [E], lower=0.2, upper=0.6)
