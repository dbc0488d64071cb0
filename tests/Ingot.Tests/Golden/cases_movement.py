"""Shape operations: what moves elements and computes nothing."""
import torch
import torch.nn.functional as F

from table import INF, NAN, B, I, R, V, begin, case, ops

begin("movement")

ops(reshape=lambda x, shape: x.reshape(shape), view=lambda x, shape: x.view(shape), permute=lambda x, dims: x.permute(dims),
    transpose=lambda x, dim0, dim1: x.transpose(dim0, dim1), expand=lambda x, shape: x.expand(shape),
    squeeze=lambda x, dim=None: x.squeeze() if dim is None else x.squeeze(dim), unsqueeze=lambda x, dim: x.unsqueeze(dim),
    flatten=lambda x, start_dim=0, end_dim=-1: x.flatten(start_dim, end_dim), unflatten=lambda x, dim, sizes: x.unflatten(dim, sizes),
    flip=lambda x, dims: x.flip(dims), roll=lambda x, shifts, dims: x.roll(shifts, dims),
    pad=lambda x, pad, mode="constant", value=0: F.pad(x, pad, mode, value if mode == "constant" else None),
    cat=lambda *x, dim=0: torch.cat(x, dim), stack=lambda *x, dim=0: torch.stack(x, dim),
    split=lambda x, size, dim=0: x.split(size, dim), split_sizes=lambda x, sizes, dim=0: x.split(sizes, dim),
    chunk=lambda x, chunks, dim=0: x.chunk(chunks, dim), repeat=lambda x, repeats: x.repeat(repeats),
    repeat_interleave=lambda x, repeats, dim=None: x.repeat_interleave(repeats, dim),
    repeat_interleave_counts=lambda x, repeats, dim=None: x.repeat_interleave(repeats, dim),
    diagonal=lambda x, offset=0, dim1=0, dim2=1: x.diagonal(offset, dim1, dim2))

case("reshape", [R(3, 4)], shape=[2, 6], _zero=True)
case("reshape", [R(3, 4)], shape=[-1])
case("reshape", [R(2, 3, 4)], shape=[4, -1, 3])
case("reshape", [R(1)], shape=[])
case("reshape", [R(0, 3)], "nothing in it", shape=[3, 0])
case("view", [R(3, 4)], shape=[12])
case("view", [R(2, 6)], shape=[2, -1, 3])
for dims in ([1, 0], [0, 1], [2, 0, 1], [-1, 0, 1], [0, 2, 1], [3, 1, 2, 0]):
    case("permute", [R(2, 3, 4, 2) if len(dims) == 4 else R(2, 3, 4) if len(dims) == 3 else R(3, 4)], dims=dims)
for a, b in ((0, 1), (-1, -2), (0, 2), (1, 1)):
    case("transpose", [R(2, 3, 4)], dim0=a, dim1=b)
case("expand", [R(3, 1)], shape=[3, 4])
case("expand", [R(3, 1)], shape=[2, -1, 4])
case("expand", [R()], shape=[2, 3])
case("expand", [I(1, 3)], "i64", shape=[2, 3])
case("squeeze", [R(1, 3, 1, 2)])
for dim in (0, 2, -2, 1):
    case("squeeze", [R(1, 3, 1, 2)], dim=dim)
for dim in (0, 1, 2, -1, -2):
    case("unsqueeze", [R(3, 4)], dim=dim)
case("flatten", [R(2, 3, 4)])
case("flatten", [R()], "a scalar")
case("flatten", [R(2, 3, 4)], start_dim=1)
case("flatten", [R(2, 3, 4)], start_dim=0, end_dim=1)
case("flatten", [R(2, 3, 2, 2)], start_dim=-3, end_dim=-2)
case("unflatten", [R(2, 6)], dim=1, sizes=[2, 3])
case("unflatten", [R(6, 2)], dim=-2, sizes=[3, -1])
case("flip", [V([[NAN, 1.0, -0.0], [INF, 2.0, 0.0]])], dims=[0], _zero=True)
for dims in ([1], [-1], [0, 1], [0, 2]):
    case("flip", [R(2, 3, 2)], dims=dims)
