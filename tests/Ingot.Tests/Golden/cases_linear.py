"""Matrix products, einsum, linear layers, convolutions, pools."""
import torch
import torch.nn.functional as F

from table import INF, NAN, I, R, T, V, begin, case, ops

begin("linear")

ops(matmul=torch.matmul, einsum=lambda *x, equation: torch.einsum(equation, *x), linear=F.linear)
case("matmul", [R(5), R(5)], "vector vector")
case("matmul", [R(3, 5), R(5)], "matrix vector")
case("matmul", [R(5), R(5, 3)], "vector matrix")
case("matmul", [R(3, 5), R(5, 4)], "matrix matrix", _second=True)
case("matmul", [R(2, 3, 4), R(4, 3)], "batch matrix")
case("matmul", [R(3, 4), R(2, 4, 3)], "matrix batch")
case("matmul", [R(2, 3, 4), R(2, 4, 2)], "batch batch")
case("matmul", [R(2, 1, 2, 3), R(3, 3, 2)], "batches broadcast")
case("matmul", [R(4), R(2, 4, 3)], "vector batch")
case("matmul", [R(2, 3, 4), R(4)], "batch vector")
case("matmul", [R(3, 0), R(0, 2)], "inner extent zero")
case("matmul", [R(3, 4, dtype="f64"), R(4, 2, dtype="f64")], "f64")
case("matmul", [R(3, 4, dtype="bf16"), R(4, 2, dtype="bf16")], "bf16")
case("matmul", [I(3, 4), I(4, 2)], "i64")
case("matmul", [V([[NAN, 1.0], [INF, 0.0]]), V([[1.0, 0.0], [2.0, 1.0]])], "special", _grad=False)
for equation, shapes in [
        ("ij,jk->ik", [(2, 3), (3, 4)]), ("ij,kj->ik", [(2, 3), (4, 3)]), ("ij,jk", [(2, 3), (3, 4)]), ("ij->ji", [(2, 3)]), ("ij->", [(2, 3)]), ("ij->j", [(2, 3)]),
        ("i,j->ij", [(3,), (4,)]), ("i,i->", [(4,), (4,)]), ("ii->i", [(3, 3)]), ("ii", [(3, 3)]), ("bij,bjk->bik", [(2, 2, 3), (2, 3, 2)]), ("bhid,bhjd->bhij", [(1, 2, 3, 2), (1, 2, 2, 2)]),
        ("ijk,jl->ikl", [(2, 3, 2), (3, 2)]), ("...ij,...jk->...ik", [(2, 2, 3), (2, 3, 2)]), ("ij,ij->ij", [(2, 3), (2, 3)]), ("ij,ij->i", [(2, 3), (2, 3)]), ("ab,bc,cd->ad", [(2, 3), (3, 2), (2, 3)]),
        ("abc->cba", [(2, 3, 2)]), ("ba", [(2, 3)])]:
    case("einsum", [R(*s) for s in shapes], equation=equation)
case("linear", [R(3, 4), R(5, 4), R(5)], "with bias")
case("linear", [R(3, 4), R(5, 4)], "without bias")
case("linear", [R(2, 3, 4), R(2, 4), R(2)], "batch")
case("linear", [R(4), R(3, 4), R(3)], "vector")

ops(conv1d=lambda x, w, b=None, stride=1, padding=0, dilation=1, groups=1: F.conv1d(x, w, b, stride, padding, dilation, groups),
    conv2d=lambda x, w, b=None, stride=1, padding=0, dilation=1, groups=1: F.conv2d(x, w, b, stride, padding, dilation, groups))
case("conv1d", [R(2, 2, 8), R(3, 2, 3), R(3)])
case("conv1d", [R(2, 2, 8), R(3, 2, 3)], "without bias")
for attrs in (dict(stride=2), dict(padding=1), dict(padding=2, stride=3), dict(dilation=2), dict(dilation=3, padding=3, stride=2), dict(padding=1, dilation=2, stride=2)):
    case("conv1d", [R(1, 2, 9), R(2, 2, 3), R(2)], **attrs)
case("conv1d", [R(1, 4, 6), R(4, 2, 3), R(4)], groups=2)
case("conv1d", [R(1, 3, 6), R(6, 1, 2), R(6)], groups=3, stride=2, padding=1)
case("conv1d", [R(1, 2, 5), R(3, 2, 1), R(3)], "kernel of one")
case("conv2d", [R(2, 2, 4, 5), R(3, 2, 3, 3), R(3)])
case("conv2d", [R(1, 2, 4, 5), R(2, 2, 2, 3)], "without bias")
for attrs in (dict(stride=2), dict(stride=[2, 1]), dict(padding=1), dict(padding=[2, 0]), dict(stride=2, padding=1), dict(stride=[1, 3], padding=[1, 2]), dict(dilation=2, padding=2), dict(dilation=[1, 2]),
              dict(stride=2, padding=2, dilation=2), dict(stride=3, padding=1)):
    case("conv2d", [R(1, 1, 6, 7), R(2, 1, 3, 3), R(2)], **attrs)
case("conv2d", [R(1, 4, 4, 3), R(4, 2, 2, 2), R(4)], groups=2)
case("conv2d", [R(1, 3, 4, 4), R(3, 1, 3, 3), R(3)], groups=3)
case("conv2d", [R(1, 2, 5, 4), R(4, 1, 2, 2), R(4)], groups=2, stride=2, padding=1)
case("conv2d", [R(1, 2, 6, 5), R(2, 1, 2, 2)], "without bias", groups=2, dilation=2)
case("conv2d", [R(1, 3, 3, 4), R(4, 3, 1, 1), R(4)], "kernel of one")

ops(max_pool1d=lambda x, **a: F.max_pool1d(x, **a), max_pool2d=lambda x, **a: F.max_pool2d(x, **a),
    avg_pool1d=lambda x, **a: F.avg_pool1d(x, **a), avg_pool2d=lambda x, **a: F.avg_pool2d(x, **a))
for attrs in (dict(kernel_size=2), dict(kernel_size=3, stride=1), dict(kernel_size=3, stride=2, padding=1)):
    case("max_pool1d", [R(1, 2, 9)], **attrs)
    case("avg_pool1d", [R(1, 2, 9)], **attrs)
case("max_pool1d", [R(1, 2, 9)], kernel_size=2, stride=1, dilation=3)
for attrs in (dict(kernel_size=2), dict(kernel_size=[2, 3]), dict(kernel_size=3, stride=1), dict(kernel_size=3, stride=2, padding=1), dict(kernel_size=2, stride=[1, 2]), dict(kernel_size=[3, 2], stride=2, padding=[1, 0])):
    case("max_pool2d", [R(1, 2, 5, 6)], **attrs)
    case("avg_pool2d", [R(1, 2, 5, 6)], **attrs)
case("max_pool2d", [R(1, 2, 5, 6)], kernel_size=2, stride=1, dilation=2)
case("max_pool2d", [R(1, 1, 6, 6)], kernel_size=2, stride=2, padding=1, dilation=2)
case("max_pool2d", [T(1, 1, 6, 6)], "gradient at ties goes to the first", kernel_size=3, stride=2)
case("max_pool2d", [V([[[[NAN, 1.0, -INF, -INF], [2.0, 3.0, -INF, -INF]]]])], "special", kernel_size=2, _grad=False)
case("avg_pool2d", [R(1, 1, 5, 5)], kernel_size=3, stride=2, padding=1, count_include_pad=False)
case("avg_pool1d", [R(1, 1, 7)], kernel_size=3, stride=1, padding=1, count_include_pad=False)
