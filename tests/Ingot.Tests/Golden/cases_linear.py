"""Matrix products, einsum, linear layers, convolutions, pools."""
import torch
import torch.nn.functional as F

from table import INF, NAN, I, R, T, V, begin, case, op, ops

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

# ---- three dimensions, one image, padding by name, transposed ----

ops(conv3d=lambda x, w, b=None, stride=1, padding=0, dilation=1, groups=1: F.conv3d(x, w, b, stride, padding, dilation, groups))
for n in (1, 2, 3):
    op(f"conv_transpose{n}d")(lambda x, w, b=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1, f=getattr(F, f"conv_transpose{n}d"): f(x, w, b, stride, padding, output_padding, groups, dilation))
case("conv3d", [R(1, 2, 3, 4, 3), R(2, 2, 2, 3, 2), R(2)])
case("conv3d", [R(2, 1, 3, 3, 4), R(2, 1, 2, 2, 2)], "without bias", padding=1)
for attrs in (dict(stride=2), dict(stride=[1, 2, 2], padding=[0, 1, 1]), dict(padding=1, dilation=2), dict(dilation=[1, 2, 1])):
    case("conv3d", [R(1, 1, 4, 5, 4), R(2, 1, 2, 3, 2), R(2)], **attrs)
case("conv3d", [R(1, 4, 3, 3, 3), R(4, 2, 2, 2, 2), R(4)], groups=2)
case("conv1d", [R(2, 8), R(3, 2, 3), R(3)], "one image")
case("conv2d", [R(2, 4, 5), R(3, 2, 3, 3), R(3)], "one image", padding=1)
case("conv3d", [R(2, 3, 3, 3), R(2, 2, 2, 2, 2), R(2)], "one image")
case("conv1d", [R(1, 2, 7), R(2, 2, 4), R(2)], "an odd margin", padding="same")
case("conv1d", [R(1, 2, 7), R(2, 2, 3), R(2)], padding="valid")
case("conv2d", [R(1, 2, 5, 4), R(2, 2, 3, 2), R(2)], padding="same")
case("conv2d", [R(1, 2, 6, 5), R(2, 1, 2, 3), R(2)], padding="same", dilation=[1, 2], groups=2)
case("conv3d", [R(1, 1, 3, 4, 3), R(2, 1, 2, 3, 2), R(2)], padding="same")
case("conv2d", [R(1, 2, 4, 4), R(2, 2, 3, 3), R(2)], "second", _second=True, stride=2, padding=1)

case("conv_transpose1d", [R(2, 2, 5), R(2, 3, 3), R(3)])
case("conv_transpose1d", [R(2, 5), R(2, 3, 3)], "one image")
for attrs in (dict(stride=2), dict(stride=2, padding=1), dict(stride=2, padding=1, output_padding=1), dict(stride=3, padding=2, output_padding=2), dict(padding=1), dict(padding=3), dict(dilation=2), dict(stride=2, dilation=3),
              dict(stride=2, padding=2, output_padding=1, dilation=2), dict(stride=3, padding=1, output_padding=3, dilation=4), dict(stride=5), dict(dilation=3, padding=2)):
    case("conv_transpose1d", [R(1, 2, 5), R(2, 2, 3), R(2)], **attrs)
case("conv_transpose1d", [R(1, 2, 4), R(2, 2, 4), R(2)], "kernel twice the stride", stride=2, padding=1)
case("conv_transpose1d", [R(1, 2, 4), R(2, 2, 1), R(2)], "kernel of one", stride=3, output_padding=1)
case("conv_transpose1d", [R(1, 2, 4), R(2, 2, 2), R(2)], "kernel of the stride", stride=2)
case("conv_transpose1d", [R(1, 4, 4), R(4, 3, 3), R(6)], groups=2, stride=2, padding=1)
case("conv_transpose1d", [R(1, 1, 1), R(1, 1, 3)], "of one element", stride=2, padding=1)
case("conv_transpose2d", [R(2, 2, 3, 4), R(2, 3, 3, 2), R(3)])
case("conv_transpose2d", [R(2, 3, 4), R(2, 3, 3, 2)], "one image")
for attrs in (dict(stride=2), dict(stride=2, padding=1), dict(stride=2, padding=1, output_padding=1), dict(stride=[1, 3], padding=[0, 2], output_padding=[0, 1]), dict(dilation=2, padding=1), dict(stride=[2, 1], dilation=[2, 3]),
              dict(padding=[2, 1])):
    case("conv_transpose2d", [R(1, 2, 3, 4), R(2, 2, 3, 3), R(2)], **attrs)