case("roll", [R(3, 4)], shifts=1, dims=0)
case("roll", [R(3, 4)], shifts=-2, dims=1)
case("roll", [R(3, 4)], shifts=7, dims=-1)
case("roll", [R(3, 4)], shifts=[1, 2], dims=[0, 1])
case("roll", [R(3, 4)], shifts=[1, -1], dims=[1, 1])
case("pad", [R(2, 3)], pad=[1, 2])
case("pad", [R(2, 3)], pad=[1, 0, 0, 2])
case("pad", [R(2, 2, 3)], pad=[0, 1, 1, 0, 2, 0])
case("pad", [R(2, 3)], pad=[1, 1], value=2.5)
case("pad", [R(2, 3)], pad=[0, 2, 1, 1], value=-INF)
case("pad", [R(3, 5)], pad=[-1, 2])
case("pad", [R(3, 5)], pad=[-1, -2, 1, -1], value=0.5)
case("pad", [I(2, 3)], "i64", pad=[1, 1], value=7)
case("pad", [B(4)], "bool", pad=[1, 2], value=True)
case("pad", [R(1, 2, 3)], pad=[2, 1], mode="replicate")
case("pad", [R(1, 2, 3, 4)], pad=[1, 0, 2, 1], mode="replicate")
case("pad", [R(2, 3, 4)], pad=[0, 3], mode="replicate")
for mode in ("reflect", "circular"):
    case("pad", [R(1, 2, 4)], pad=[2, 1], mode=mode)
    case("pad", [R(1, 2, 3, 4)], pad=[1, 3, 2, 1], mode=mode)
    case("pad", [R(2, 3, 4)], pad=[0, 3], mode=mode)
    case("pad", [R(1, 1, 3, 3, 4)], pad=[1, 2, 0, 1, 2, 2], mode=mode)
case("pad", [R(1, 1, 3, 2, 4)], pad=[1, 2, 0, 1, 2, 2], mode="replicate")
case("pad", [R(1, 2, 3)], "all of it", pad=[3, 3], mode="circular")
case("cat", [R(2, 3), R(0), R(1, 3)], "one of shape (0,)")
case("cat", [R(0), R(2, 3), R(2, 1)], "one of shape (0,)", dim=1)
case("cat", [I(0), R(2)], "one of shape (0,) promotes", _grad=False)
case("cat", [R(0), R(0)], "all of shape (0,)")
case("cat", [R(2, 3), R(1, 3)])
case("cat", [R(2, 3), R(2, 1), R(2, 2)], dim=1)
case("cat", [R(2, 2, 2), R(2, 2, 3)], dim=-1)
case("cat", [I(2, 3), R(1, 3)], "promotes", _grad=False)
case("cat", [R(0, 3), R(2, 3)], "an empty one")
case("stack", [R(2, 3), R(2, 3)])
case("stack", [R(2, 3), R(2, 3), R(2, 3)], dim=1)
case("stack", [R(2, 3), R(2, 3)], dim=-1)
case("stack", [R(), R()], "scalars")
case("split", [R(5, 3)], size=2)
case("split", [R(3, 6)], size=3, dim=1)
case("split", [R(3, 5)], size=4, dim=-1)
case("split_sizes", [R(5, 3)], sizes=[1, 4])
case("split_sizes", [R(2, 6)], sizes=[3, 1, 2], dim=1)
case("chunk", [R(7, 2)], chunks=3)
case("chunk", [R(2, 6)], chunks=2, dim=1)
case("chunk", [R(2, 5)], chunks=4, dim=-1)
case("repeat", [R(2, 3)], repeats=[2, 1])
case("repeat", [R(2, 3)], repeats=[1, 2])
case("repeat", [R(3)], repeats=[2, 1, 2])
case("repeat_interleave", [R(2, 3)], repeats=2)
case("repeat_interleave", [R(2, 3)], repeats=2, dim=0)
case("repeat_interleave", [R(2, 3)], repeats=3, dim=1)
case("repeat_interleave", [R(2, 3, 2)], repeats=2, dim=-2)
case("diagonal", [R(4, 4)])
case("diagonal", [R(3, 5)], offset=1)
case("diagonal", [R(5, 3)], offset=-2)
case("diagonal", [R(2, 3, 3)], offset=0, dim1=1, dim2=2)
case("diagonal", [R(3, 2, 4)], offset=1, dim1=0, dim2=-1)
case("diagonal", [R(3, 2, 4)], offset=-1, dim1=2, dim2=0)
case("repeat_interleave_counts", [R(3, 2), V([2, 0, 3], "i64")], dim=0)
case("repeat_interleave_counts", [R(2, 3), V([1, 2, 0], "i64")], dim=-1)
case("repeat_interleave_counts", [R(2, 2), V([1, 0, 2, 3], "i64")])
case("repeat_interleave_counts", [R(2, 3), V([2], "i64")], "one count", dim=1)
case("repeat_interleave_counts", [R(3), V([0, 0, 0], "i64")], "nothing left", dim=0)
