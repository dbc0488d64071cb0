"""Losses with their reductions and options."""
import torch.nn.functional as F

from table import H, I, P, R, V, begin, case, fixed, ops

begin("losses")

ops(cross_entropy=F.cross_entropy,
    nll_loss=F.nll_loss,
    mse_loss=F.mse_loss, l1_loss=F.l1_loss, smooth_l1_loss=F.smooth_l1_loss,
    bce_loss=lambda x, y, weight=None, reduction="mean": F.binary_cross_entropy(x, y, weight, reduction=reduction),
    bce_with_logits_loss=F.binary_cross_entropy_with_logits,
    kl_div=F.kl_div)
REDUCTIONS = ("mean", "sum", "none")
CLASSES = V([1, 0, 4, 2], "i64")
SOME = V([1, -100, 4, 2], "i64")
for r in REDUCTIONS:
    case("cross_entropy", [R(4, 5), CLASSES], reduction=r, _second=r == "mean")
    case("cross_entropy", [R(4, 5), CLASSES], reduction=r, label_smoothing=0.1)
    case("cross_entropy", [R(4, 5), SOME], reduction=r, ignore_index=-100)
    case("cross_entropy", [R(4, 5), CLASSES], reduction=r, ignore_index=4, label_smoothing=0.2)
    case("nll_loss", [R(4, 5), CLASSES], reduction=r)
    case("nll_loss", [R(4, 5), SOME], reduction=r, ignore_index=-100)
    case("nll_loss", [R(4, 5), CLASSES], reduction=r, ignore_index=2)
    for name in ("mse_loss", "l1_loss", "smooth_l1_loss"):
        case(name, [R(3, 4), R(3, 4)], reduction=r)
    case("smooth_l1_loss", [R(3, 4), R(3, 4)], reduction=r, beta=0.25)
    case("smooth_l1_loss", [R(3, 4), R(3, 4)], reduction=r, beta=2.0)
    case("bce_loss", [R(3, 4, lo=0.02, hi=0.98), fixed(R(3, 4, lo=0, hi=1))], reduction=r)
    case("bce_loss", [R(3, 4, lo=0.02, hi=0.98), fixed(R(3, 4, lo=0, hi=1)), fixed(P(3, 4))], "weighted", reduction=r)
    case("bce_loss", [R(3, 4, lo=0.02, hi=0.98), fixed(R(3, 4, lo=0, hi=1)), fixed(P(4))], "weighted by column", reduction=r)
    case("bce_with_logits_loss", [R(3, 4, lo=-4, hi=4), fixed(R(3, 4, lo=0, hi=1))], reduction=r)
    case("kl_div", [R(3, 4, lo=-3, hi=-0.1), fixed(H(3, 4))], reduction=r)
    case("kl_div", [R(3, 4, lo=-3, hi=-0.1), fixed(R(3, 4, lo=-3, hi=-0.1))], reduction=r, log_target=True)
case("cross_entropy", [R(2, 3, 4), I(2, 4, lo=0, hi=3)], "classes in the second dimension", reduction="mean")
case("cross_entropy", [V([[1000.0, -1000.0, 0.0], [88.0, 89.0, -90.0]]), V([0, 1], "i64")], "large logits", reduction="mean")
case("bce_loss", [V([0.0, 1.0, 0.0, 1.0]), V([0.0, 1.0, 1.0, 0.0])], "logarithms end at -100", reduction="none", _grad=False)
case("bce_with_logits_loss", [V([100.0, -100.0, 100.0, -100.0, 0.0]), fixed(V([0.0, 1.0, 1.0, 0.0, 0.5]))], "large logits", reduction="none")
case("kl_div", [R(3, 4, lo=-3, hi=-0.1), fixed(H(3, 4))], reduction="batchmean")
case("kl_div", [R(1, 3, lo=-3, hi=-0.1), V([[0.0, 0.25, 0.75]])], "a target of zero", reduction="sum", _grad=False)