case("conv_transpose2d", [R(1, 2, 3, 3), R(2, 1, 4, 4), R(1)], "second", _second=True, stride=2, padding=1)
case("conv_transpose2d", [R(1, 4, 2, 3), R(4, 2, 2, 2), R(4)], groups=2, stride=2)
case("conv_transpose2d", [R(1, 3, 3, 3), R(3, 1, 3, 3)], "a channel each", groups=3, stride=2, padding=1, output_padding=1)
case("conv_transpose3d", [R(1, 2, 2, 3, 2), R(2, 2, 2, 2, 3), R(2)])
for attrs in (dict(stride=2, padding=1, output_padding=1), dict(stride=[1, 2, 2], padding=[1, 0, 1]), dict(dilation=[1, 2, 1], padding=1)):
    case("conv_transpose3d", [R(1, 1, 2, 3, 2), R(1, 2, 3, 2, 3), R(2)], **attrs)
case("conv_transpose3d", [R(1, 2, 2, 2, 2), R(2, 1, 2, 2, 2)], groups=2, stride=2)

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

for n in (1, 2, 3):
    op(f"adaptive_avg_pool{n}d")(getattr(F, f"adaptive_avg_pool{n}d"))
    op(f"adaptive_max_pool{n}d")(getattr(F, f"adaptive_max_pool{n}d"))
ops(max_pool3d=lambda x, **a: F.max_pool3d(x, **a), avg_pool3d=lambda x, **a: F.avg_pool3d(x, **a))
for attrs in (dict(kernel_size=2), dict(kernel_size=[2, 1, 2], stride=1), dict(kernel_size=3, stride=2, padding=1)):
    case("max_pool3d", [R(1, 2, 4, 3, 4)], **attrs)
    case("avg_pool3d", [R(1, 2, 4, 3, 4)], **attrs)
case("max_pool2d", [R(2, 4, 4)], "one image", kernel_size=2)
case("avg_pool1d", [R(2, 6)], "one image", kernel_size=2)
for attrs in (dict(kernel_size=3, stride=2), dict(kernel_size=2, stride=3), dict(kernel_size=3, stride=2, padding=1), dict(kernel_size=2, stride=2, padding=1), dict(kernel_size=3, stride=5, padding=1)):
    for extent in (7, 8):
        case("max_pool1d", [R(1, 2, extent)], f"of {extent}", ceil_mode=True, **attrs)
        case("avg_pool1d", [R(1, 2, extent)], f"of {extent}", ceil_mode=True, **attrs)
        case("avg_pool1d", [R(1, 2, extent)], f"of {extent}", ceil_mode=True, count_include_pad=False, **attrs)
case("max_pool1d", [R(1, 2, 8)], kernel_size=2, stride=3, dilation=2, ceil_mode=True)
case("max_pool2d", [R(1, 1, 6, 5)], kernel_size=[3, 2], stride=2, padding=[1, 0], ceil_mode=True)
case("avg_pool2d", [R(1, 1, 6, 5)], kernel_size=[3, 2], stride=2, padding=[1, 0], ceil_mode=True)
case("avg_pool2d", [R(1, 1, 6, 5)], kernel_size=[3, 2], stride=2, padding=[1, 0], ceil_mode=True, count_include_pad=False)
case("max_pool3d", [R(1, 1, 4, 5, 4)], kernel_size=2, stride=2, padding=1, ceil_mode=True)
case("avg_pool3d", [R(1, 1, 4, 5, 4)], kernel_size=3, stride=2, padding=1, ceil_mode=True)
case("avg_pool2d", [R(1, 1, 5, 5)], kernel_size=2, divisor_override=3)
case("avg_pool3d", [R(1, 1, 3, 4, 4)], kernel_size=2, stride=2, ceil_mode=True, divisor_override=5)
for name in ("adaptive_avg_pool1d", "adaptive_max_pool1d"):
    for size in (1, 2, 3, 4, 6, 7, 12):
        case(name, [R(2, 2, 6)], output_size=size)
    case(name, [R(2, 7)], "one image", output_size=3)
