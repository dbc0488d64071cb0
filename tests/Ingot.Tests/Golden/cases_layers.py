"""Layers: normalisation, embedding, attention, dropout when not training."""
import math

import torch
import torch.nn.functional as F

from table import INF, I, P, R, V, begin, case, fixed, op, ops

begin("layers")

ops(layer_norm=lambda x, w=None, b=None, eps=1e-5: F.layer_norm(x, x.shape[-1:], w, b, eps),
    group_norm=lambda x, w=None, b=None, groups=1, eps=1e-5: F.group_norm(x, groups, w, b, eps),
    embedding=lambda index, table: F.embedding(index, table),
    dropout_eval=lambda x, p: F.dropout(x, p, training=False))


@op("rms_norm")
def _(x, w=None, eps=1e-5):
    y = x * torch.rsqrt((x * x).mean(-1, keepdim=True) + eps)
    return y if w is None else y * w


@op("batch_norm")
def _(x, mean, var, w=None, b=None, training=False, momentum=0.1, eps=1e-5):
    """Outputs: y, the running mean and the running variance afterwards."""
    mean, var = mean.detach().clone(), var.detach().clone()
    y = F.batch_norm(x, mean, var, w, b, training, momentum, eps)
    return [y, mean, var]


@op("sdpa")
def _(q, k, v, mask=None, is_causal=False, scale=None):
    scores = q @ k.transpose(-1, -2) * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    if is_causal:
        scores = scores.masked_fill(torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1), -INF)
    if mask is not None:
        scores = scores.masked_fill(~mask, -INF) if mask.dtype == torch.bool else scores + mask
    return torch.softmax(scores, -1) @ v


@op("instance_norm")
def _(x, mean=None, var=None, w=None, b=None, use_input_stats=True, momentum=0.1, eps=1e-5):
    """Outputs: y, and the running statistics afterwards if there are any."""
    if mean is None:
        return F.instance_norm(x, None, None, w, b, use_input_stats, momentum, eps)
    mean, var = mean.detach().clone(), var.detach().clone()
    y = F.instance_norm(x, mean, var, w, b, use_input_stats, momentum, eps)
    return [y, mean, var]


case("layer_norm", [R(3, 5)], _second=True, _tol=4)
case("layer_norm", [R(3, 5), R(5), R(5)], "scale and shift")
case("layer_norm", [R(3, 5), R(5)], "scale alone")
case("layer_norm", [R(3, 5), R(5), R(5)], eps=0.1)
case("layer_norm", [R(2, 5, dtype="f64"), R(5, dtype="f64"), R(5, dtype="f64")], "f64")
case("rms_norm", [R(3, 5)])
case("rms_norm", [R(3, 5), R(5)], "scale")
case("rms_norm", [R(3, 5), R(5)], eps=0.1)
case("rms_norm", [R(2, 3, 4), R(4)], eps=1e-6)
for groups in (1, 2, 4):
    case("group_norm", [R(2, 4, 3), R(4), R(4)], groups=groups)
case("group_norm", [R(2, 4, 2, 2)], groups=2, eps=0.01)
STATE = [fixed(R(3)), fixed(P(3))]
for training in (False, True):
    case("batch_norm", [R(4, 3)] + STATE + [R(3), R(3)], "rows", training=training, _tol=4)
    case("batch_norm", [R(2, 3, 4)] + STATE + [R(3), R(3)], "1d", training=training, _tol=4)
    case("batch_norm", [R(2, 3, 2, 2)] + STATE + [R(3), R(3)], "2d", training=training, _tol=4)
    case("batch_norm", [R(2, 3, 2, 2)] + STATE, "no scale", training=training, eps=0.01)
case("batch_norm", [R(4, 3)] + STATE + [R(3), R(3)], training=True, momentum=0.5, eps=1e-3)
case("batch_norm", [R(4, 3)] + STATE + [R(3), R(3)], training=True, momentum=0.9)
case("instance_norm", [R(2, 3, 4), None, None, R(3), R(3)], "1d", _tol=4)
case("instance_norm", [R(2, 3, 2, 3), None, None, R(3), R(3)], "2d", _tol=4)
case("instance_norm", [R(1, 2, 2, 3, 2)], "3d", eps=0.01, _tol=4)
case("instance_norm", [R(2, 3, 5)], "second", _second=True, _tol=8)
case("instance_norm", [R(2, 3, 4)] + STATE + [R(3), R(3)], "running statistics follow", momentum=0.3, _tol=4)
case("instance_norm", [R(2, 3, 4)] + STATE + [R(3), R(3)], "running statistics used", use_input_stats=False, _tol=4)
case("embedding", [I(5, lo=0, hi=6), R(6, 4)])
case("embedding", [V([[0, 2], [2, 2], [5, 0]], "i64"), R(6, 3)], "repeated rows add up")
case("embedding", [I(4, dtype="i32", lo=0, hi=6), R(6, 2)], "i32")
case("dropout_eval", [R(3, 4)], p=0.5)
Q = [R(2, 3, 4), R(2, 5, 4), R(2, 5, 4)]
SQUARE = [R(1, 2, 4, 3), R(1, 2, 4, 3), R(1, 2, 4, 3)]
case("sdpa", Q, _second=True)
case("sdpa", SQUARE, "heads")
case("sdpa", SQUARE, is_causal=True)
case("sdpa", Q, scale=0.3)
case("sdpa", SQUARE, is_causal=True, scale=1.0)
case("sdpa", Q + [V([[True, False, True, True, False], [True] * 5, [False, False, False, True, False]], "bool")], "bool mask")
case("sdpa", Q + [R(3, 5)], "bias")
case("sdpa", SQUARE + [R(2, 1, 4)], "bias broadcast", scale=0.5)