for name in ("adaptive_avg_pool2d", "adaptive_max_pool2d"):
    for size in (1, 2, [3, 2], [2, 4], [5, 3], [7, 8]):
        case(name, [R(1, 2, 6, 5)], output_size=size)
    case(name, [R(2, 5, 5)], "one image", output_size=2)
case("adaptive_max_pool2d", [T(1, 1, 5, 7)], "gradient at ties goes to the first", output_size=[2, 3])
for name in ("adaptive_avg_pool3d", "adaptive_max_pool3d"):
    for size in (1, [2, 2, 1], [3, 2, 2]):
        case(name, [R(1, 2, 4, 3, 2)], output_size=size)

# ---- columns ----

ops(unfold=lambda x, kernel_size, dilation=1, padding=0, stride=1: F.unfold(x, kernel_size, dilation, padding, stride),
    fold=lambda x, output_size, kernel_size, dilation=1, padding=0, stride=1: F.fold(x, output_size, kernel_size, dilation, padding, stride))
for attrs in (dict(kernel_size=2), dict(kernel_size=[2, 3], stride=2), dict(kernel_size=3, padding=1), dict(kernel_size=2, dilation=2, padding=[1, 0]), dict(kernel_size=[3, 2], stride=[1, 2], padding=[2, 1], dilation=[1, 2])):
    case("unfold", [R(1, 2, 5, 4)], **attrs)
    windows = F.unfold(torch.zeros(1, 2, 5, 4), **attrs).shape
    case("fold", [R(*windows)], output_size=[5, 4], **attrs)
case("unfold", [R(2, 4, 4)], "one image", kernel_size=2, stride=2)
case("fold", [R(8, 4)], "one image", output_size=4, kernel_size=2, stride=2)

# ---- resizing ----

ops(interpolate=lambda x, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None: F.interpolate(x, size, scale_factor, mode, align_corners, recompute_scale_factor))
WAYS = [dict(size=[7, 3]), dict(size=[2, 9]), dict(size=1), dict(size=[5, 4]), dict(scale_factor=2), dict(scale_factor=[1.5, 0.6]), dict(scale_factor=[2.6, 1.3], recompute_scale_factor=True), dict(scale_factor=0.5)]
for mode in ("nearest", "nearest-exact", "area"):
    for way in WAYS:
        case("interpolate", [R(1, 2, 5, 4)], mode=mode, **way)
    case("interpolate", [R(2, 1, 5)], "one dimension", mode=mode, size=8)
    case("interpolate", [R(1, 1, 3, 2, 4)], "three dimensions", mode=mode, size=[4, 3, 2])
    case("interpolate", [R(1, 1, 3, 2, 2)], "three dimensions", mode=mode, scale_factor=2)
for corners in (True, False):
    for mode in ("bilinear", "bicubic"):
        for way in WAYS:
            case("interpolate", [R(1, 2, 5, 4)], mode=mode, align_corners=corners, _tol=4, **way)
    case("interpolate", [R(2, 1, 5)], mode="linear", align_corners=corners, size=8, _tol=4)
    case("interpolate", [R(2, 1, 5)], mode="linear", align_corners=corners, scale_factor=2.3, _tol=4)
    case("interpolate", [R(1, 1, 3, 2, 4)], mode="trilinear", align_corners=corners, size=[4, 3, 2], _tol=4)
    case("interpolate", [R(1, 1, 3, 2, 2)], mode="trilinear", align_corners=corners, scale_factor=2, _tol=4)
case("interpolate", [R(1, 1, 3, 3, dtype="f64")], "f64", mode="bilinear", align_corners=False, scale_factor=2)
for equation, shapes in [("ij,jk->ik", [(2, 1), (3, 4)]), ("ij,ij->ij", [(1, 3), (2, 3)]), ("ij,ij->", [(2, 1), (2, 3)]), ("bij,bjk->bik", [(1, 2, 3), (2, 1, 2)]), ("ij,jk,kl->il", [(2, 1), (1, 1), (3, 2)])]:
    case("einsum", [R(*s) for s in shapes], "an extent of one " + " ".join("x".join(map(str, s)) for s in shapes), equation=equation)
